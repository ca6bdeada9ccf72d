"""Reads CSV files that users write, in any program, separator and encoding."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from gan_inversion.core.errors import UserError
from gan_inversion.data.decode import read_file

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
SEPARATORS = ",;\t|"
MARKS_OF_ROWS = "\t;|, "  # in the order in which they are tried; a comma may be a decimal sign
SAMPLED = 50  # rows by which a separator is found
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|[-+]?inf", re.ASCII)
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(e[-+]?\d+)?", re.ASCII)
SAID = re.compile(r"\s*sep=(.)\s*\n")  # Excel's first line


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
    text = decode_text(read_file(path, str(path)), str(path))
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        rows, header = list(reader), [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise UserError(f"{path} is not a readable CSV file: {error}") from error
    if missing := [name for name in columns if name not in header]:
        raise UserError(
            f"{path}: expected the columns {', '.join(columns)}, but {', '.join(missing)} is "
            f"missing from {first.strip()[:80]!r}"
        )
    listing = []
    for number, row in enumerate(rows, 2):
        values = {(name or "").strip(): (value or "") for name, value in row.items() if name}
        if any(not values.get(name, "").strip() for name in columns):
            raise UserError(f"{path}: line {number} has no {' or '.join(columns)}")
        listing.append({name: value.strip() for name, value in values.items()})
    return listing


def read_rows(path: Path) -> list[list[str]]:
    """The cells of a table in a text file, in any form.

    Tabs, semicolons, bars, commas or spaces separate cells; a cell may be quoted, and one that is a
    list in brackets need not be. Empty rows, comments (#) and empty cells at the ends are left out.

    Raises:
        UserError: the file is missing, is no text, or its quotes do not match.
    """
    text = decode_text(read_file(path, str(path)), str(path))
    marks = MARKS_OF_ROWS
    if said := SAID.match(text):
        text, marks = text[said.end() :], said[1]
    text = _quoted_lists(text)

    def likely(mark: str) -> tuple[int, int, int]:
        try:
            rows = list(islice(_rows(text, mark), SAMPLED))
        except csv.Error:
            return 0, 0, 0
        widths = {len(row) for row in rows[1:] or rows}
        alike = len(widths) == 1 and widths != {1} and len(rows[0]) - max(widths) in (0, -1)
        cells = [cell for row in rows for cell in row]
        values = [part for cell in cells for part in (listed(cell) or [cell])]
        numbers = sum(is_number(value) or is_comma_number(value) for value in values)
        return alike, numbers, len(cells)

    mark = max(marks, key=likely)
    try:
        rows = list(_rows(text, mark))
    except csv.Error as error:
        raise UserError(f"{path} is not a readable CSV file: {error}") from error
    while len(rows) > 1 and all(len(row) > 1 and not row[-1] for row in rows[1:]):
        rows = [row[:-1] if row[-1:] == [""] else row for row in rows]
    return rows


def _rows(text: str, mark: str) -> Iterator[list[str]]:
    lines = io.StringIO(text, newline="")
    for row in csv.reader(lines, delimiter=mark, skipinitialspace=True, strict=True):
        cells = [cell.strip() for cell in row]
        if any(cells) and not cells[0].startswith("#"):
            yield cells


def _quoted_lists(text: str) -> str:
    """Quotes around each list in brackets that has none, so that its commas separate no cells."""

    def quoted(found: re.Match[str]) -> str:
        whole, before = found[0], text[found.start() - 1 : found.start()]
        return f'"{whole}"' if whole.endswith("]") and before != '"' and '"' not in whole else whole

    return re.sub(r"\[[^]\n]*\]?", quoted, text)


def listed(cell: str) -> list[str]:
    """The parts of a list in brackets, as [0.1, 0.2] or [0.1 0.2]; none of any other cell."""
    inside = cell.startswith("[") and cell.endswith("]")
    return cell[1:-1].replace(",", " ").split() if inside else []


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
