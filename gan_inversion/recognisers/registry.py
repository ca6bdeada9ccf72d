"""The registry of recognisers; opens one by name, an ONNX file, or a user's own."""

import re
from pathlib import Path

from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.own import free_name, is_own, load_object, plain_name, source_digest
from gan_inversion.recognisers.base import FunctionRecogniser, Recogniser
from gan_inversion.recognisers.card import read_card
from gan_inversion.recognisers.compact import Compact
from gan_inversion.recognisers.dlib import Dlib
from gan_inversion.recognisers.facenet import FaceNet
from gan_inversion.recognisers.mobilefacenet import MobileFaceNet
from gan_inversion.recognisers.onnx import OnnxRecogniser
from gan_inversion.recognisers.sface import SFace

RECOGNISERS: dict[str, type[Recogniser]] = {
    recogniser.name: recogniser for recogniser in (FaceNet, Compact, Dlib, SFace, MobileFaceNet)
}
ONNX = re.compile(r"(?P<file>.*\.onnx)(:(?P<card>.*))?", re.DOTALL)


def load_recogniser(name: str) -> Recogniser:
    """Load a recogniser by name, a key of `RECOGNISERS`."""
    if name not in RECOGNISERS:
        raise UserError(f"recogniser must be one of {', '.join(RECOGNISERS)}, not {name!r}")
    return RECOGNISERS[name]()


def name_of(spec: str) -> str:
    """Name of the recogniser of a `spec`; only a user's own must be opened to know it."""
    return open_recogniser(spec).name if is_own(spec) else spec


def open_recogniser(spec: str) -> Recogniser:
    """Open a recogniser.

    Args:
        spec: a key of `RECOGNISERS`; an ONNX file `model.onnx` with its card beside it, or
            `model.onnx:card` (see `read_card`); or `file.py:name`, where the name is that of a
            function, of a `Recogniser` or of its class.
    """
    if given := ONNX.fullmatch(spec):
        path = Path(given["file"])
        if not path.is_file():
            raise UserError(f"expected an ONNX file in {path}, found none")
        name = plain_name(path.stem)
        if name in RECOGNISERS or not name:
            name = f"onnx_{name}".rstrip("_")
        return OnnxRecogniser(path, read_card(path, given["card"] or ""), name=name)
    if not is_own(spec):
        return load_recogniser(spec)
    user_object = load_object(spec)
    try:
        recogniser = user_object() if isinstance(user_object, type) else user_object
    except Exception as error:  # of a user's code
        raise UserError(f"{spec} cannot be made: {one_line(error)}") from error
    if isinstance(recogniser, Recogniser):
        return recogniser
    if not callable(recogniser):
        raise UserError(f"expected a function or a Recogniser in {spec}, got {recogniser!r}")
    name = free_name(spec, RECOGNISERS.__contains__)
    return FunctionRecogniser(name, source_digest(spec), recogniser)
