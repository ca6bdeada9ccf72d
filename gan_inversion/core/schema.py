"""What the file of a record must look like: strict JSON, the schema, the checksum."""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.storage import sha256


def strict_json(path: Path) -> Any:
    """The content of a JSON file whose numbers are finite and of bounded length.

    Raises:
        UserError: it is not readable, or no such JSON.
    """
    try:
        return json.loads(
            path.read_text(encoding="utf-8"),
            parse_constant=_refused,
            parse_int=_bounded,
            parse_float=_finite,
        )
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a readable record: {one_line(error)}") from error


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is not a finite number")


def _bounded(digits: str) -> int:
    if len(digits) > 19:
        raise ValueError(f"a number of {len(digits)} digits is too long")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        _refused(digits)
    return value


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of a record's content, without the checksum itself."""
    fields = {name: value for name, value in content.items() if name != "checksum"}
    return sha256(json.dumps(fields, sort_keys=True).encode())


def validate(content: Any, path: Path) -> None:
    """Raise `UserError` unless `content` fits the schema."""
    error = best_match(_validator().iter_errors(content))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "the record"
        reason = error.message[:200]
        raise UserError(f"{path}: {place} does not fit the schema: {reason}") from error


@cache
def _validator() -> Draft202012Validator:
    """Of records; to check the schema itself takes eight times as long as a record."""
    text = files("gan_inversion.core").joinpath("record.schema.json").read_text()
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
