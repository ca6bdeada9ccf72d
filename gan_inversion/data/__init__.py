"""Sources of faces: `lfw`, `folder` and `synthetic`, behind one interface."""

from pathlib import Path

from gan_inversion.data.dataset import Dataset, Subset
from gan_inversion.data.lfw import LFW

__all__ = ["LFW", "Dataset", "Subset", "open_dataset"]


def open_dataset(name: str, path: Path | None = None) -> Dataset:
    """Open a source by name: `lfw`, `folder` or `synthetic`.

    Args:
        name: the source.
        path: where its images are; `lfw` looks in `data_dir()` by default.
    """
    return LFW(path)
