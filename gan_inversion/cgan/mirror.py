"""Mirror images with embeddings of their own, which double what an inverter is trained on."""

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.data.dataset import Images
from gan_inversion.metrics.attack import rejected
from gan_inversion.recognisers import Recogniser, embed_unnamed


class Mirrored:
    """Images and, behind them, the mirror images of some, read only when they are indexed.

    Args:
        images: uint8 (N, S, S, 3).
        again: int (M,), indices of those that are mirrored.
        alone: leave out the images themselves.
    """

    def __init__(self, images: Images, again: np.ndarray, *, alone: bool = False):
        self.images, self.plain = images, 0 if alone else len(images)
        self.indices = np.concatenate([np.arange(self.plain), again])
        self.shape = (len(self.indices), *images.shape[1:])
        self.dtype = np.dtype("uint8")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        chosen = np.array(self.images[self.indices[key]])
        turned = np.arange(len(self))[key] >= self.plain
        chosen[turned] = chosen[turned, :, ::-1]
        return chosen


def with_mirrors(
    embeddings: np.ndarray, images: Images, recogniser: Recogniser | None
) -> tuple[np.ndarray, Images]:
    """Embeddings (N + M, D) and images, with the mirror images that the recogniser accepts.

    Args:
        embeddings: float32 (N, D).
        images: uint8 (N, 160, 160, 3).
        recogniser: the victim, which a white-box attacker has.

    Raises:
        UserError: there is no recogniser.
    """
    if recogniser is None:
        raise UserError("expected the recogniser whose embeddings mirror images need, got none")
    turned = Mirrored(images, np.arange(len(images)), alone=True)
    vectors = embed_unnamed(recogniser, turned, kind="mirrored")
    again = np.flatnonzero(~rejected(vectors))
    return np.concatenate([embeddings, vectors[again]]), Mirrored(images, again)
