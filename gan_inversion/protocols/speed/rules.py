"""How speed is measured, declared."""

from dataclasses import dataclass

from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Speed(Protocol):
    """Images per second, everyone in turn on the same machine; intervals are minimum and maximum.

    Attributes:
        images: pictures embedded a turn.
        turns: turns counted, after one that warms up.
    """

    images: int = 192
    turns: int = 5
