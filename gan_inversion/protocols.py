"""Declared protocols. Each has a name and a hash that stands in every record made under it."""

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

from gan_inversion.seeding import stream


@dataclass(frozen=True)
class Protocol:
    """What must be equal for two figures to be compared."""

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of name and fields."""
        text = json.dumps([self.name, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Documented(Protocol):
    """The reference thesis' protocol (Tassinari 2023): a random split of images, pixel losses.

    Attributes:
        view: what the networks see of a frame.
        resample: filter from 250 to 160 pixels.
        test_share: share of the images held out.
        optimizer: at its Keras default learning rate.
        loss: between pixels in the target range.
        batch_size: images a step.
        epochs: passes over the training images.
    """

    view: str = "whole"
    resample: str = "bilinear"
    test_share: float = 0.2
    optimizer: str = "adam"
    loss: str = "mse"
    batch_size: int = 32
    epochs: int = 10

    def split(self, count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test indices of `count` images, drawn without regard to subjects."""
        order = stream(seed, "documented", "split").permutation(count)
        held_out = round(count * self.test_share)
        return np.sort(order[held_out:]), np.sort(order[:held_out])


@dataclass(frozen=True)
class Verification(Protocol):
    """Same or different person.

    Attributes:
        pairs: `lfw_view2` (the 6,000 pairs of Huang et al. 2007), `drawn` in the same manner, or
            `all` pairs of the images.
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
class Speed(Protocol):
    """Images per second, everyone in turn on the same machine; intervals are minimum and maximum.

    Attributes:
        images: pictures embedded a turn.
        turns: turns counted, after one that warms up.
    """

    images: int = 192
    turns: int = 5
