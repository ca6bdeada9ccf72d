"""Write records: where their files are, which fields are filled in, and what must agree."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.device import environment
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, record_path
from gan_inversion.data import Dataset
from gan_inversion.protocols.base import Protocol
from gan_inversion.recognisers import Recogniser


@dataclass(frozen=True)
class Entry:
    """A record to be written: what is known about it before anything is measured.

    Attributes:
        records: folder of the records.
        protocol: the rules.
        method: name of what is measured.
        dataset: the faces.
        victim: the recogniser that is attacked, or measured.
        seed: of every random choice.
        spec: the spec of the trained inverter, as plain data; None if none is trained.
        part: the subjects that are examined, `test` or `validation`.
        protection: scheme that protects the embeddings, a key of `protection.SCHEMES`.
    """

    records: Path
    protocol: Protocol
    method: str
    dataset: Dataset
    victim: Recogniser
    seed: int = 0
    spec: Mapping[str, Any] | None = None
    part: str = "test"
    protection: str = "none"

    @property
    def path(self) -> Path:
        """The file of the record, whether it exists or not."""
        return record_path(
            self.records,
            self.protocol.name,
            self.method,
            self.dataset.name,
            self.seed,
            part=self.part,
            victim=self.victim.name if self.spec else "",
            protection=self.protection,
        )

    def exists(self, **config: Any) -> bool:
        """Whether the record is there already, so that its run can be skipped.

        Args:
            config: options in the record's `config` that must be the same.

        Raises:
            UserError: the record was made under other conditions.
        """
        return recorded(
            self.path,
            protocol_hash=self.protocol.hash,
            data_digest=self.dataset.digest,
            victim_digest=self.victim.digest,
            **config,
        )

    def record(self, *, config: Mapping[str, Any], **fields: Any) -> Record:
        """Make the record from what was measured.

        Args:
            config: options beside the protocol's.
            fields: the record's remaining fields; `knowledge` is None unless given.
        """
        return Record(
            protocol=self.protocol.name,
            protocol_hash=self.protocol.hash,
            method=self.method,
            dataset=self.dataset.name,
            data_digest=self.dataset.digest,
            victim=self.victim.name,
            victim_digest=self.victim.digest,
            seed=self.seed,
            spec=self.spec,
            part=self.part,
            protection=self.protection,
            config={"protocol": asdict(self.protocol), **config},
            env=environment(),
            **{"knowledge": None, **fields},
        )

    def write(self, scores: Mapping[str, np.ndarray] | None = None, **fields: Any) -> Path:
        """Write the record and its raw scores; arguments as for `record`."""
        return self.record(**fields).write(self.records, scores)


def recorded(path: Path, **expected: Any) -> bool:
    """Whether a record is there already, so that its run can be skipped.

    Args:
        path: file of the record.
        expected: fields of the record, or of its `config`, that must be the same.

    Raises:
        UserError: the record was made under other conditions.
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
        path: its file, for the error message.
        expected: fields of the record, or of its `config`, that must be the same.
    """
    fields = {name: value for name, value in expected.items() if hasattr(record, name)}
    _check({name: getattr(record, name) for name in fields}, path, fields)
    check_options(record, path, {n: v for n, v in expected.items() if n not in fields})


def check_options(record: Record, path: Path, expected: Mapping[str, Any]) -> None:
    """Raise `UserError` unless a record's `config` holds the expected options."""
    _check(record.config, path, expected)


def check_thresholds(record: Record, path: Path, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `UserError` if a record accepts by other thresholds than those that are asked for.

    Args:
        record: read from `path`.
        path: its file, for the error message.
        wanted: recogniser -> what it must declare, in the record's `config`, of its thresholds.
    """
    for name, fields in wanted.items():
        declared = record.config["recognisers"].get(name, {})
        if any(declared.get(field, value) != value for field, value in fields.items()):
            raise UserError(
                f"{path} accepts by other thresholds of {name} than those that are asked for, set "
                f"on pairs of {declared.get('impostors', 'others')}: give another folder for these "
                "records"
            )


def _check(actual: Mapping[str, Any], path: Path, expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if actual.get(name) != value:
            raise UserError(
                f"{path} is of another {name}: expected {value}, got {actual.get(name)}; give "
                "another folder for these records"
            )
