"""Reads tables of vectors in the formats that they are passed on in.

NumPy's .npy and .npz, CSV, Parquet (needs pyarrow) and FAISS' flat indexes (needs faiss): the extra
`tables`.
"""

import math
import re
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError, one_line, optional
from gan_inversion.data.listing import is_comma_number, is_number, listed, numbered_rows, stripped

FLAT = (b"IxF2", b"IxFI", b"IxFl")  # how a file of a flat index begins: all vectors as they are
MOST = 50_000_000  # values in a Parquet file
KINDS = ("bool", "float", "double", "half", "int", "uint", "decimal")  # of numbers, in Parquet
TRUTH = {"true": 1.0, "false": 0.0}  # as pandas writes a membership
# Titles of columns that are no components.
ID = {"name", "id", "image", "img", "file", "path", "key", "subject", "person", "user", "identity"}
ID |= {"label", "index", "filename", "filepath", "unnamed:_0"}
ID |= {f"{of}_{what}" for of in ("image", "img", "file", "person", "subject", "user")
       for what in ("id", "name", "path", "label")}  # fmt: skip
# What a spreadsheet writes where it cannot compute.
ERROR = re.compile(r"#(DIV/0!|N/A|REF!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!)")
VECTORS = re.compile(r"(face_)?(embeddings?|vectors?|features?)", re.IGNORECASE)


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
    names = arrays.pop("names") if len(arrays) > 1 and "names" in arrays else np.array([])
    if len(arrays) != 1 and "embeddings" not in arrays:
        raise UserError(f"{path}: expected an array called embeddings, got {', '.join(arrays)}")
    vectors = arrays.get("embeddings", next(iter(arrays.values())))
    if names.size == 0:
        return Labelled([], [], vectors)
    if names.ndim != 1 or names.dtype.kind not in "USiu" or len(names) != len(vectors):
        raise UserError(
            f"{path}: expected a text or number for each of {len(vectors)} vectors as names, got "
            f"{names.dtype} {names.shape}"
        )
    text = [n.decode(errors="replace") if isinstance(n, bytes) else str(n) for n in names.tolist()]
    return Labelled(text, [], vectors)


def _csv(path: Path) -> Labelled:
    """Numbers, a vector a row: with or without a header, and with or without columns of names."""
    numbered = numbered_rows(path)
    for line, row in numbered:
        if errors := [cell for cell in row if ERROR.fullmatch(cell)]:
            raise UserError(f"{path}, line {line}: expected numbers, got a table's {errors[0]}")
    table = [row for _, row in numbered]
    rows = [stripped(row) for row in table]
    if len(rows) > 1 and rows[0][0].startswith("#") and len(rows[0]) != len(rows[1]):
        del table[0], rows[0]  # a comment
    if not rows:
        raise UserError(f"{path}: expected rows of numbers, found none")
    header = rows.pop(0) if _is_header(rows[0], rows[1:]) else []
    if len(widths := sorted(set(map(len, rows)))) > 1:
        raise UserError(f"{path}: expected vectors of one length, got {widths[:5]}")
    (width,) = widths
    if header and len(table[0]) == width - 1 and not _is_id(header[0]):
        header = ["", *header]  # R writes no name above its names of rows
    outside = [place for place, title in enumerate(header[:width]) if _is_id(title)]
    first = [row[0] for row in rows]
    if header[:1] == [""] or not all(map(_is_filled, first)):
        fractions = any(is_number(cell) and "." in cell for cell in first)  # no names are so
        if fractions and (words := [cell for cell in first if not _is_filled(cell)]):
            raise UserError(f"{path}: expected numbers in the first column, got {words[0]!r}")
        outside = sorted({0, *outside})
    names = _names([[row[place] for row in rows] for place in outside])
    cells = [[cell for place, cell in enumerate(row) if place not in outside] for row in rows]
    if not any(cells):
        raise UserError(f"{path}: expected rows of numbers, found only words")
    vectors = _vectors(path, cells)
    titles = [title for place, title in enumerate(header[:width]) if place not in outside]
    return Labelled(names, titles if len(titles) == vectors.shape[1] else [], vectors)


