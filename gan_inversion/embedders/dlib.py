"""dlib's ResNet, 128-d: the independent recogniser, which no training or selection ever touches.

King, "High Quality Face Recognition with Deep Metric Learning" (2017). dlib measures Euclidean
distance; descriptors are normalised here so that cosine ranks pairs as for the other recognisers.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gan_inversion import landmarks
from gan_inversion.embedders.base import Embedder, check_images
from gan_inversion.inverter import Images
from gan_inversion.progress import progress
from gan_inversion.storage import manifest_digest, sha256_file

NETWORK = "dlib_face_recognition_resnet_model_v1.dat"

# Median rectangle of the detector over 300 LFW faces in the aligned view; used where it finds none.
USUAL_FACE = (31, 42, 135, 146)  # left, top, right, bottom
BLOCK = 256  # pictures searched at once


class Dlib(Embedder):
    """dlib's recogniser: detect, find landmarks, cut a 150x150 chip, describe.

    A picture in which no face is found is embedded all the same, at the place where an aligned
    face would be; `undetected` counts such pictures.
    """

    name = "dlib"
    dimension = 128

    def __init__(self) -> None:
        files = [landmarks.model_file(name) for name in (NETWORK, landmarks.PREDICTOR)]
        self._pool = ThreadPoolExecutor()
        self._networks = threading.local()  # one a thread: they keep scratch space
        self.digest = manifest_digest({file.name: sha256_file(file) for file in files})

    def embed(self, images: np.ndarray) -> np.ndarray:
        check_images(images)
        described = list(self._pool.map(self._describe, images))
        out = np.array(described, "float32").reshape(-1, self.dimension)
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def undetected(self, images: Images) -> int:
        """Number of pictures, uint8 (N, 160, 160, 3), in which no face is found."""
        count = 0
        for start in progress(range(0, len(images), BLOCK), desc="detecting"):
            block = np.ascontiguousarray(images[start : start + BLOCK])
            count += sum(box is None for box in self._pool.map(landmarks.largest_face, block))
        return count

    def _describe(self, image: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(image)
        box = landmarks.largest_face(image)
        if box is None:
            box = landmarks.dlib().rectangle(*USUAL_FACE)
        chip = landmarks.dlib().get_face_chip(image, landmarks.landmarks(image, box), 150, 0.25)
        if not hasattr(self._networks, "own"):
            path = str(landmarks.model_file(NETWORK))
            self._networks.own = landmarks.dlib().face_recognition_model_v1(path)
        return np.array(self._networks.own.compute_face_descriptor(chip))
