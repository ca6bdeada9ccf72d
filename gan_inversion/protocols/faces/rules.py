"""What the photographs are like, declared."""

from dataclasses import dataclass

from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Faces(Protocol):
    """What the photographs are like.

    Attributes:
        view: of the frame.
        resample: filter from 250 to 160 pixels.
    """

    view: str = "aligned"
    resample: str = "bilinear"
