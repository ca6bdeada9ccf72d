"""Where faces come from, as a command line or a worker on another machine is told it."""

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
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    def open(self) -> Dataset:
        """The dataset; what is done with a folder is told on standard error."""
        return open_dataset(self.dataset, self.data, min_images=self.min_images, align=self.align)
