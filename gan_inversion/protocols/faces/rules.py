"""The rules of the `faces` protocol."""

from dataclasses import dataclass

from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Faces(Protocol):
    """Brightness and pose of the faces in the photographs.

    Attributes:
        view: the part of a frame that is measured, `whole` or `aligned`.
        resample: filter that resizes this part to 160x160 pixels.
    """

    view: str = "aligned"
    resample: str = "bilinear"
