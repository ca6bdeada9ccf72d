"""The inverter interface: what baselines, controls and GANs have in common.

An inverter is fitted on embeddings and the images they came from, and then reconstructs images from
embeddings. One registry of inverters drives the experiments, the tables and the contract tests.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.run import Run, to_uint8
from gan_inversion.data.dataset import Images

ROUNDING = 1e-4  # how far rounding may take pixels out of [0, 1]


class Inverter:
    """Turns embeddings back into images, and declares what else it can do.

    Attributes:
        name: of the method, e.g. `mean_face`.
        knowledge: `black_box` (embeddings only) or `white_box` (gradients through the recogniser).
        config: the options that a record holds; plain data.
        stochastic: whether `invert` takes `hypothesis`, the index of one of several reconstructions
            of an embedding.
        saves: whether it can be saved and loaded.
        dimension: components of the embeddings that it takes, once fitted; None if it takes any.
        is_given_answers: whether it is fitted on the very images that it is to reconstruct.
        gives_vectors: whether it gives no images, but for each judge the vectors that the judge
            compares (`translate`).
    """

    name: str
    knowledge: str = "black_box"
    config: Mapping[str, Any] = MappingProxyType({})
    stochastic: bool = False
    saves: bool = True
    dimension: int | None = None
    is_given_answers: bool = False
    gives_vectors: bool = False

    @classmethod
    def made(cls, options: Any, *, name: str, recogniser: Any = None) -> "Inverter":
        """Make an unfitted inverter from the options of its family; `recogniser` is the victim."""
        raise NotImplementedError

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        """Learn to invert.

        Args:
            embeddings: float32 (N, D).
            images: uint8 (N, 160, 160, 3), which they came from.
            seed: for every random choice.
            run: where to log, preview and checkpoint; inverters that fit at once ignore it.
        """
        raise NotImplementedError

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        """Reconstruct float32 (N, 160, 160, 3) in [0, 1] from float32 (N, D) embeddings."""
        raise NotImplementedError

    def translate(
        self, embeddings: np.ndarray, vectors: np.ndarray, wanted: np.ndarray
    ) -> np.ndarray:
        """The vectors that a judge would see, learned from pairs.

        Args:
            embeddings: float32 (N, D), by the victim, of the images to learn from.
            vectors: float32 (N, E), by the judge, of the same images.
            wanted: float32 (M, D), by the victim.

        Returns:
            float32 (M, E), unit norm.
        """
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Write its name and all that `invert` needs into the folder `path`, which this makes.

        A preset is known by its name: `load` gives it back.
        """
        raise NotImplementedError

    def save_half(self, path: Path) -> None:
        """Write the same in half the space, if the inverter can."""
        self.save(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote: an inverter of the same name that inverts alike."""
        raise NotImplementedError

    def reopened(self, path: Path) -> "Inverter":
        """Load what an inverter of the same kind saved in the folder `path`."""
        return type(self).load(path)

    def attack_by(self, recogniser: Any) -> None:
        """Set the victim again after `load`; most inverters need none to invert."""

    def signals(self, embeddings: np.ndarray, images: np.ndarray) -> dict[str, np.ndarray]:
        """Membership signals other than those of its reconstructions: name -> float32 (N,).

        Args:
            embeddings: float32 (N, D).
            images: uint8 (N, 160, 160, 3), the photographs.
        """
        return {}

    def passes(self, members: int) -> float | None:
        """How often each of `members` training images was trained on; None if unknown."""
        return None

    def step_of(self, share: int) -> int | None:
        """The step of its run's log after which `share` per cent of the training are done, rounded.

        None if there is no such step, or if it is not trained in steps.
        """
        return None

    @property
    def parameters(self) -> int:
        """Number of its network's parameters, trained or fixed; 0 without a network."""
        return 0


def check_fit(embeddings: np.ndarray, images: Images) -> None:
    """Raise `UserError` unless there is one embedding for each 160x160 RGB picture."""
    if np.ndim(embeddings) != 2 or tuple(images.shape) != (len(embeddings), 160, 160, 3):
        raise UserError(
            "expected embeddings (N, D) and images (N, 160, 160, 3), got "
            f"{np.shape(embeddings)} and {tuple(images.shape)}"
        )


def check_invert(embeddings: np.ndarray, dimension: int | None, name: str = "the inverter") -> None:
    """Raise `UserError` unless embeddings are (N, `dimension`) and finite.

    Args:
        embeddings: what shall be inverted.
        dimension: of the embeddings that the inverter was fitted on; None if it was not fitted.
        name: of the inverter.
    """
    if dimension is None:
        raise UserError(f"{name} must be fitted or loaded before it inverts")
    if np.ndim(embeddings) != 2 or np.shape(embeddings)[1] != dimension:
        raise UserError(f"expected embeddings (N, {dimension}), got {np.shape(embeddings)}")
    if not np.isfinite(embeddings).all():
        raise UserError("expected finite embeddings, got NaN or infinity")


def check_reconstructions(images: np.ndarray, count: int) -> np.ndarray:
    """Check what an inverter returned, and convert it to uint8 (N, 160, 160, 3).

    Args:
        images: float in [0, 1], or uint8.
        count: N, the number of embeddings that were inverted.

    Raises:
        UserError: the number or shape is wrong, or values are NaN or out of range.
    """
    images = np.asarray(images)
    if images.shape != (count, 160, 160, 3):
        raise UserError(f"expected reconstructions ({count}, 160, 160, 3), got {images.shape}")
    if images.dtype == np.uint8:
        return images
    if not np.isfinite(images).all():
        broken = int((~np.isfinite(images)).any(axis=(1, 2, 3)).sum())
        raise UserError(f"expected finite reconstructions, got NaN or infinity in {broken}")
    low, high = float(images.min()), float(images.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise UserError(
            f"expected reconstructions in [0, 1] or uint8, got {images.dtype} from {low:g} to "
            f"{high:g}"
        )
    return to_uint8(images)
