"""Frozen recognisers: `facenet`, `compact` (shipped) and `dlib` (independent)."""

from gan_inversion.embedders.base import (
    CallableEmbedder,
    Embedder,
    KerasEmbedder,
    embed_cached,
    fastest_precision,
)
from gan_inversion.embedders.compact import Compact
from gan_inversion.embedders.dlib import Dlib
from gan_inversion.embedders.facenet import FaceNet
from gan_inversion.errors import UserError

EMBEDDERS: dict[str, type[Embedder]] = {
    embedder.name: embedder for embedder in (FaceNet, Compact, Dlib)
}

__all__ = [
    "EMBEDDERS",
    "CallableEmbedder",
    "Compact",
    "Dlib",
    "Embedder",
    "FaceNet",
    "KerasEmbedder",
    "embed_cached",
    "fastest_precision",
    "load_embedder",
]


def load_embedder(name: str) -> Embedder:
    """Load a recogniser by name, a key of `EMBEDDERS`."""
    if name not in EMBEDDERS:
        raise UserError(f"embedder must be one of {', '.join(EMBEDDERS)}, not {name!r}")
    return EMBEDDERS[name]()
