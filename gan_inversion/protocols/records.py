"""Records as a run makes them: what protocol, data and surroundings fill in, what must agree."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_inversion.core.device import environment
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record
from gan_inversion.data import Dataset
from gan_inversion.protocols.base import Protocol
from gan_inversion.recognisers import Embedder


def make_record(
    protocol: Protocol, method: str, *, dataset: Dataset, embedder: Embedder, **fields: Any
) -> Record:
    """A record with what protocol, dataset, recogniser and surroundings fill in themselves.

    Args:
        protocol: what was done.
        method: by what.
        dataset: on what.
        embedder: with which recogniser.
        fields: the record's remaining fields; `seed` is 0 and `knowledge` None unless given.
    """
    return Record(
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        method=method,
        dataset=dataset.name,
        data_digest=dataset.digest,
        embedder=embedder.name,
        embedder_digest=embedder.digest,
        env=environment(),
        **{"seed": 0, "knowledge": None, **fields},
    )


def recorded(path: Path, **expected: Any) -> bool:
    """Whether a record exists already, so that its run can be skipped.

    Args:
        path: of the record.
        expected: fields of the record, or of its `config`, that must be the same.

    Raises:
        UserError: the record that stands there was made under other conditions.
    """
    if not path.exists():
        return False
    check_record(Record.read(path), path, **expected)
    print(f"{path} exists: skipped")
    return True


def check_record(record: Record, path: Path, **expected: Any) -> None:
    """Raise `UserError` unless a record was made under the expected conditions.

    Args:
        record: read from `path`.
        path: to name it by.
        expected: fields of the record, or of its `config`, that must be the same.
    """
    fields = {name: value for name, value in expected.items() if hasattr(record, name)}
    _check({name: getattr(record, name) for name in fields}, path, fields)
    check_options(record, path, {n: v for n, v in expected.items() if n not in fields})


def check_options(record: Record, path: Path, expected: Mapping[str, Any]) -> None:
    """Raise `UserError` unless a record's `config` holds the expected options."""
    _check(record.config, path, expected)


def _check(known: Mapping[str, Any], path: Path, expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if known.get(name) != value:
            raise UserError(
                f"{path} is of another {name}: expected {value}, got {known.get(name)}; give "
                "another folder for these records"
            )
