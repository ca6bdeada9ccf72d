"""Reads the arrays in a user's .npz or .npy file."""

from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError


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
        content = np.load(path, allow_pickle=False)
        arrays = {path.stem: content} if isinstance(content, np.ndarray) else dict(content)
    except Exception as error:  # a damaged archive may raise anything
        if "allow_pickle" in str(error):
            raise UserError(f"{path} holds Python objects: expected arrays of numbers") from error
        raise UserError(f"{path} is not a readable .npy or .npz file: {error}") from error
    if not arrays:
        raise UserError(f"expected arrays in {path}, found none")
    return arrays
