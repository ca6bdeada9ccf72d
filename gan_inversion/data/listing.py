"""Reads CSV files that users write, in any program, separator and encoding."""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import read_file

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
MARKS_OF_ROWS = "\t;|, "  # in the order in which they are tried; a comma may be a decimal sign
QUOTED = re.compile(r'"[^"]*"')
NONE = "\x1f"  # a separator that no text has
LIST = re.compile(r'(?<!")\[\s*[-+.\deEnaif]+(?:[,\s]+[-+.\deEnaif]+)+\s*\](?!")')  # of numbers
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|[-+]?inf", re.ASCII)
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(e[-+]?\d+)?", re.ASCII)
STATED = re.compile(r"\s*sep=(.)\s*\n")  # Excel's first line


def read_listing(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, by column.

    Spreadsheets write semicolons (where the decimal sign is a comma) or tabs, a byte-order mark,
    UTF-16, or the code page of their country; all of these are read.

    Args:
        path: the file.
        columns: names that the header must contain.

    Raises:
        UserError: the file is missing, is not text, or lacks a column.
    """
    header, *rows = read_rows(path) or [[]]
    if missing := [name for name in columns if name not in header]:
        raise UserError(
            f"{path}: expected the columns {', '.join(columns)}, but {', '.join(missing)} is "
            f"missing from {' '.join(header)[:80]!r}"
        )
    listing = []
    for number, row in enumerate(rows, 2):
        values = dict.fromkeys(header, "") | dict(zip(header, row, strict=False))
        if not all(values[name] for name in columns):
            raise UserError(f"{path}: line {number} has no {' or '.join(columns)}")
        listing.append(values)
    return listing


def read_rows(path: Path) -> list[list[str]]:
    """The cells of a table in a text file, whatever separates them; empty rows are left out.

    Tabs, semicolons, bars, commas or spaces separate cells: the first of these that every line has,
    else the first but spaces that any line has. Cells may be quoted; a list of numbers in brackets
    is one cell, quoted or not.

    Raises:
        UserError: the file is missing, is no text, or has a cell that is too long.
    """
    text = decode_text(read_file(path, str(path)), str(path))
    marks = MARKS_OF_ROWS
    if stated := STATED.match(text):
        text, marks = text[stated.end() :], stated[1]
    text = LIST.sub(r'"\g<0>"', text)
    lines = [line.rstrip(" \r\n") for line in io.StringIO(text, newline="") if line.strip()]
    outside = [QUOTED.sub("", line.strip(" ")) for line in lines]
    common = [mark for mark in marks if all(mark in line for line in outside)]
    common += [mark for mark in marks.replace(" ", "") if any(mark in line for line in outside)]
    if not common and " " in "".join(outside[-1:]):  # a title may have spaces where no row has
        common = [" "]
    mark = next(iter(common), NONE)
    try:
        try:
            return list(_rows(lines, mark, strict=True))
        except csv.Error:  # quotes that are no quotes
            return list(_rows(lines, mark, quoting=csv.QUOTE_NONE))
    except csv.Error as error:
        raise UserError(f"{path} is not a readable CSV file: {error}") from error


def _rows(lines: Iterable[str], mark: str, **options: Any) -> Iterator[list[str]]:
    for row in csv.reader(
        (f"{line}\n" for line in lines), delimiter=mark, skipinitialspace=True, **options
    ):
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield cells


def stripped(row: Sequence[str]) -> list[str]:
    """A row without the empty cells at its end, of which it has others."""
    return list(row[: max(place for place, cell in enumerate(row, 1) if cell)])


def listed(cell: str) -> list[str]:
    """The parts of a list in brackets, as [0.1, 0.2] or [0.1 0.2]; none of any other cell."""
    inside = cell.startswith("[") and cell.endswith("]")
    return re.sub(r'[,"]', " ", cell[1:-1]).split() if inside else []


def is_number(cell: str) -> bool:
    """Whether a cell is a number as tables have them: no `1_000`, which Python would read too."""
    return NUMBER.fullmatch(cell.lower()) is not None


def is_comma_number(cell: str) -> bool:
    """Whether a cell is a number whose decimal sign is a comma, which then separates no cells."""
    return DECIMAL_COMMA.fullmatch(cell.lower()) is not None


def decode_text(data: bytes, name: str) -> str:
    """Text of a file in UTF-8, UTF-16 with its mark, or else a Western European code page.

    Raises:
        UserError: the content has zero bytes, which no text has.
    """
    encoding = next((kind for mark, kind in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    if "\0" in text:
        raise UserError(f"{name} is not a text file")
    return text
