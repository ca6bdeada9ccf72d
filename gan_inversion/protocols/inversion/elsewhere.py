"""Reconstructions made by another program: image files in a folder with an index."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.data.decode import read_image
from gan_inversion.data.listing import read_listing
from gan_inversion.data.views import SIZE

INDEX = "index.csv"


def read_reconstructions(folder: Path, files: Sequence[str]) -> np.ndarray:
    """Read reconstructions made by another program.

    Args:
        folder: holds `index.csv` with the columns `image` (as in `files`) and `reconstruction`
            (path of an image file of 160x160 pixels, relative to the folder).
        files: the images whose reconstructions are wanted, `subject/image`.

    Returns:
        uint8 (N, 160, 160, 3), in the order of `files`.

    Raises:
        UserError: the index or a file is missing, or a file is no image of 160x160 pixels.
    """
    index = folder / INDEX
    if not index.is_file():
        raise UserError(f"expected an index with the columns image,reconstruction in {index}")
    rows = read_listing(index, ("image", "reconstruction"))
    place = {row["image"]: row["reconstruction"] for row in rows}
    if len(place) < len(rows):
        twice, _ = Counter(row["image"] for row in rows).most_common(1)[0]
        raise UserError(f"{index}: expected each image once, got {twice} more than once")
    missing = [file for file in files if file not in place]
    if missing:
        raise UserError(
            f"{index}: expected all {len(files)} test images, but {len(missing)} are missing, "
            f"{missing[0]} first"
        )
    pictures = np.empty((len(files), SIZE, SIZE, 3), "uint8")
    for picture, name in zip(pictures, files, strict=True):
        path = folder / place[name]
        if not path.is_file():
            raise UserError(f"{index}: expected the file {place[name]}, found none")
        image = read_image(path, str(path))
        if image.shape != picture.shape:
            raise UserError(f"{path}: expected {SIZE}x{SIZE} pixels, got {image.shape[:2]}")
        picture[:] = image
    return pictures
