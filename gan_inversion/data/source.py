"""The options that say where faces come from, for command lines and for other machines."""

from dataclasses import dataclass
from pathlib import Path

from gan_inversion.data import Align, Dataset, DatasetName, open_dataset


@dataclass(frozen=True)
class Source:
    """A source of faces; `open` reads it."""

    dataset: DatasetName = "lfw"
    """Data set: lfw, a folder of yours, a verification set of InsightFace's (bin), or drawn faces:
    800 (synthetic) or 15,000 (drawn)."""

    data: Path | None = None
    """Folder of the images of lfw or of your own, or file of a bin. Default: the variable
    GAN_INVERSION_DATA."""

    min_images: int = 2
    """Images that a subject of your folder must have to be used; 1 takes all subjects."""

    align: Align = "auto"
    """Which images of your folder are aligned by facial landmarks: all but those framed like
    LFW (auto), all (always) or none (never)."""

    def open(self) -> Dataset:
        """Open the data set; for a folder, print on standard error what was done with its files."""
        return open_dataset(self.dataset, self.data, min_images=self.min_images, align=self.align)
