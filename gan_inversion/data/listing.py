"""Reads CSV files that users write, in any program, separator and encoding."""

import csv
import io
from collections.abc import Collection
from pathlib import Path

from gan_inversion.core.errors import UserError
from gan_inversion.data.decode import read_file

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
SEPARATORS = ",;\t|"


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
