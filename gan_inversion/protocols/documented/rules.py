"""The rules of the `documented` protocol: what the reference thesis did."""

from dataclasses import dataclass

import numpy as np

from gan_inversion.core.seeding import stream
from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Documented(Protocol):
    """The reference thesis' protocol (Tassinari 2023): a random split of images, pixel losses.

    Attributes:
        view: the part of a frame that the networks see, `whole` or `aligned`.
        resample: filter that resizes this part to 160x160 pixels.
        test_share: share of the images held out.
        optimizer: name of the Keras optimizer, which has its default learning rate.
        loss: name of the loss between pixels in the target range.
        batch_size: images per training step.
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
