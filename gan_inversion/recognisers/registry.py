"""The recognisers by name; opening one, or a user's own."""

from gan_inversion.core.errors import UserError
from gan_inversion.core.own import is_own, load_object, plain_name, source_digest
from gan_inversion.recognisers.base import CallableEmbedder, Embedder
from gan_inversion.recognisers.compact import Compact
from gan_inversion.recognisers.dlib import Dlib
from gan_inversion.recognisers.facenet import FaceNet

EMBEDDERS: dict[str, type[Embedder]] = {
    embedder.name: embedder for embedder in (FaceNet, Compact, Dlib)
}


def load_embedder(name: str) -> Embedder:
    """Load a recogniser by name, a key of `EMBEDDERS`."""
    if name not in EMBEDDERS:
        raise UserError(f"embedder must be one of {', '.join(EMBEDDERS)}, not {name!r}")
    return EMBEDDERS[name]()


def open_embedder(spec: str) -> Embedder:
    """A recogniser by name, or the one in `file.py:name`: an `Embedder`, its class, a function."""
    if not is_own(spec):
        return load_embedder(spec)
    found = load_object(spec)
    embedder = found() if isinstance(found, type) else found
    if isinstance(embedder, Embedder):
        return embedder
    if not callable(embedder):
        raise UserError(f"expected a function or an Embedder in {spec}, got {embedder!r}")
    return CallableEmbedder(plain_name(spec), source_digest(spec), embedder)
