"""The run record: one JSON file a run, validated by a schema, written once, never edited.

Tables and dashboards are views of records. Per-image scores stand beside a record as `.npz`, so
that its figures can be recomputed. A checksum tells when a record was edited by hand.
"""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import jsonschema
import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.older import older_spec
from gan_inversion.core.storage import atomic, sha256, sha256_file, write_text


def now() -> str:
    """The time, for a record."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Metric:
    """A measured figure.

    Attributes:
        value: the figure; None below the resolution of the sample.
        ci: 95 % confidence interval, (low, high), or None.
        n: size of the sample.
    """

    value: float | None
    ci: tuple[float, float] | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was measured, on what, by what, and where; the fields of `record.schema.json`."""

    protocol: str
    protocol_hash: str
    method: str
    knowledge: str | None
    dataset: str
    data_digest: str
    embedder: str
    embedder_digest: str
    seed: int
    config: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    env: Mapping[str, Any]
    reported: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=now)
    scores_digest: str | None = None  # SHA-256 of the raw scores beside the record
    spec: Mapping[str, Any] | None = None  # what was made: name, family, options, training images
    part: str = "test"  # of the subjects that were asked about
    schema: int = 3

    @property
    def made(self) -> Mapping[str, Any]:
        """The spec; of a record that has none what its method's name says."""
        return self.spec or older_spec(self.method, self.config)

    def path(self, root: Path) -> Path:
        """Where it stands under a root, as `record_path` has it."""
        place = self.protocol, self.method, self.dataset, self.seed
        return record_path(root, *place, part=self.part)

    def write(self, root: Path, scores: Mapping[str, np.ndarray] | None = None) -> Path:
        """Write the record under `root`, and its raw scores beside it.

        Raises:
            UserError: the record exists already or does not fit the schema.
        """
        path = self.path(root)
        if path.exists():
            raise UserError(f"{path} exists, and a record is never overwritten")
        self.write_to(path, scores)
        return path

    def write_to(self, path: Path, scores: Mapping[str, np.ndarray] | None = None) -> None:
        """Write a copy of the record to `path`, and its raw scores beside it: scores first.

        Raises:
            UserError: the record does not fit the schema.
        """
        buffer = io.BytesIO()
        if scores is not None:
            np.savez_compressed(buffer, allow_pickle=False, **scores)
        packed = buffer.getvalue()
        content = asdict(replace(self, scores_digest=sha256(packed) if packed else None))
        content = json.loads(json.dumps(content, allow_nan=False))  # tuples become lists
        content["checksum"] = checksum(content)
        validate(content, path)
        if packed:
            with atomic(path.with_suffix(".npz")) as temporary:
                temporary.write_bytes(packed)
        write_text(path, json.dumps(content, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record.

        Raises:
            UserError: the file is not JSON, does not fit the schema, or was edited.
        """
        try:
            content = json.loads(
                path.read_text(encoding="utf-8"),
                parse_constant=_refused,
                parse_int=_bounded,
                parse_float=_finite,
            )
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path} is not a readable record: {_short(error)}") from error
        validate(content, path)
        if content.pop("checksum") != checksum(content):
            raise UserError(
                f"{path} was edited: expected the checksum of its content, and a record is "
                "written once"
            )
        metrics = {
            name: Metric(metric["value"], metric["ci"] and tuple(metric["ci"]), metric["n"])
            for name, metric in content.pop("metrics").items()
        }
        return cls(metrics=metrics, **content)


def record_path(
    root: Path, protocol: str, method: str, dataset: str, seed: int, *, part: str = "test"
) -> Path:
    """`<root>/<protocol>/<method>-<dataset>[-<part>]-s<seed>.json`; the usual part is not named."""
    where = dataset if part == "test" else f"{dataset}-{part}"
    return root / protocol / f"{method}-{where}-s{seed}.json"


def read_record(path: Path) -> Record:
    """Read a record that stands in its place; under another name it would count twice.

    Raises:
        UserError: it is not readable, or its name is that of another record.
    """
    record = Record.read(path)
    if path.name != record.path(path).name or path.parent.name != record.protocol:
        raise UserError(
            f"{path} is the record of {record.method}, seed {record.seed}, on {record.dataset} "
            f"under {record.protocol}: expected it as {record.protocol}/{record.path(path).name}"
        )
    return record


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no figure")


def _bounded(digits: str) -> int:
    if len(digits) > 19:
        raise ValueError(f"a number of {len(digits)} digits is no figure")
    return int(digits)


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        _refused(digits)
    return value


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def read_scores(path: Path) -> dict[str, np.ndarray]:
    """Raw scores of the record at `path`.

    Raises:
        UserError: there are none, or not those that the record was computed from.
    """
    record, scores = Record.read(path), path.with_suffix(".npz")
    if not scores.is_file() or sha256_file(scores) != record.scores_digest:
        raise UserError(f"expected the raw scores of {path.name} in {scores}, found none or others")
    with np.load(scores) as arrays:
        return dict(arrays)


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of a record's content, without the checksum itself."""
    known = {name: value for name, value in content.items() if name != "checksum"}
    return sha256(json.dumps(known, sort_keys=True).encode())


def validate(content: Any, path: Path) -> None:
    """Raise `UserError` unless `content` fits the schema."""
    schema = json.loads(files("gan_inversion.core").joinpath("record.schema.json").read_text())
    try:
        jsonschema.validate(content, schema)
    except jsonschema.ValidationError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "the record"
        reason = error.message[:200]
        raise UserError(f"{path}: {place} does not fit the schema: {reason}") from error


def at(figure: str, **condition: float) -> str:
    """Name of a metric under a condition, e.g. `tmr@fmr=1e-3` for `at("tmr", fmr=1e-3)`."""
    ((name, value),) = condition.items()
    return f"{figure}@{name}={value:.0e}".replace("e-0", "e-")


def resolved(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The values of those metrics that the sample resolves."""
    return {name: found.value for name, found in metrics.items() if found.value is not None}


def metric(value: float, *, ci: tuple[float, float] | None = None, n: int) -> Metric:
    """A metric from numpy scalars; NaN becomes None."""
    value = float(value)
    return Metric(None if math.isnan(value) else value, ci and (float(ci[0]), float(ci[1])), int(n))
