"""Frozen recognisers: `facenet`, `compact` (shipped) and `dlib` (independent)."""

from gan_inversion.recognisers.base import (
    CallableEmbedder,
    Embedder,
    KerasEmbedder,
    fastest_precision,
)
from gan_inversion.recognisers.cache import embed_cached, embed_view
from gan_inversion.recognisers.compact import Compact
from gan_inversion.recognisers.dlib import Dlib
from gan_inversion.recognisers.facenet import FaceNet
from gan_inversion.recognisers.registry import EMBEDDERS, load_embedder, open_embedder

__all__ = [
    "EMBEDDERS",
    "CallableEmbedder",
    "Compact",
    "Dlib",
    "Embedder",
    "FaceNet",
    "KerasEmbedder",
    "embed_cached",
    "embed_view",
    "fastest_precision",
    "load_embedder",
    "open_embedder",
]
