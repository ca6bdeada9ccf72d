"""Reads what describes the images of an audit: their subjects and groups."""

import csv
from pathlib import Path

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import read_file
from gan_inversion.data.listing import decode_text

HEADERS = ("subject", "subjects", "group", "groups", "name", "label", "id")  # of one column


def checked_labels(values: np.ndarray, place: Path) -> np.ndarray:
    """Subjects or groups as text or whole numbers; none may be missing."""
    if values.dtype.kind == "f" and np.isfinite(values).all():
        return values
    try:
        if values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8")
        if values.dtype.kind == "U":
            "".join(values.tolist()).encode()
    except UnicodeError as error:
        raise UserError(
            f"{place}: expected subjects and groups in UTF-8, got other text"
        ) from error
    if values.dtype.kind not in "iuU":
        raise UserError(
            f"{place}: expected text or finite numbers as subjects and groups, got {values.dtype}"
        )
    return values


def read_lines(path: Path, count: int) -> np.ndarray:
    """One text or number for each of `count` images, below a header if it is one."""
    if path.suffix.lower() in (".npy", ".npz"):
        lines = only_array(path)
    else:
        text = decode_text(read_file(path, str(path)), str(path)).rstrip()
        rows = [[line] for line in text.splitlines()]
        if path.suffix.lower() == ".csv":
            rows = list(csv.reader(text.splitlines()))
        if wide := [row for row in rows if len(row) > 1]:
            raise UserError(f"{path}: expected one column, got {len(wide[0])}")
        cells = ["".join(row).strip() for row in rows]
        lines = np.array(cells[1:] if cells and cells[0].lower() in HEADERS else cells)
        if (lines == "").any():
            raise UserError(f"{path}: expected a text or number in each line, got an empty line")
    if lines.shape != (count,):
        raise UserError(
            f"{path}: expected one line for each of {count} images, got {lines.shape}; a header is "
            f"one of {', '.join(HEADERS)}"
        )
    return checked_labels(lines, path)


def only_array(path: Path) -> np.ndarray:
    """The one array of a file."""
    arrays = read_arrays(path)
    if len(arrays) != 1:
        raise UserError(f"{path}: expected one array, got {', '.join(arrays)}")
    return next(iter(arrays.values()))