def _is_header(head: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row says what the columns are called."""
    if not body:
        return False
    if _is_id(head[0]) or not head[0] or not any(map(_is_filled, head[1:] or head)):
        return True
    # pandas also calls columns 0, 1, 2, ...; a row of two, 0 and 1, may be a membership.
    named = not _is_filled(head[0])
    own = list(head[named:])
    counted = [[str(number + first) for number in range(len(own))] for first in (0, 1)]
    if len(own) < 3 or own not in counted:
        return False
    whole = all(cell.lstrip("-+").isdigit() for cell in body[0][named:])
    return not whole or (not named and own == counted[0])


def _is_id(title: str) -> bool:
    return title.lower().replace(" ", "_") in ID


def _names(columns: Sequence[list[str]]) -> list[str]:
    """The column that names the rows best: text rather than numbers, and each name once."""
    best: list[str] = []
    worth = (False, False)
    for column in columns:
        own = not all(map(is_number, column)), len(set(column)) == len(column)
        if not best or own > worth:
            best, worth = column, own
    return best


def _is_filled(cell: str) -> bool:
    """Whether a cell holds numbers: one, a truth value, or a list of them."""
    return is_number(cell) or is_comma_number(cell) or cell.lower() in TRUTH or cell.startswith("[")


def _vectors(path: Path, rows: Sequence[Sequence[str]]) -> np.ndarray:
    """Vectors of rows of text, of which one may also be a single cell, as [0.1, 0.2] or [0.1 0.2].

    Args:
        path: of the file.
        rows: cells.
    """
    vectors: list[list[float]] = []
    commas = any("," in cell for row in rows for cell in row if not cell.startswith("["))
    for number, row in enumerate(rows, 1):
        if commas and (points := [cell for cell in row if "." in cell]):
            raise UserError(f"{path}: expected one decimal sign, got commas and {points[0][:20]!r}")
        try:
            cells = listed(row[0]) if len(row) == 1 else []
            vectors.append(list(map(_number, cells or row)))
        except (ValueError, KeyError) as error:
            raise UserError(f"{path}: row {number} of the vectors is not all numbers") from error
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) != 1:
        raise UserError(f"{path}: expected vectors of one length, got {lengths[:5]}")
    return np.array(vectors)


def _number(cell: str) -> float:
    """The number in a cell; a truth value is one too, but numbers are tried first, as most are."""
    try:
        value = float(cell)
        if math.isinf(value) and "inf" not in cell.lower():
            raise KeyError(cell)  # a number that is too large for a computer
        return value
    except ValueError:
        if is_comma_number(cell):
            return float(cell.replace(",", "."))
        return TRUTH[cell.lower()]


def _parquet(path: Path) -> Labelled:
    """A column of vectors, or columns of numbers; and a column of names if there is one.

    It is called so, is text, or is the index of a table of pandas.
    """
    try:
        parquet, compute = (
            optional(f"pyarrow.{name}", "tables") for name in ("parquet", "compute")
        )
        shape = parquet.read_metadata(path)
        parts = [shape.row_group(place) for place in range(shape.num_row_groups)]
        values = sum(p.column(c).num_values for p in parts for c in range(p.num_columns))
        if values > MOST:
            raise UserError(f"{path} has {values:,} values, more than {MOST:,}")
        table = parquet.read_table(path)
        columns = {name: table.column(name) for name in table.column_names}
        lists = [name for name, column in columns.items() if "list" in str(column.type)]
        words = [name for name, column in columns.items() if "string" in str(column.type)]
        ids = [name for name in columns if _is_id(name) or name.startswith("__index")]
        ids = [name for name in columns if name in (*ids, *words) and name not in lists]
        names = _names([list(map(str, columns[name].to_pylist())) for name in ids])
        numbers = [n for n, c in columns.items() if str(c.type).startswith(KINDS) and n not in ids]
        if not lists and not numbers:
            raise UserError(f"{path}: expected vectors of one length, got no column of numbers")
        if not lists:
            matrix = [columns[name].to_numpy() for name in numbers]
            return Labelled(names, numbers, np.column_stack(matrix).astype(float))
        chosen = next((name for name in lists if VECTORS.fullmatch(name)), lists[0])
        lengths = compute.unique(compute.list_value_length(columns[chosen])).to_pylist()
        if len(lengths) != 1 or not lengths[0]:
            lengths = sorted(length or 0 for length in lengths)
            raise UserError(f"{path}: expected vectors of one length, got {lengths[:5]}")
        if not VECTORS.fullmatch(chosen) and (len(lists) > 1 or len(numbers) > lengths[0]):
            others = lists if len(lists) > 1 else [chosen, f"{len(numbers)} columns of numbers"]
            raise UserError(f"{path}: expected one column of vectors, got {', '.join(others)}")
        flat = compute.list_flatten(columns[chosen]).to_numpy().astype(float)
        return Labelled(names, [], flat.reshape(-1, lengths[0]))
    except UserError:
        raise
    except Exception as error:  # of a library in C++
        raise UserError(f"{path} is not a readable Parquet file: {one_line(error)}") from error


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
    ".tsv": _csv,
    ".txt": _csv,
    ".parquet": _parquet,
    ".faiss": _faiss,
    ".index": _faiss,
}
