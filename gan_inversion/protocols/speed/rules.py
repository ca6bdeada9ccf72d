"""The rules of the `speed` protocol."""

from dataclasses import dataclass

from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Speed(Protocol):
    """Images per second, programs in turn on one machine; intervals are minimum and maximum.

    Attributes:
        images: number of images per turn.
        turns: number of timed turns, after a first one that is not counted.
    """

    images: int = 192
    turns: int = 5
