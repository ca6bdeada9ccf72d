"""The threshold registry: at which score a recogniser accepts at a given false match rate.

`results/thresholds.json` is useful by itself: it gives thresholds on real impostor pairs, with
intervals, for recognisers whose libraries give none. The `inversion` protocol uses thresholds of
its validation subjects, which are set before any reconstruction is seen.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jsonschema

from gan_inversion.core.errors import UserError
from gan_inversion.core.locks import exclusive
from gan_inversion.core.schema import strict_json
from gan_inversion.core.storage import write_text


@dataclass(frozen=True, order=True, kw_only=True)
class Threshold:
    """One line of the registry.

    Attributes:
        recogniser: name of the recogniser.
        recogniser_digest: SHA-256 that names its weights.
        dataset: source of the faces.
        data_digest: SHA-256 that names that source.
        view: part of the frame that the recogniser is given.
        resample: filter from the frame to the view.
        precision: arithmetic of the recogniser, on which its scores depend.
        subjects: `all`, or `validation` and the hash of the split.
        fmr: false match rate.
        threshold: smallest cosine accepted; None where the pairs cannot resolve the rate.
        interval: 95 % confidence interval over samples of subjects, or None.
        pairs: number of impostor pairs that it was set on.
    """

    recogniser: str
    recogniser_digest: str
    dataset: str
    data_digest: str
    view: str
    resample: str
    subjects: str
    precision: str = "float32"
    fmr: float
    threshold: float | None
    interval: tuple[float, float] | None
    pairs: int

    @property
    def place(self) -> tuple[Any, ...]:
        """The values of the fields in `LOOKUP`, by which a line is found."""
        return tuple(asdict(self)[name] for name in LOOKUP)


LOOKUP = (
    "recogniser",
    "recogniser_digest",
    "dataset",
    "data_digest",
    "view",
    "resample",
    "subjects",
    "precision",
    "fmr",
)
ADDED = ("precision",)  # to LOOKUP later: older registries lack it
NUMBER_OR_NULL = {"type": ["number", "null"]}
COSINE_OR_NULL = {**NUMBER_OR_NULL, "minimum": -1, "maximum": 1}
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": [
            *(name for name in LOOKUP if name not in ADDED),
            "threshold",
            "interval",
            "pairs",
        ],
        "properties": {
            **{name: {"type": "string"} for name in LOOKUP[:-1]},
            "fmr": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "threshold": COSINE_OR_NULL,
            "interval": {
                "type": ["array", "null"],
                "items": {"type": "number"},
                "minItems": 2,
                "maxItems": 2,
            },
            "pairs": {"type": "integer", "minimum": 0},
        },
    },
}


def read_thresholds(path: Path) -> list[Threshold]:
    """Lines of a registry; none if there is no file.

    Raises:
        UserError: the file is not a registry.
    """
    if not path.exists():
        return []
    lines = strict_json(path, "a threshold registry")
    try:
        jsonschema.validate(lines, SCHEMA)
    except jsonschema.ValidationError as error:
        raise UserError(f"{path} is not a threshold registry: {error.message}") from error
    return [
        Threshold(**{**line, "interval": line["interval"] and tuple(line["interval"])})
        for line in lines
    ]


def add_thresholds(path: Path, thresholds: Iterable[Threshold]) -> None:
    """Add lines to a registry; each replaces an earlier one with the same `place`."""
    with exclusive(path, wait=True):  # two runs at once must not undo each other's lines
        write_thresholds(path, (*read_thresholds(path), *thresholds))


def write_thresholds(path: Path, thresholds: Iterable[Threshold]) -> None:
    """Write lines as a registry; of several with the same `place` the last is kept."""
    lines = {line.place: line for line in thresholds}
    ordered = [asdict(lines[place]) for place in sorted(lines)]
    write_text(path, json.dumps(ordered, indent=1, allow_nan=False) + "\n")
