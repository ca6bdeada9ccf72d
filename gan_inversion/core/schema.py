"""What the file of a record must look like: strict JSON, the schema, the checksum."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.storage import read_file, sha256


def strict_json(path: Path, what: str = "a readable record") -> Any:
    """The content of a JSON file whose numbers are finite and of bounded length.

    Args:
        path: the file.
        what: it should be, for the error.

    Raises:
        UserError: it is not readable, or no such JSON.
    """
    try:
        return json.loads(
            read_file(path).decode(),
            parse_constant=_refused,
            parse_int=_bounded,
            parse_float=_finite,
            object_pairs_hook=once,
        )
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not {what}: {one_line(error)}") from error


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


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dictionary.

    Raises:
        ValueError: a key stands in it twice, of which a reader may take the other.
    """
    values = dict(pairs)
    if len(values) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice[:80]!r} stands twice in one object")
    return values


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of a record's content, without the checksum itself."""
    fields = {name: value for name, value in content.items() if name != "checksum"}
    return sha256(json.dumps(fields, sort_keys=True).encode())


def validate(content: Any, path: Path) -> None:
    """Raise `UserError` unless `content` fits the schema."""
    try:
        error = best_match(_validator().iter_errors(content))
    except RecursionError as deep:
        raise UserError(f"{path} is nested too deeply for a record") from deep
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
    kinds = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )  # 0.0 would be one too
    return extend(Draft202012Validator, type_checker=kinds)(schema)
