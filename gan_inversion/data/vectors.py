"""Reads tables of vectors in the formats that they are passed on in.

NumPy's .npy and .npz, CSV, Parquet (needs pyarrow) and FAISS' flat indexes (needs faiss): the extra
`tables`.
"""

import csv
import json
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError, one_line, optional
from gan_inversion.data.decode import read_file
from gan_inversion.data.listing import SEPARATORS, decode_text

FLAT = (b"IxF2", b"IxFI", b"IxFl")  # how a file of a flat index begins: all vectors as they are
MOST = 5_000_000  # cells of a Parquet file
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|[-+]?inf", re.ASCII)
TRUTH = {"true": 1.0, "false": 0.0}  # as pandas writes a membership
NONE = "\x1f"  # a separator that no text has
ID = ("name", "id", "image", "file", "path", "key", "subject")  # columns that are no vectors


class Labelled(NamedTuple):
    """Vectors, and what the file calls them.

    Attributes:
        names: of the rows; none where the file has none.
        columns: of the components; none where the file has none.
        vectors: numbers (N, D), as in the file.
    """

    names: list[str]
    columns: list[str]
    vectors: np.ndarray


def read_vectors(path: Path) -> tuple[list[str], np.ndarray]:
    """Names of the rows (their numbers, where the file has none), and vectors (N, D).

    Args:
        path: a file with one of the endings `FORMATS`.

    Raises:
        UserError: the file is missing or damaged, has another format, or holds no such table.
    """
    names, _, vectors = read_labelled(path)
    digits = len(str(len(vectors) - 1))
    return names or [f"{row:0{digits}d}" for row in range(len(vectors))], vectors


def read_labelled(path: Path) -> Labelled:
    """Read a table of vectors, with no other names than the file has; as `read_vectors`."""
    if not path.is_file():
        raise UserError(f"expected vectors in {path}, found no file")
    reader = FORMATS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected vectors as {', '.join(FORMATS)}, got {path.suffix!r}")
    names, columns, vectors = reader(path)
    vectors = vectors[None] if vectors.ndim == 1 else vectors
    if vectors.ndim != 2 or vectors.size == 0 or vectors.dtype.kind not in "fiu":
        raise UserError(f"{path}: expected numbers (N, D), got {vectors.dtype} {vectors.shape}")
    return Labelled(names, columns, vectors)


def _numpy(path: Path) -> Labelled:
    arrays = read_arrays(path)
    if len(arrays) != 1 and "embeddings" not in arrays:
        raise UserError(f"{path}: expected an array called embeddings, got {', '.join(arrays)}")
    return Labelled([], [], arrays.get("embeddings", next(iter(arrays.values()))))


def _csv(path: Path) -> Labelled:
    """Numbers, a vector a row: with or without a header, and with or without a column of names."""
    text = decode_text(read_file(path, str(path)), str(path))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UserError(f"{path}: expected rows of numbers, found none")
    outside = [re.sub(r"\[[^]]*\]?", "", line) for line in lines]  # lists have commas inside
    common = [mark for mark in SEPARATORS + " " if all(mark in line for line in outside)]
    separator = ";" if ";" in common else max(common, key=outside[-1].count, default=NONE)
    if not common and any(mark in line for line in outside for mark in SEPARATORS):
        separator = next(mark for mark in SEPARATORS if any(mark in line for line in outside))
    if separator == ";":  # a spreadsheet's, where the decimal sign may be a comma
        lines = [line.replace(",", ".") for line in lines]
    try:
        rows = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a readable CSV file: {error}") from error
    first = rows[0][0].strip().lower()
    named = first in ID or (not first and len(rows) > 1)  # pandas writes no name above its index
    # pandas also names columns 0, 1, 2, ...; a row of two, 0 and 1, may be a membership.
    counted = len(rows) > 1 and len(rows[0]) > 2 and rows[0] == [*map(str, range(len(rows[0])))]
    numbers = any(_is_number(cell) or cell.startswith("[") for cell in rows[0][1:] or rows[0])
    header = rows.pop(0) if named or counted or not numbers else []
    names, vectors = _table(path, rows, named=named)
    return Labelled(names, header[len(header) - vectors.shape[1] :], vectors)


