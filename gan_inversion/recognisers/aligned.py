"""Recognisers that take faces aligned by landmarks, as those trained with ArcFace's loss do."""

from abc import abstractmethod

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.data.alignment import align
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import ALIGNED, SIZE
from gan_inversion.recognisers.base import Recogniser

BLOCK = 256  # images aligned at once


class AlignedRecogniser(Recogniser):
    """A recogniser of faces that were moved to ArcFace's template by five landmarks.

    It also takes images that are not aligned yet, and aligns them itself, originals and
    reconstructions alike. An image in which no face is found has no embedding: nobody accepts it.

    Attributes:
        side: S, side of the faces that `describe` takes, in pixels.
    """

    side: int = ALIGNED

    @abstractmethod
    def describe(self, faces: np.ndarray) -> np.ndarray:
        """Embed aligned faces, uint8 (N, S, S, 3), RGB: float (N, D), of any norm."""

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embed images.

        Args:
            images: uint8 (N, 160, 160, 3), RGB; or (N, S, S, 3), of the view `aligned112`.

        Returns:
            float32 (N, D), unit norm; NaN in the row of an image in which no face is found.
        """
        out = np.full((len(images), self.dimension), np.nan, "float32")
        for start in range(0, len(images), BLOCK):
            faces, there = self.faces(images[start : start + BLOCK])
            if there.any():
                vectors = np.asarray(self.describe(faces[there]), "float32")
                with np.errstate(invalid="ignore"):  # a zero vector is no embedding
                    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
                out[start + np.flatnonzero(there)] = vectors
        return out

    def undetected(self, images: Images, vectors: np.ndarray) -> np.ndarray | None:
        return np.isnan(vectors).any(axis=1)

    def faces(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `describe` takes, uint8 (N, S, S, 3), and whether there is a face, bool (N,).

        Args:
            images: as for `embed`.

        Raises:
            UserError: `images` has another shape or type.
        """
        shape, dtype = tuple(np.shape(images)), getattr(images, "dtype", type(images).__name__)
        sides = (SIZE, self.side)
        if len(shape) != 4 or shape[1:] not in [(s, s, 3) for s in sides] or dtype != np.uint8:
            raise UserError(
                f"images must be uint8 (N, {SIZE}, {SIZE}, 3), or faces aligned to {self.side} "
                f"pixels, not {dtype} {shape}"
            )
        if shape[1] == SIZE:
            return align(images, side=self.side)
        return images, np.array([face.any() for face in images], bool)
