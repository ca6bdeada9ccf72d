"""The inverter interface: what baselines, controls and GANs have in common.

An inverter is fitted on embeddings and the pictures they came from, and then turns embeddings into
pictures. One list of inverters drives the experiments, the tables and the contract tests.
"""

from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from gan_inversion.errors import UserError
from gan_inversion.run import Run, to_uint8

ROUNDING = 1e-4  # how far arithmetic may leave [0, 1]


class Images(Protocol):
    """Pictures that are read by batch: an array, a memory map or a `data.Subset`."""

    shape: tuple[int, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> np.ndarray: ...


class Inverter(Protocol):
    """Turns embeddings back into pictures.

    Attributes:
        name: the record's `method`, e.g. `mean_face`.
        knowledge: `black_box` (embeddings only) or `white_box` (gradients through the recogniser).
    """

    name: str
    knowledge: str

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        """Learn to invert.

        Args:
            embeddings: float32 (N, D).
            images: uint8 (N, 160, 160, 3), the pictures they came from.
            seed: for every random choice.
            run: where to log, preview and checkpoint; fitting that takes no time ignores it.
        """

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        """Reconstruct float32 (N, 160, 160, 3) in [0, 1] from float32 (N, D) embeddings."""
        ...

    def save(self, path: Path) -> None:
        """Write everything `invert` needs into the folder `path`."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        ...


def check_fit(embeddings: np.ndarray, images: Images) -> None:
    """Raise `UserError` unless there is one embedding for each 160x160 RGB picture."""
    if np.ndim(embeddings) != 2 or tuple(images.shape) != (len(embeddings), 160, 160, 3):
        raise UserError(
            "expected embeddings (N, D) and images (N, 160, 160, 3), got "
            f"{np.shape(embeddings)} and {tuple(images.shape)}"
        )


def check_invert(embeddings: np.ndarray, dimension: int) -> None:
    """Raise `UserError` unless embeddings are (N, `dimension`) and finite."""
    if np.ndim(embeddings) != 2 or np.shape(embeddings)[1] != dimension:
        raise UserError(f"expected embeddings (N, {dimension}), got {np.shape(embeddings)}")
    if not np.isfinite(embeddings).all():
        raise UserError("expected finite embeddings, got NaN or infinity")


def check_reconstructions(found: np.ndarray, count: int) -> np.ndarray:
    """Pictures as an inverter gave them, as uint8 (N, 160, 160, 3).

    Args:
        found: float in [0, 1], or uint8.
        count: N, pictures asked for.

    Raises:
        UserError: another number or shape, NaN, or values out of range.
    """
    found = np.asarray(found)
    if found.shape != (count, 160, 160, 3):
        raise UserError(f"expected reconstructions ({count}, 160, 160, 3), got {found.shape}")
    if found.dtype == np.uint8:
        return found
    if not np.isfinite(found).all():
        broken = int((~np.isfinite(found)).any(axis=(1, 2, 3)).sum())
        raise UserError(f"expected finite reconstructions, got NaN or infinity in {broken}")
    low, high = float(found.min()), float(found.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise UserError(
            f"expected reconstructions in [0, 1] or uint8, got {found.dtype} from {low:g} to "
            f"{high:g}"
        )
    return to_uint8(found)
