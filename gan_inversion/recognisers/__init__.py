"""Frozen recognisers: `facenet`, `mobilefacenet`, `compact` (shipped), `sface`, `dlib`, ONNX."""

from gan_inversion.recognisers.base import (
    FunctionRecogniser,
    KerasRecogniser,
    Recogniser,
    fastest_precision,
)
from gan_inversion.recognisers.cache import embed_cached, embed_unnamed, embed_view
from gan_inversion.recognisers.compact import Compact
from gan_inversion.recognisers.dlib import Dlib
from gan_inversion.recognisers.facenet import FaceNet
from gan_inversion.recognisers.registry import (
    RECOGNISERS,
    load_recogniser,
    name_of,
    open_recogniser,
)

__all__ = [
    "RECOGNISERS",
    "FunctionRecogniser",
    "Compact",
    "Dlib",
    "Recogniser",
    "FaceNet",
    "KerasRecogniser",
    "embed_cached",
    "embed_unnamed",
    "embed_view",
    "fastest_precision",
    "load_recogniser",
    "name_of",
    "open_recogniser",
]
