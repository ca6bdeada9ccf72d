"""dlib's models: a face detector, a predictor of five landmarks, and a face descriptor.

King, "Dlib-ml", JMLR 2009; landmarks by Kazemi & Sullivan, CVPR 2014; descriptor: King, "High
Quality Face Recognition with Deep Metric Learning" (2017). Needs the `dlib` extra. The model files
come with `face_recognition_models`, which can no longer be imported (it needs
pkg_resources), so their folder is found without importing it.
"""

import importlib
import importlib.util
import threading
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gan_inversion.core.errors import UserError, extra_of, optional

PREDICTOR = "shape_predictor_5_face_landmarks.dat"
NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
CHIP, PADDING = 150, 0.25  # pixels and margin of the crops that dlib's network takes


@cache
def dlib() -> ModuleType:
    """The dlib module.

    Raises:
        UserError: the extra is not installed.
    """
    return optional("dlib", "dlib")


def model_file(name: str) -> Path:
    """Path of one of the model files that `face_recognition_models` ships."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise UserError(f"face_recognition_models is not installed: {extra_of('dlib')}")
    return Path(spec.origin).parent / "models" / name


class _Models(threading.local):
    """One detector and predictor a thread: dlib's models are not safe to share."""

    def __init__(self) -> None:
        self.detector = dlib().get_frontal_face_detector()
        self.predictor = dlib().shape_predictor(str(model_file(PREDICTOR)))


@cache
def _models() -> _Models:
    return _Models()


def largest_face(image: np.ndarray) -> Any:
    """dlib's rectangle around the largest face of an image, uint8 (H, W, 3), or None."""
    boxes = _models().detector(image, 0)
    return max(boxes, key=lambda box: box.area(), default=None)


def main_face(image: np.ndarray) -> Any:
    """dlib's rectangle around the face that an image, uint8 (H, W, 3), is of, or None.

    It is the largest, but for those far from the centre: each counts less by twice the square of
    its distance (after the alignment by Sandberg, `facenet`, 2017). In LFW's frames the largest
    face is now and then that of a person beside the subject.
    """
    height, width = image.shape[:2]

    def weight(box: Any) -> float:
        centre = box.center()
        return box.area() - 2 * float(np.hypot(centre.x - width / 2, centre.y - height / 2)) ** 2

    return max(_models().detector(image, 0), key=weight, default=None)


def faceless(images: np.ndarray) -> np.ndarray:
    """Whether no face is found in each image, uint8 (N, H, W, 3): bool (N,)."""
    return np.array([largest_face(image) is None for image in images], bool)


def landmarks(image: np.ndarray, box: Any) -> Any:
    """Five landmarks in a rectangle: outer and inner corner of both eyes, base of the nose.

    Returns:
        dlib's `full_object_detection`, which `points` and `get_face_chip` take.
    """
    return _models().predictor(image, box)


def points(shape: Any) -> np.ndarray:
    """Landmarks as float (5, 2): x, y in pixels."""
    return np.array([(point.x, point.y) for point in shape.parts()], float)


@cache
def _network() -> Any:
    return dlib().face_recognition_model_v1(str(model_file(NETWORK)))


def descriptors(images: np.ndarray, *, usual: tuple[int, int, int, int]) -> np.ndarray:
    """Describe the largest face of each image. Not thread-safe: dlib keeps scratch space.

    Args:
        images: uint8 (N, H, W, 3).
        usual: left, top, right, bottom of the face to assume where none is found.

    Returns:
        float64 (N, 128).
    """
    vectors = []
    for image in np.ascontiguousarray(images):
        box = largest_face(image)
        if box is None:
            box = dlib().rectangle(*usual)
        chip = dlib().get_face_chip(image, landmarks(image, box), CHIP, PADDING)
        vectors.append(np.array(_network().compute_face_descriptor(chip)))
    return np.array(vectors).reshape(-1, 128)
