"""The run record: one JSON file a run, validated by a schema, written once, never edited.

Tables and dashboards are views of records. Per-image scores lie beside a record as `.npz`, so
that its figures can be recomputed. A checksum shows whether a record was edited by hand.
"""

import io
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.older import SCHEMA, todays_record
from gan_inversion.core.schema import checksum, strict_json, validate
from gan_inversion.core.storage import atomic, sha256, sha256_file, write_text


def now() -> str:
    """The current time in UTC, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Metric:
    """A measured figure.

    Attributes:
        value: the figure; None if the sample is too small to resolve it.
        ci: 95 % confidence interval, (low, high), or None.
        n: size of the sample.
    """

    value: float | None
    ci: tuple[float, float] | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """The result of one run and how it came about; the fields are those of `record.schema.json`."""

    protocol: str
    protocol_hash: str
    method: str
    knowledge: str | None
    dataset: str
    data_digest: str
    victim: str
    victim_digest: str
    seed: int
    config: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    env: Mapping[str, Any]
    reported: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    created: str = field(default_factory=now)
    scores_digest: str | None = None  # SHA-256 of the raw scores beside the record
    spec: Mapping[str, Any] | None = None  # what was trained; None where nothing was
    part: str = "test"  # of the subjects that were examined
    protection: str = "none"  # scheme that protected the embeddings
    schema: int = SCHEMA

    @property
    def trained(self) -> Mapping[str, Any]:
        """The spec of what was trained; where there is none, one made of the method's name."""
        return self.spec or bare_spec(self.method)

    def path(self, root: Path) -> Path:
        """The record's file under `root`, as `record_path` names it."""
        place = self.protocol, self.method, self.dataset, self.seed
        victim = self.victim if self.spec else ""
        return record_path(root, *place, part=self.part, victim=victim, protection=self.protection)

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
        content = strict_json(path)
        whole = checksum(content) if isinstance(content, dict) else ""
        content = todays_record(content)
        validate(content, path)
        if content.pop("checksum") != whole:
            raise UserError(
                f"{path} was edited: expected the checksum of its content, and a record is "
                "written once"
            )
        metrics = {
            name: Metric(metric["value"], metric["ci"] and tuple(metric["ci"]), metric["n"])
            for name, metric in content.pop("metrics").items()
        }
        return cls(metrics=metrics, **content)


def bare_spec(name: str, family: str = "") -> dict[str, Any]:
    """A `spec` without options: for pictures made elsewhere, or without a single inverter."""
    family = family or name
    return {
        "name": name,
        "family": family,
        "preset": family,
        "options": {},
        "training_images": None,
    }


USUAL_VICTIM = {"synthetic": "compact", "drawn": "compact"}  # by data set; others: facenet


def entry_name(
    method: str,
    dataset: str,
    seed: int,
    *,
    part: str = "test",
    victim: str = "",
    protection: str = "none",
) -> str:
    """Name a record or run `<method>-<dataset>[-<part>][-<victim>][-<protection>]-s<seed>`.

    What is usual is left out: the test part, the usual victim of the data set, and no protection.
    """
    usual = ("test", USUAL_VICTIM.get(dataset, "facenet"), "unknown", "none", "")
    parts = [name for name in (part, victim, protection) if name not in usual]
    return "-".join([method, dataset, *parts, f"s{seed}"])


def record_path(
    root: Path, protocol: str, method: str, dataset: str, seed: int, **others: str
) -> Path:
    """The file of a record under a root; arguments as for `entry_name`."""
    return root / protocol / f"{entry_name(method, dataset, seed, **others)}.json"


@dataclass(frozen=True)
class Selection:
    """A choice of records that may appear in the same table.

    Attributes:
        dataset: name of the data set.
        part: of the subjects, `test` or `validation`.
        victim: the recogniser that was attacked, where it is not the usual one of the data set.
    """

    dataset: str = "lfw"
    part: str = "test"
    victim: str = ""

    @property
    def published(self) -> bool:
        """Whether these are the records of the published tables: LFW's, of its usual victim."""
        return self.page("") == ""

    def page(self, name: str) -> str:
        """Name of the page `name` of these records; for LFW and its usual victim just `name`."""
        place = entry_name(name, self.dataset, 0, victim=self.victim)
        return place.removesuffix("-s0").removesuffix("-lfw")

    def path(self, root: Path, protocol: str, method: str, seed: int) -> Path:
        """The file of one of these records."""
        others = {"part": self.part, "victim": self.victim}
        return record_path(root, protocol, method, self.dataset, seed, **others)


@dataclass(frozen=True)
class Expected:
    """What a benchmark shall hold, so that its pages can name what is missing.

    Attributes:
        inversion: methods and seeds, of the usual victim.
        transfer: other victims, and methods.
        membership: methods.
    """

    inversion: Collection[tuple[str, int]] = ()
    transfer: Collection[tuple[str, str]] = ()
    membership: Collection[str] = ()


def read_record(path: Path) -> Record:
    """Read a record and check the name of its file: under another name it would count twice.

    Raises:
        UserError: the record is not readable, or its file is named like another record.
    """
    record = Record.read(path)
    if path.name != record.path(path).name or path.parent.name != record.protocol:
        raise UserError(
            f"{path} is the record of {record.method}, seed {record.seed}, on {record.dataset} "
            f"under {record.protocol}: expected it as {record.protocol}/{record.path(path).name}"
        )
    return record


def read_scores(path: Path) -> dict[str, np.ndarray]:
    """Raw scores of the record at `path`.

    Raises:
        UserError: there are no raw scores, or the record was computed from others.
    """
    record, scores = Record.read(path), path.with_suffix(".npz")
    if not scores.is_file() or sha256_file(scores) != record.scores_digest:
        raise UserError(f"expected the raw scores of {path.name} in {scores}, found none or others")
    return read_arrays(scores)


def at(figure: str, **condition: float) -> str:
    """Name of a metric under a condition, e.g. `tmr@fmr=1e-3` for `at("tmr", fmr=1e-3)`."""
    ((name, value),) = condition.items()
    return f"{figure}@{name}={value:.0e}".replace("e-0", "e-")


def resolved(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The values of those metrics that the sample resolves."""
    return {name: figure.value for name, figure in metrics.items() if figure.value is not None}


def metric(value: float, *, ci: tuple[float, float] | None = None, n: int) -> Metric:
    """A metric from numpy scalars; NaN becomes None, and so does an interval with one."""
    value = float(value)
    interval = None if ci is None or np.isnan(ci).any() else (float(ci[0]), float(ci[1]))
    return Metric(None if math.isnan(value) else value, interval, int(n))
