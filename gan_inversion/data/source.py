"""The options that say where faces come from, for command lines and for other machines."""

from dataclasses import dataclass
from pathlib import Path

from gan_inversion.data import Align, Dataset, DatasetName, open_dataset


@dataclass(frozen=True)
class Source:
    """A source of faces; `open` reads it."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which images of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    def open(self) -> Dataset:
        """Open the data set; for a folder, print on standard error what was done with its files."""
        return open_dataset(self.dataset, self.data, min_images=self.min_images, align=self.align)
