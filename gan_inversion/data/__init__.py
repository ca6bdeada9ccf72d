"""Sources of faces: `lfw`, `folder` and `synthetic`, behind one interface."""

import sys
from pathlib import Path

from gan_inversion.data.dataset import Dataset, Subset
from gan_inversion.data.folder import Folder
from gan_inversion.data.lfw import LFW
from gan_inversion.data.synthetic import Synthetic
from gan_inversion.errors import UserError

__all__ = ["LFW", "Dataset", "Folder", "Subset", "Synthetic", "open_dataset"]


def open_dataset(name: str, path: Path | None = None, *, min_images: int = 2) -> Dataset:
    """Open a source by name; what a `folder` has to leave out is listed on standard error.

    Args:
        name: `lfw`, `folder` or `synthetic`.
        path: where the images of `lfw` (default: `data_dir()`) or `folder` are.
        min_images: images that each subject of a `folder` must have.
    """
    if name == "lfw":
        return LFW(path)
    if name == "folder":
        folder = Folder(path, min_images=min_images)
        for file in folder.not_found:
            print(f"no face found, left out: {file}", file=sys.stderr)
        return folder
    if name == "synthetic":
        return Synthetic()
    raise UserError(f"dataset must be lfw, folder or synthetic, not {name!r}")
