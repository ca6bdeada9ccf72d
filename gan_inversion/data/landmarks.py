"""dlib's models: where a face is, how to bring it upright, and a descriptor of it.

King, "Dlib-ml", JMLR 2009; landmarks by Kazemi & Sullivan, CVPR 2014; descriptor: King, "High
Quality Face Recognition with Deep Metric Learning" (2017). Needs the `dlib` extra. The model files
come with `face_recognition_models`, which cannot be imported itself any more (it needs
pkg_resources), so they are found beside its code.
"""

import importlib
import importlib.util
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from gan_inversion.core.errors import UserError

PREDICTOR = "shape_predictor_5_face_landmarks.dat"
NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
CHIP, PADDING = 150, 0.25  # of the picture that the descriptor's network was trained on


@cache
def dlib() -> ModuleType:
    """The dlib module.

    Raises:
        UserError: the extra is not installed.
    """
    try:
        return importlib.import_module("dlib")
    except ImportError as error:
        raise UserError("dlib is not installed: pip install 'gan_inversion[dlib]'") from error


def model_file(name: str) -> Path:
    """Path of one of the model files that `face_recognition_models` ships."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise UserError(
            "face_recognition_models is not installed: pip install 'gan_inversion[dlib]'"
        )
    return Path(spec.origin).parent / "models" / name


class _Models(threading.local):
    """One of each model a thread: dlib's keep scratch space and are not safe to share."""

    def __init__(self) -> None:
        self.detector = dlib().get_frontal_face_detector()
        self.predictor = dlib().shape_predictor(str(model_file(PREDICTOR)))


@cache
def _models() -> _Models:
    return _Models()


def largest_face(image: np.ndarray):
    """dlib's rectangle around the largest face of uint8 (H, W, 3), or None."""
    found = _models().detector(image, 0)
    return max(found, key=lambda box: box.area(), default=None)


def landmarks(image: np.ndarray, box):
    """Five landmarks in a rectangle: outer and inner corner of both eyes, base of the nose.

    Returns:
        dlib's detection object, which `face_chip` and the recogniser take.
    """
    return _models().predictor(image, box)


def points(shape) -> np.ndarray:
    """Landmarks as float (5, 2): x, y in pixels."""
    return np.array([(point.x, point.y) for point in shape.parts()], float)


@cache
def _network():
    return dlib().face_recognition_model_v1(str(model_file(NETWORK)))


def descriptors(images: np.ndarray, *, usual: tuple[int, int, int, int]) -> np.ndarray:
    """Describe the largest face of each picture. One thread at a time: dlib keeps scratch space.

    Args:
        images: uint8 (N, H, W, 3).
        usual: left, top, right, bottom of the face where none is found.

    Returns:
        float64 (N, 128).
    """
    found = []
    for image in np.ascontiguousarray(images):
        box = largest_face(image)
        if box is None:
            box = dlib().rectangle(*usual)
        chip = dlib().get_face_chip(image, landmarks(image, box), CHIP, PADDING)
        found.append(np.array(_network().compute_face_descriptor(chip)))
    return np.array(found).reshape(-1, 128)
