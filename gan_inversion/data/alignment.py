"""Alignment to ArcFace's 112x112 template by five landmarks, which the detector YuNet finds.

Template: Deng et al., "ArcFace", CVPR 2019; detector: Wu, Peng & Yu, "YuNet: A Tiny
Millisecond-level Face Detector", 2023. Needs the `onnx` extra, and the detector's file
(`experiments.fetch`).
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from gan_inversion.core.errors import optional
from gan_inversion.data.views import ALIGNED, FRAME, SIZE, VIEWS
from gan_inversion.data.weights import YUNET

# Landmarks in a face of 112x112 pixels, x, y: eye on the left, eye on the right, tip of the nose,
# corner of the mouth on the left, and on the right.
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
     (70.7299, 92.2041)]
)  # fmt: skip
# Median landmarks of LFW's faces in the view `aligned`, every twelfth image: where the face of an
# image, or of a reconstruction, usually is.
USUAL = np.array([(56.5, 65.9), (104.7, 64.4), (80.7, 94.6), (61.4, 116.4), (102.5, 114.9)])
SCORE = 0.3  # least score of a detection: faces fill these images, and reconstructions are blurred
# How an image is shown to the detector, by its side: enlarged so many times, with a margin of so
# many pixels of repeated edge; without one it misses faces that fill the view. Of five ways for
# frames and eight for views these gave MobileFaceNet the highest TMR at FMR 1 % on LFW's validation
# subjects; SFace had no part in the choice.
SHOWN = {FRAME: (2.0, 0), SIZE: (1.75, 40)}


@cache
def opencv() -> Any:
    """The module cv2.

    Raises:
        UserError: the extra is not installed.
    """
    module = optional("cv2", "onnx")
    module.setNumThreads(1)  # images are spread over threads here
    logging = module.utils.logging
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)  # it warns of settings that nobody made
    return module


class _Detectors(threading.local):
    """Detectors of a thread, by side of the image: OpenCV's are not safe to share."""

    def __init__(self) -> None:
        self.of_side: dict[int, Any] = {}

    def get(self, side: int) -> Any:
        if side not in self.of_side:
            create = opencv().FaceDetectorYN.create
            self.of_side[side] = create(str(YUNET.verified()), "", (side, side), SCORE)
        return self.of_side[side]


@cache
def _detectors() -> _Detectors:
    return _Detectors()


def five_landmarks(image: np.ndarray) -> np.ndarray | None:
    """Landmarks of the face nearest to the centre, in the order of `TEMPLATE`; None without a face.

    Args:
        image: uint8 (S, S, 3), RGB: a frame (S = 250) or a view (S = 160).

    Returns:
        float (5, 2): x, y in pixels.
    """
    cv2, (scale, margin) = opencv(), SHOWN[len(image)]
    shown = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    if scale != 1:
        shown = cv2.resize(shown, None, fx=scale, fy=scale)
    if margin:
        shown = cv2.copyMakeBorder(shown, *[margin] * 4, cv2.BORDER_REPLICATE)
    _, faces = _detectors().get(len(shown)).detect(shown)
    if faces is None:
        return None
    centres = faces[:, :2] + faces[:, 2:4] / 2
    nearest = np.linalg.norm(centres - len(shown) / 2, axis=1).argmin()
    points = faces[nearest, 4:14].reshape(5, 2) - margin
    return (points + 0.5) / scale - 0.5  # the centre of the first pixel is at 0, 0


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity transform that moves points closest to their targets, by least squares.

    Args:
        points: float (P, 2): x, y.
        target: float (P, 2).

    Returns:
        float (2, 3), which maps (x, y, 1).
    """
    # x' = a x - b y + c, y' = b x + a y + d.
    rows = []
    for x, y in points:
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
    a, b, c, d = np.linalg.lstsq(np.array(rows, float), target.reshape(-1), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


def aligned_face(image: np.ndarray, *, side: int = ALIGNED) -> np.ndarray | None:
    """The face of an image, moved to the template: uint8 (side, side, 3); None without a face.

    Args:
        image: as for `five_landmarks`.
        side: of the result, in pixels; the template grows with it.
    """
    points = five_landmarks(image)
    return None if points is None else _moved(image, points, side)


def usual_face(frame: np.ndarray) -> np.ndarray:
    """The face of a frame, if it is where faces usually are: uint8 (112, 112, 3).

    Args:
        frame: uint8 (250, 250, 3).
    """
    left, top, right, _ = VIEWS["aligned"]
    points = (USUAL + 0.5) * ((right - left) / SIZE) - 0.5 + (left, top)
    return _moved(frame, points, ALIGNED)


def _moved(image: np.ndarray, points: np.ndarray, side: int) -> np.ndarray:
    """An image whose landmarks are moved to the template, uint8 (side, side, 3)."""
    cv2 = opencv()
    transform = similarity(points, TEMPLATE * (side / ALIGNED))
    return cv2.warpAffine(image, transform, (side, side), borderMode=cv2.BORDER_REPLICATE)


def align(images: np.ndarray, *, side: int = ALIGNED) -> tuple[np.ndarray, np.ndarray]:
    """Align every image.

    Args:
        images: uint8 (N, S, S, 3), as for `five_landmarks`.
        side: of the results, in pixels.

    Returns:
        uint8 (N, side, side, 3), and whether a face was found, bool (N,); the rows of other images
        are black.
    """
    out = np.zeros((len(images), side, side, 3), "uint8")
    there = np.zeros(len(images), bool)

    def one(place: int) -> None:
        face = aligned_face(images[place], side=side)
        if face is not None:
            out[place], there[place] = face, True

    list(_threads().map(one, range(len(images))))  # OpenCV works outside the interpreter lock
    return out, there


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that stay, each with its detectors: opening one takes longer than using it."""
    return ThreadPoolExecutor()