def _table(
    path: Path, rows: Sequence[Sequence[str]], *, named: bool
) -> tuple[list[str], np.ndarray]:
    """Names and vectors of rows of text; a vector may also be a single cell, as [0.1, 0.2].

    Args:
        path: of the file.
        rows: cells.
        named: whether the header says that names come first; else they do if one is no number.
    """
    heads = [row[0] for row in rows]
    if not named and any(head.lstrip().startswith("[") for head in heads):
        heads = []
    names = heads if named or not all(map(_is_number, heads)) else []
    cells = [row[1:] if names else row for row in rows]
    vectors: list[list[float]] = []
    for number, row in enumerate(cells, 1):
        try:
            if len(row) == 1 and row[0].lstrip().startswith("["):
                vectors.append([float(value) for value in json.loads(row[0])])
            else:
                vectors.append([_number(cell) for cell in row])
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise UserError(f"{path}: row {number} of the vectors is not all numbers") from error
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) != 1:
        raise UserError(f"{path}: expected vectors of one length, got {lengths[:5]}")
    return names, np.array(vectors)


def _number(cell: str) -> float:
    """The number in a cell; a truth value is one too, but numbers are tried first, as most are."""
    try:
        return float(cell)
    except ValueError:
        return TRUTH[cell.strip().lower()]


def _is_number(text: str) -> bool:
    """Whether a cell is a number as tables have them: no `1_000`, which Python would read too."""
    plain = text.strip().lower()
    return plain in TRUTH or NUMBER.fullmatch(plain) is not None


def _parquet(path: Path) -> Labelled:
    """A column of vectors, or columns of numbers; and a column of names if there is one.

    It is called so, is text, or is the index of a table of pandas.
    """
    try:
        parquet = optional("pyarrow.parquet", "tables")
        shape = parquet.read_metadata(path)
        if (cells := shape.num_rows * shape.num_columns) > MOST:
            raise UserError(f"{path} has {cells:,} cells, more than {MOST:,}")
        table = parquet.read_table(path)
    except UserError:
        raise
    except Exception as error:  # of a library in C++
        raise UserError(f"{path} is not a readable Parquet file: {one_line(error)}") from error
    columns = {name: table.column(name) for name in table.column_names}
    lists = [name for name, column in columns.items() if "list" in str(column.type)]
    ids = [name for name in columns if name.lower() in ID and name not in lists]
    ids += [name for name, column in columns.items() if "string" in str(column.type)]
    ids += [name for name in columns if name.startswith("__index")]
    names = [str(value) for value in columns[ids[0]].to_pylist()] if ids else []
    if len(lists) > 1 and "embeddings" not in lists and "embedding" not in lists:
        raise UserError(f"{path}: expected one column of vectors, got {', '.join(lists)}")
    if lists:
        chosen = next((name for name in ("embeddings", "embedding") if name in lists), lists[0])
        values = columns[chosen].to_pylist()
    else:
        kinds = ("bool", "float", "double", "half", "int", "uint", "decimal")
        numbers = [n for n, c in columns.items() if str(c.type).startswith(kinds) and n not in ids]
        values = list(map(list, zip(*(columns[n].to_pylist() for n in numbers), strict=True)))
    lengths = sorted({len(value) if isinstance(value, list) else 0 for value in values})
    if len(lengths) != 1 or not lengths[0]:
        raise UserError(f"{path}: expected vectors of one length, got {lengths[:5]}")
    try:
        return Labelled(names, [] if lists else numbers, np.array(values, float))
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: expected vectors of numbers: {one_line(error)}") from error


def _faiss(path: Path) -> Labelled:
    with path.open("rb") as file:
        head = file.read(45)
    if (magic := head[:4]) not in FLAT:
        raise UserError(
            f"{path}: expected a flat FAISS index, which holds the vectors as they are, got one "
            f"that begins with {magic!r}"
        )
    (size,) = struct.unpack("<Q", head[37:45].ljust(8, b"\0"))  # numbers that it says it holds
    if 4 * size > path.stat().st_size:
        raise UserError(f"{path} is not a readable FAISS index: it is shorter than it says")
    library = optional("faiss", "tables")
    try:
        index = library.read_index(str(path))
        return Labelled([], [], np.asarray(index.reconstruct_n(0, index.ntotal)))
    except Exception as error:  # of a library in C++
        raise UserError(f"{path} is not a readable FAISS index: {one_line(error)}") from error


FORMATS: dict[str, Callable[[Path], Labelled]] = {
    ".npy": _numpy,
    ".npz": _numpy,
    ".csv": _csv,
    ".txt": _csv,
    ".parquet": _parquet,
    ".faiss": _faiss,
    ".index": _faiss,
}
