"""Records of the `inversion` protocol that may stand in one table, and what their rows share."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan_inversion.cgan.presets import STEPWISE
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, at
from gan_inversion.metrics.catalogue import form, title
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting.table import Cell, Row, by_method, cell, check_same, footer, not_yet

ORDER = ("oracle", "random", "mean_face", "nearest_face", "ridge_pca")  # controls first
PUBLISHED = (
    "NbNet, published: Mai et al. 2018, their own protocol (LFW, FMR 0.1 %, trained on other data)"
)

# Families that say nothing about an inverter, and what they are.
PLAIN = {
    "oracle": "control",
    "random": "control",
    "mean_face": "control",
    "translated": "ceiling",  # no picture at all
}
ROUNDING = 1e-5  # of a threshold: float32 sums differ between machines
LEAD = ["method", "knowledge", "seeds"]  # what each row begins with


@dataclass(frozen=True)
class Comparison:
    """Records that may appear in the same tables.

    Attributes:
        groups: method -> its records, one a seed.
        notes: sentences below every table.
    """

    groups: Mapping[str, Sequence[Record]]
    notes: Sequence[str]

    @property
    def records(self) -> list[Record]:
        return [record for group in self.groups.values() for record in group]

    @property
    def recognisers(self) -> list[str]:
        """The victim and the judges."""
        return list(dict.fromkeys(n for r in self.records for n in r.config["recognisers"]))

    @property
    def whole(self) -> list[str]:
        """Methods trained on all training images and at length, controls first."""
        names = (
            name
            for name, (record, *_) in self.groups.items()
            if record.trained["training_images"] is None and record.trained["name"] not in STEPWISE
        )
        return sorted(
            names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)
        )

    @property
    def listed(self) -> list[str]:
        """Methods that have a row in a table of all: `whole`, or every one if none is whole."""
        return self.whole or list(self.groups)

    def rows(
        self, methods: Sequence[str], metrics: Sequence[str], *, short: bool = False
    ) -> list[Row]:
        """A row for each method: its name, what its attacker knew, its seeds, and the metrics."""
        return [
            [
                *lead(self.groups[method]),
                *(cell(self.groups[method], n, form=form(n, short=short)) for n in metrics),
            ]
            for method in methods
        ]

    def size(self, metric: str) -> str:
        """Sizes of the sample that a metric was measured on."""
        sizes = {r.metrics[metric].n for r in self.records if metric in r.metrics}
        return " or ".join(f"{size:,}" for size in sorted(sizes)) or "no"


def comparison(records: Sequence[Record], expected: Collection[tuple[str, int]]) -> Comparison:
    """The records, if they may be compared.

    Raises:
        UserError: they are of several data sets, splits, recognisers or thresholds.
    """
    check_same(records, "protocol_hash", "data_digest", "victim_digest")
    splits = sorted({record.config["split"] for record in records})
    if len(splits) > 1:
        raise UserError(f"a table needs records of one split, got {', '.join(splits)}")
    for name in {name for record in records for name in record.config["recognisers"]}:
        configs = [record.config["recognisers"].get(name, {}) for record in records]
        thresholds = [declared["thresholds"] for declared in configs if "thresholds" in declared]
        for other in thresholds[1:]:
            if not _alike(thresholds[0], other):
                raise UserError(
                    f"a table needs records of one set of thresholds of {name}, got "
                    f"{json.dumps(thresholds[0])} and {json.dumps(other)}"
                )
    missing = sorted(set(expected) - {(record.method, record.seed) for record in records})
    seeds = {method: [seed for name, seed in missing if name == method] for method, _ in missing}
    names = [f"{method}, seed {str(seeds[method])[1:-1]}" for method in seeds]
    notes = not_yet(names, mark="; ")
    groups = by_method(records)
    for judge in INDEPENDENT:
        shown = {m: any(judge in r.config["recognisers"] for r in groups[m]) for m in groups}
        if any(shown.values()) and not all(shown.values()):
            without = ", ".join(method for method in groups if not shown[method])
            notes.append(f"Not yet shown to {judge}: {without}.")
    return Comparison(groups, [*notes, footer(records, "inversion")])


def _alike(first: dict[str, float | None], second: dict[str, float | None]) -> bool:
    """Whether two sets of thresholds by FMR are equal, except for the rounding of two machines."""
    if first.keys() != second.keys():
        return False
    left, right = (np.array([values[fmr] for fmr in first], float) for values in (first, second))
    return np.allclose(left, right, rtol=0, atol=ROUNDING, equal_nan=True)  # NaN: not resolved


def training_time(records: Sequence[Record], unit: float) -> Cell | str:
    """Mean training time, in units of `unit` seconds; each accelerator is listed separately."""
    times: dict[str, list[float]] = {}
    for record in records:
        if "train_seconds" in record.cost:
            device = record.cost.get("train_device", record.env["device"])
            name = device.removeprefix("NVIDIA ").partition(" ")[0]  # short, for a narrow column
            where = "" if device.endswith("cores") else f" ({name})"
            times.setdefault(where, []).append(record.cost["train_seconds"] / unit)
    if list(times) == [""]:
        return Cell(tuple(times[""]), form=".0f")
    return "; ".join(f"{np.mean(values):.0f}{where}" for where, values in sorted(times.items()))


def examination_time(runs: Comparison) -> str:
    """A sentence: how long an examination took, and how much longer by independent recognisers."""
    timed = [r for r in runs.records if "examination_seconds" in r.cost and "ssim" in r.metrics]
    if not timed:
        return ""
    others = list(dict.fromkeys(n for r in timed for n in r.config["recognisers"]))
    others.remove(timed[0].victim)
    costs = [record.cost["examination_seconds"] for record in timed]
    rest = [sum(part for name, part in cost.items() if name not in others) for cost in costs]
    text = f" An examination of images took {np.median(rest):.0f} s (median of {len(timed)})"
    for name in others:
        longest = max(cost[name] for cost in costs if name in cost)  # others were remembered
        text += f", {name} up to {longest:.0f} s more"
    return text + "."


def success(recognisers: Sequence[str]) -> dict[str, str]:
    """Both success rates at FMR 0.1 % with each recogniser, and what their columns are called."""
    rates = {n: [at(f"{n}/sar_type{kind}", fmr=1e-3) for kind in (1, 2)] for n in recognisers}
    return {
        rate: f"{title(rate, condition=False)}, {name}" for name in rates for rate in rates[name]
    }


def lead(group: Sequence[Record]) -> Row:
    """Beginning of a row: the method, what its attacker knew, and how often it was trained."""
    return [group[0].method, knowledge_of(group[0]), str(len(group))]


def knowledge_of(record: Record) -> str:
    """What the attacker knows; of what is no attack, what it is."""
    return PLAIN.get(record.trained["family"], record.knowledge or "")


def published_rows(
    reported: Mapping[str, float], metrics: Collection[str], *, form: str = ".4f"
) -> list[Row]:
    """A row of published figures that belong to the columns, or none."""
    if not any(name in reported for name in metrics):
        return []
    figures = (format(reported[n], form) if n in reported else "" for n in metrics)
    return [[PUBLISHED, "black_box", "", *figures]]
