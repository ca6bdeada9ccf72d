"""Reads the arrays in a user's .npz or .npy file."""

import zipfile
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError

LARGE, RATIO = 200_000_000, 100  # bytes unpacked, and how many times the size of the archive


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name; the array of an .npy file is named after the file.

    Raises:
        UserError: the file does not exist, has another format, or holds no arrays.
    """
    if not path.is_file():
        raise UserError(f"expected an .npz or .npy file in {path}, found none")
    with path.open("rb") as file:
        magic = file.read(6)
    if not magic.startswith((b"PK", b"\x93NUMPY")):
        raise UserError(
            f"{path} is not a .npy or .npz file: it begins with {magic!r}; numpy.save writes one"
        )
    try:
        check_unpacked(path)
        content = np.load(path, allow_pickle=False)
        arrays = {path.stem: content} if isinstance(content, np.ndarray) else dict(content)
    except UserError:
        raise
    except Exception as error:  # a damaged archive may raise anything
        if "allow_pickle" in str(error):
            raise UserError(f"{path} holds Python objects: expected arrays of numbers") from error
        raise UserError(f"{path} is not a readable .npy or .npz file: {error}") from error
    if odd := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise UserError(f"{path}: expected arrays only, but {odd[0][:80]!r} is none")
    if not arrays:
        raise UserError(f"expected arrays in {path}, found none")
    return arrays


def check_unpacked(path: Path) -> None:
    """Raise `UserError` if an archive unpacks to far more than its size, as no array does."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        total = sum(member.file_size for member in archive.infolist())
    if total > LARGE and total > RATIO * path.stat().st_size:
        raise UserError(f"{path} unpacks to {total:,} bytes, far more than its size allows")
