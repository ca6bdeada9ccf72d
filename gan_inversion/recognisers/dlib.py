"""dlib's ResNet, 128-d: the independent recogniser, which no training or selection ever touches.

King, "High Quality Face Recognition with Deep Metric Learning" (2017). dlib compares its
descriptors by Euclidean distance; `Dlib` normalises them, so that they are compared by cosine.
"""

import numpy as np
from joblib import Parallel, delayed

from gan_inversion.core.progress import progress
from gan_inversion.core.storage import manifest_digest, sha256_file
from gan_inversion.data import landmarks
from gan_inversion.data.dataset import Images
from gan_inversion.recognisers.base import Recogniser, check_images

# Median rectangle of the detector over 300 LFW faces in the aligned view; used where it finds none.
USUAL_FACE = (31, 42, 135, 146)  # left, top, right, bottom
BLOCK = 64  # images in each task


class Dlib(Recogniser):
    """dlib's recogniser: detect, find landmarks, cut a 150x150 chip, describe.

    An image in which no face is found is embedded all the same, as if its face were where aligned
    faces usually are; `undetected` marks such images.
    """

    name = "dlib"
    dimension = 128

    def __init__(self) -> None:
        files = [landmarks.model_file(name) for name in (landmarks.NETWORK, landmarks.PREDICTOR)]
        self.digest = manifest_digest({file.name: sha256_file(file) for file in files})

    def embed(self, images: np.ndarray) -> np.ndarray:
        check_images(images)
        blocks = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
        # Processes, because dlib's network holds the interpreter lock: threads would only wait.
        task = delayed(landmarks.descriptors)
        described = Parallel(n_jobs=-1)(task(block, usual=USUAL_FACE) for block in blocks)
        out = np.concatenate([np.empty((0, self.dimension)), *described]).astype("float32")
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def undetected(self, images: Images, vectors: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), BLOCK)
        task = delayed(landmarks.faceless)
        blocks = (task(np.asarray(images[start : start + BLOCK])) for start in starts)
        parts = Parallel(n_jobs=-1, return_as="generator")(blocks)
        missing = list(progress(parts, total=len(starts), desc="detecting", unit="block"))
        return np.concatenate([np.empty(0, bool), *missing])
