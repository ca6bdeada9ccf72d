"""Sources of faces: `lfw`, `folder`, `bin`, `synthetic` and `drawn`, behind one interface."""

import sys
from pathlib import Path
from typing import Literal

from gan_inversion.core.errors import UserError
from gan_inversion.data.bins import VerificationSet
from gan_inversion.data.dataset import Dataset, Subset
from gan_inversion.data.folder import Align, Folder
from gan_inversion.data.lfw import LFW
from gan_inversion.data.synthetic import Drawn, Synthetic

__all__ = [
    "LFW",
    "Align",
    "Dataset",
    "DatasetName",
    "Drawn",
    "Folder",
    "Subset",
    "Synthetic",
    "open_dataset",
]

DatasetName = Literal["lfw", "folder", "bin", "synthetic", "drawn"]


def open_dataset(
    name: str, path: Path | None = None, *, min_images: int = 2, align: Align = "auto"
) -> Dataset:
    """Open a source by name; for a `folder`, print on standard error what was done with its files.

    Args:
        name: `lfw`; `folder`; `bin`, a verification set of InsightFace's; `synthetic`, 800
            synthetic faces for rehearsals; or `drawn`, 15,000 of other subjects, none of whom the
            shipped recogniser was trained on.
        path: where the images of `lfw` (default: `data_dir()`), `folder` or `bin` are.
        min_images: images that each subject of a `folder` must have.
        align: which images of a `folder` are aligned: `auto`, `always` or `never`.
    """
    if name == "lfw":
        return LFW(path)
    if name == "folder":
        folder = Folder(path, min_images=min_images, align=align)
        for reason in folder.left_out.values():
            print(f"left out: {reason}", file=sys.stderr)
        print(folder.report, file=sys.stderr)
        return folder
    if name == "bin":
        return VerificationSet(path)
    if name == "synthetic":
        return Synthetic()
    if name == "drawn":
        return Drawn()
    raise UserError(f"dataset must be lfw, folder, bin, synthetic or drawn, not {name!r}")
