"""The rules of the `verification` protocol."""

from dataclasses import dataclass
from typing import ClassVar

from gan_inversion.core.options import Range
from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Verification(Protocol):
    """Do two images show the same or different people?

    Attributes:
        pairs: `lfw_view2` (the 6,000 pairs of Huang et al. 2007), `drawn` in the same manner,
            those of the data set's `own` file, `listed in` a file of this digest, or `all`.
        folds: the threshold of each fold comes from the others.
        score: similarity of two embeddings; larger is more similar.
        fmrs: false match rates at which thresholds are set, on all impostor pairs of the images
            that occur in the protocol.
    """

    pairs: str = "lfw_view2"
    folds: int = 10
    score: str = "cosine"
    fmrs: tuple[float, ...] = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class CompactTraining:
    """How the shipped recogniser is trained and verified, on drawn faces."""

    RANGES: ClassVar[dict[str, Range]] = {"unseen": (2, 900_000), "margin": (0, 2)}

    subjects: int = 1000
    """Number of drawn subjects to train on; more take longer."""

    images: int = 12
    """Number of images of each training subject; more take longer."""

    unseen: int = 200
    """Further subjects, with eight images each, to verify on; none of them is trained on."""

    epochs: int = 8
    """Passes over the training images; more take longer."""

    batch_size: int = 64
    """Images in each training step; with more there are fewer steps per epoch."""

    margin: float = 0.25
    """Additive margin of the cosine softmax; a larger one sets subjects further apart."""

    seed: int = 0
    """Seed of the random choices: initial weights and the order of images."""


def label(recogniser: str, view: str, resample: str) -> str:
    """The `method` of a record; the bilinear filter is not named in it."""
    return f"{recogniser}_{view}" + ("" if resample == "bilinear" else f"_{resample}")
