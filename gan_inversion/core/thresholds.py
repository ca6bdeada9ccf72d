"""The threshold registry: at which score a recogniser accepts at a given false match rate.

`results/thresholds.json` is a product of its own: thresholds on real impostor pairs, with
intervals, for recognisers whose libraries do not say. The `inversion` protocol judges by those of
its validation subjects, which are set before any reconstruction is seen.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import jsonschema

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import exclusive, write_text


@dataclass(frozen=True, order=True, kw_only=True)
class Threshold:
    """One line of the registry.

    Attributes:
        recogniser: its name.
        recogniser_digest: SHA-256 that names its weights.
        dataset: source of the faces.
        data_digest: SHA-256 that names them.
        view: what the recogniser saw of a frame.
        resample: filter from the frame to the view.
        precision: arithmetic of the recogniser, whose scores hang on it.
        subjects: `all`, or `validation` and the hash of the split it is a part of.
        fmr: false match rate.
        threshold: smallest cosine accepted; None where the pairs cannot resolve the rate.
        interval: 95 %, over other samples of subjects.
        pairs: impostor pairs it was set on.
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
    def place(self) -> tuple:
        """What a line is looked up by: everything before the threshold."""
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
ADDED = ("precision",)  # to the lookup later: older registries are silent on it
NUMBER_OR_NULL = {"type": ["number", "null"]}
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
            "threshold": NUMBER_OR_NULL,
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
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(lines, SCHEMA)
    except (ValueError, jsonschema.ValidationError) as error:
        reason = getattr(error, "message", error)
        raise UserError(f"{path} is not a threshold registry: {reason}") from error
    return [
        Threshold(**{**line, "interval": line["interval"] and tuple(line["interval"])})
        for line in lines
    ]


def add_thresholds(path: Path, found: Iterable[Threshold]) -> None:
    """Write lines into a registry, in place of those with the same condition."""
    with exclusive(path, wait=True):  # of two runs at once none undoes the other's entries
        write_thresholds(path, (*read_thresholds(path), *found))


def write_thresholds(path: Path, found: Iterable[Threshold]) -> None:
    """Write lines as a registry; of those with the same condition the last stands."""
    lines = {line.place: line for line in found}
    ordered = [asdict(lines[place]) for place in sorted(lines)]
    write_text(path, json.dumps(ordered, indent=1, allow_nan=False) + "\n")
