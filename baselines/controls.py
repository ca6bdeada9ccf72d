"""Controls: inverters that learn nothing or too much, to measure the others against.

`mean_face` ignores the embedding; `nearest_face` returns the training image whose embedding is
nearest; `random` returns any training image; `oracle` is fitted on the very images that it is to
reconstruct (the ceiling); `ridge_pca` is a linear regression. `translated` makes no image: a
linear map gives each judge the vector that it would compare.
"""

import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import RidgeCV

from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.run import Run
from gan_inversion.core.storage import atomic
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.base import Inverter, check_fit, check_invert
from gan_inversion.inverters.translation import Translation

BLOCK = 512  # images read at once


class Control(Inverter):
    """A control whose state is arrays, which are saved under their attributes' names."""

    name: str
    state: tuple[str, ...]  # attributes that `fit` sets

    @classmethod
    def made(cls, options: Any, *, name: str, recogniser: Any = None) -> Self:
        return cls(**asdict(options))

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        check_invert(embeddings, self.dimension, self.name)
        return self._invert(np.asarray(embeddings, "float32"))

    def _invert(self, embeddings: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def save(self, path: Path) -> None:
        for attribute in self.state:
            with atomic(path / f"{attribute}.npy") as temporary:
                np.save(temporary, getattr(self, attribute))

    @classmethod
    def load(cls, path: Path) -> Self:
        inverter = cls()
        for attribute in cls.state:
            file = path / f"{attribute}.npy"
            if not file.is_file():
                raise UserError(f"expected an array in {file}, found none")
            setattr(inverter, attribute, np.load(file, mmap_mode="r", allow_pickle=False))
        return inverter


class MeanFace(Control):
    """The mean of the training images, whatever the embedding."""

    name = "mean_face"
    state = ("mean", "dimension")

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        self.dimension = embeddings.shape[1]
        total = sum(block.sum(axis=0, dtype="float64") for block in _blocks(images))
        self.mean = (total / (255 * len(images))).astype("float32")

    def _invert(self, embeddings: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.mean, (len(embeddings), *self.mean.shape)).copy()


class NearestFace(Control):
    """The training image with the most similar embedding (cosine)."""

    name = "nearest_face"
    state: tuple[str, ...] = ("embeddings", "images", "dimension")

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        self.dimension = embeddings.shape[1]
        self.embeddings = embeddings
        self.images = images

    def _invert(self, embeddings: np.ndarray) -> np.ndarray:
        nearest = (embeddings @ self.embeddings.T).argmax(axis=1)
        return self.images[nearest].astype("float32") / 255

    def save(self, path: Path) -> None:
        self.images = self.images[np.arange(len(self.images))]  # a subset becomes an array
        super().save(path)


class Oracle(NearestFace):
    """The ceiling: fitted on the very images that it is to reconstruct, it returns them."""

    name = "oracle"
    is_given_answers = True


class Random(NearestFace):
    """The floor: a random training image, whatever the similarity of embeddings.

    It depends on the seed and the embedding only: the same embedding always gets the same image.
    """

    name = "random"
    state = ("embeddings", "images", "dimension", "seed")

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        super().fit(embeddings, images, seed=seed)
        self.seed = seed

    def _invert(self, embeddings: np.ndarray) -> np.ndarray:
        drawn = [zlib.crc32(row.tobytes(), int(self.seed)) for row in embeddings]
        return self.images[np.array(drawn) % len(self.images)].astype("float32") / 255


class RidgePCA(Control):
    """Ridge regression from embeddings to the images' principal components.

    The penalty is the best of nine by leave-one-out error on the training images.

    Args:
        components: number of principal components kept.
    """

    name = "ridge_pca"
    state = ("mean", "components", "weights", "intercept", "dimension")

    def __init__(self, components: int = 256):
        self.count = components

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        if len(images) < 2:
            raise UserError(f"{self.name} needs two images or more to train on, got {len(images)}")
        self.dimension = embeddings.shape[1]
        count = min(self.count, len(images))
        pca = IncrementalPCA(count)
        blocks = list(_spans(len(images), max(BLOCK, count)))
        for block in progress(blocks, desc="principal components"):
            pca.partial_fit(_flat(images, block))
        projected = progress(blocks, desc="projecting")
        targets = np.concatenate([pca.transform(_flat(images, block)) for block in projected])
        ridge = RidgeCV(alphas=np.logspace(-4, 4, 9)).fit(embeddings, targets)
        self.mean = pca.mean_.astype("float32")
        self.components = pca.components_.astype("float32")  # (K, H * W * C)
        self.weights = ridge.coef_.T.astype("float32")  # (D, K)
        self.intercept = ridge.intercept_.astype("float32")

    def _invert(self, embeddings: np.ndarray) -> np.ndarray:
        flat = (embeddings @ self.weights + self.intercept) @ self.components + self.mean
        return np.clip(flat, 0, 1).reshape(-1, 160, 160, 3)


def _spans(count: int, size: int) -> list[slice]:
    """Consecutive slices of `size`; the last takes the remainder."""
    starts = range(0, max(count - size, 0) + 1, size)
    return [slice(start, None if start == starts[-1] else start + size) for start in starts]


def _blocks(images: Images) -> Iterator[np.ndarray]:
    return (images[span] for span in _spans(len(images), BLOCK))


def _flat(images: Images, span: slice) -> np.ndarray:
    block = images[span]
    return block.reshape(len(block), -1).astype("float32") / 255


class Translated(Control):
    """The ceiling without an image: a linear map from the victim's embeddings to the judge's."""

    name = "translated"
    saves = False
    gives_vectors = True

    def translate(
        self, embeddings: np.ndarray, vectors: np.ndarray, wanted: np.ndarray
    ) -> np.ndarray:
        return Translation.learned(embeddings, vectors)(wanted)
