"""Reads CSV files that users write, in any program, separator and encoding."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import read_file

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
MARKS_OF_ROWS = "\t;|, "  # in the order in which they are tried; a comma may be a decimal sign
QUOTED = re.compile(r'"[^"]*"')
NONE = "\x1f"  # a separator that no text has
# A list of numbers in brackets, which is a whole cell: file names have brackets too.
LIST = re.compile(r"(?<![^\s;|,])\[\s*[-+.\deEnaif]+(?:[,\s]+[-+.\deEnaif]+)+\s*\](?![^\s;|,])")
WITHIN = re.compile(r'(?<=.)"(\[[^"]*\])"')  # one that was the end of a name after all
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
    (_, header), *rows = numbered_rows(path) or [(1, [])]
    if missing := [name for name in columns if name not in header]:
        raise UserError(
            f"{path}: expected the columns {', '.join(columns)}, but {', '.join(missing)} is "
            f"missing from {' '.join(header)[:80]!r}"
        )
    listing = []
    for number, row in rows:
        values = dict.fromkeys(header, "") | dict(zip(header, row, strict=False))
        if not all(values[name] for name in columns):
            raise UserError(f"{path}: line {number} has no {' or '.join(columns)}")
        listing.append(values)
    return listing


def numbered_rows(path: Path) -> list[tuple[int, list[str]]]:
    """The cells of a table in a text file, whatever separates them; empty rows are left out.

    With each row comes the number of the line in which it begins.

    Tabs, semicolons, bars, commas or spaces separate cells: the first of these that every line has,
    else the first but spaces that any line has. Cells may be quoted; a list of numbers in brackets
    is one cell, quoted or not.

    Raises:
        UserError: the file is missing, is no text, or has a cell that is too long.
    """
    text = decode_text(read_file(path, str(path)), str(path))
    marks, skipped = MARKS_OF_ROWS, 0
    if stated := STATED.match(text):
        text, marks, skipped = text[stated.end() :], stated[1], stated[0].count("\n")
    quoted = "".join(  # by numbers of lines a list may have breaks within it
        part if part.startswith('"') else LIST.sub(_one_cell, part)
        for part in re.split(r'("[^"\n]*")', text)
    )
    lines = [
        (number, line.rstrip(" \r\n"))
        for number, line in enumerate(io.StringIO(quoted, newline=""), 1 + skipped)
        if line.strip()
    ]
    outside = [QUOTED.sub("", line.strip(" ")) for _, line in lines]
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


def _one_cell(matched: re.Match[str]) -> str:
    return f'"{matched[0]}"'


def _rows(
    lines: Sequence[tuple[int, str]], mark: str, **options: Any
) -> Iterator[tuple[int, list[str]]]:
    texts = (f"{line}\n" for _, line in lines)
    reader = csv.reader(texts, delimiter=mark, skipinitialspace=True, **options)
    begin = 0
    for row in reader:
        cells = [WITHIN.sub(r"\1", cell.strip()) for cell in row]
        if any(cells):
            yield lines[begin][0], cells
        begin = reader.line_num


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
