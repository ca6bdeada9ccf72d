"""What the reference thesis did, declared."""

from dataclasses import dataclass

import numpy as np

from gan_inversion.core.seeding import stream
from gan_inversion.protocols.base import Protocol


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
