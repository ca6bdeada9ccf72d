"""The tables of the `inversion` protocol: what an embedding gives away, and at what quality."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan_inversion.cgan.options import ABLATION, FAMILY
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, at
from gan_inversion.metrics.catalogue import form, kind_of, names_of, title
from gan_inversion.metrics.figures import COUNTS
from gan_inversion.reporting.table import Cell, Row, Table, by_method, cell, check_same, footer

ORDER = ("oracle", "random", "mean_face", "nearest_face", "ridge_pca")  # controls first
PUBLISHED = (
    "NbNet, published: Mai et al. 2018, their own protocol (LFW, FAR 0.1 %, trained on other data)"
)
ROUNDING = 1e-5  # of a threshold: float32 sums differ between machines
RATES = (1e-2, 1e-3, 1e-4)
RANKS = (1, 2, 3, 5, 10, 20)
LEAD = ["method", "knowledge", "seeds"]  # what each row begins with
STEPWISE = [f"{FAMILY}_{name}_short" for name in ABLATION]  # rows of the ablation, in order


@dataclass(frozen=True)
class _Compared:
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

    def rows(
        self, methods: Sequence[str], metrics: Sequence[str], *, short: bool = False
    ) -> list[Row]:
        """A row for each method: its name, what its attacker knew, its seeds, and the metrics."""
        return [
            [
                *_lead(self.groups[method]),
                *(cell(self.groups[method], n, form=form(n, short=short)) for n in metrics),
            ]
            for method in methods
        ]

    def size(self, metric: str) -> str:
        """Sizes of the sample that a metric was measured on."""
        sizes = {r.metrics[metric].n for r in self.records if metric in r.metrics}
        return " or ".join(f"{size:,}" for size in sorted(sizes)) or "no"


def _compared(records: Sequence[Record], expected: Collection[tuple[str, int]]) -> _Compared:
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
    names = "; ".join(f"{method}, seed {str(seeds[method])[1:-1]}" for method in seeds)
    notes = [f"Not yet run: {names}."] if missing else []
    return _Compared(by_method(records), [*notes, footer(records, "inversion")])


def _alike(first: dict[str, float | None], second: dict[str, float | None]) -> bool:
    """Whether two sets of thresholds by FMR are equal, except for the rounding of two machines."""
    if first.keys() != second.keys():
        return False
    left, right = (np.array([values[fmr] for fmr in first], float) for values in (first, second))
    return np.allclose(left, right, rtol=0, atol=ROUNDING, equal_nan=True)  # NaN: not resolved


def inversion(
    records: Sequence[Record],
    *,
    scores: Mapping[tuple[str, int], Mapping[str, np.ndarray]] | None = None,
    expected: Collection[tuple[str, int]] = (),
) -> list[Table]:
    """All tables of the protocol on one dataset and recogniser.

    Args:
        records: of one protocol, dataset, split and victim.
        scores: raw scores by method and seed; without them there is no table of the CMC.
        expected: methods and seeds that should have a record; a note lists those that have none.
    """
    runs = _compared(records, expected)
    tables = [_attack(runs, name) for name in runs.recognisers]
    if scores:
        tables.append(_cmc(runs, scores))
    tables += [_quality(runs), _realism(runs)]
    return [*tables, *filter(None, (part(runs) for part in (_hypotheses, _ablation, _scaling)))]


def headline(records: Sequence[Record], *, expected: Collection[tuple[str, int]] = ()) -> Table:
    """The main figures of each inverter, one row a method; arguments as for `inversion`."""
    runs = _compared(records, expected)
    titles = _success(runs.recognisers) | {name: title(name) for name in ("ssim", "swd/mean")}
    rows = runs.rows(runs.whole, [*titles], short=True)
    for row, method in zip(rows, runs.whole, strict=True):
        row.append(_training_time(runs.groups[method], 60))
    rows += [[*row, ""] for row in _published(records[0].reported, titles, form=".3f")]
    first, second = (at(f"{records[0].victim}/sar_type{kind}", fmr=1e-3) for kind in (1, 2))
    counts = (
        f"Type-I and SSIM over {runs.size(first)} test images; "
        f"type-II as the mean over {runs.size(second)} subjects "
        f"with two images; SWD times 1000, over as many images as type-I. A row again: "
        f"`python -m experiments.inversion --methods <method>`; training one seed takes as long as "
        f"the last column says.{_examination(runs)}"
    )
    return Table(
        "inversion_headline",
        "Faces of people never seen, reconstructed from their embeddings: how many are accepted as "
        "the person at a false match rate of 0.1 %, and how they look.",
        [*LEAD, *titles.values(), "training, min"],
        rows,
        [counts, *runs.notes],
    )


def _success(recognisers: Sequence[str]) -> dict[str, str]:
    """Both success rates at FMR 0.1 % with each recogniser, and what their columns are called."""
    rates = {n: [at(f"{n}/sar_type{kind}", fmr=1e-3) for kind in (1, 2)] for n in recognisers}
    return {
        rate: f"{title(rate, condition=False)}, {name}" for name in rates for rate in rates[name]
    }


def _attack(runs: _Compared, recogniser: str) -> Table:
    """Success rates and identification with one recogniser."""
    names = [at(f"sar_type{kind}", fmr=rate) for kind in (1, 2) for rate in RATES]
    names += [at("sar_type2_pairs", fmr=1e-3), "rank1", "rank5", "cosine_mean", "cosine_p05"]
    names += ["rejected", "rejected_originals", "undetected"]
    metrics = [f"{recogniser}/{name}" for name in names]
    metrics.append(at(f"gap_{recogniser}/sar_type1", fmr=1e-3))
    metrics = [name for name in metrics if any(name in r.metrics for r in runs.records)]
    first, methods = runs.records[0], runs.whole
    titles = {name: title(name) for name in metrics}
    rows = runs.rows(methods, metrics) + _published(first.reported, titles)
    declared = [r.config["recognisers"].get(recogniser, {}) for r in runs.records]
    precisions = {declaration.get("precision", "unknown precision") for declaration in declared}
    own = runs.groups[methods[0]][0]
    impostors = own.config["recognisers"].get(recogniser, {}).get("impostors")
    gallery = own.metrics.get(f"{recogniser}/gallery")
    sizes = {
        name: runs.size(at(f"{recogniser}/sar_{name}", fmr=1e-2))
        for name in ("type1", "type2", "type2_pairs")
    }
    counts = (
        f"Type-I over {sizes['type1']} test images; type-II "
        f"as the mean over {sizes['type2']} subjects with two "
        f"images, over pairs: {sizes['type2_pairs']}; "
        f"identification of {runs.size(f'{recogniser}/rank1')} reconstructions in a gallery of "
        f"{f'{gallery.value:,.0f}' if gallery and gallery.value is not None else 'no'} subjects. "
        "Thresholds from real impostors: "
        f"{impostors or 'validation of split ' + own.config['split']}. `oracle` answers with the "
        "real image, so that its "
        "type-II SAR is the recogniser's own TMR; `random` with another person's. Embeddings were "
        f"computed in {' or '.join(sorted(precisions))}."
    )
    kind = "the attacked recogniser" if recogniser == own.victim else "an independent recogniser"
    return Table(
        f"inversion_{recogniser}",
        f"Success of reconstructions with {recogniser}, {kind}.",
        [*LEAD, *titles.values()],
        rows,
        [counts, *runs.notes],
    )


def _cmc(runs: _Compared, scores: Mapping[tuple[str, int], Mapping[str, np.ndarray]]) -> Table:
    """Cumulative match characteristic, from the ranks in the raw scores."""
    rows: list[Row] = []
    for method in runs.whole:
        group = runs.groups[method]
        row = _lead(group)
        for name in runs.recognisers:
            every = [scores[method, record.seed].get(f"{name}/rank") for record in group]
            ranks = [seed_ranks for seed_ranks in every if seed_ranks is not None]
            for rank in RANKS:
                shares = tuple(float((seed_ranks <= rank).mean()) for seed_ranks in ranks)
                row.append(Cell(shares, n=len(ranks[0])) if ranks else "")
        rows.append(row)
    note = (
        "Share of reconstructions whose subject is among the first so many of the gallery, which "
        "holds the first image of each test subject; intervals of ranks 1 and 5 stand above."
    )
    return Table(
        "inversion_cmc",
        "Cumulative match characteristic: searching a gallery with reconstructions.",
        [*LEAD, *(f"{name}, rank {rank}" for name in runs.recognisers for rank in RANKS)],
        rows,
        [note, *runs.notes],
    )


def _quality(runs: _Compared) -> Table:
    """Likeness to the original, copying and cost."""
    metrics = names_of("quality")
    rows = runs.rows(runs.whole, metrics)
    for row, method in zip(rows, runs.whole, strict=True):
        costs = [record.cost for record in runs.groups[method]]
        row.append(f"{costs[0]['parameters']:,}" if "parameters" in costs[0] else "")
        row.append(_training_time(runs.groups[method], 1))
        pace = tuple(cost["ms_per_image"] for cost in costs if "ms_per_image" in cost)
        row.append(Cell(pace, form=".2f") if pace else "")
    note = (
        f"Over {runs.size('ssim')} test images. PSNR of equal pictures is infinite and prints as "
        "`n/a`. Copying: chance that the outputs of a subject lie nearer to a training image, in "
        "the attacked recogniser's space, than unseen real images do, and the one-sided p-value of "
        "a Mann-Whitney test over subjects; of a constant picture it says only where that picture "
        "lies." + _examination(runs)
    )
    return Table(
        "inversion_quality",
        "Likeness of reconstructions to their originals, copying, and cost.",
        [*LEAD, *map(title, metrics), "parameters", "training, s", "ms a picture"],
        rows,
        [note, *runs.notes],
    )


def _training_time(records: Sequence[Record], unit: float) -> Cell | str:
    """Mean training time, in units of `unit` seconds; each accelerator is listed separately."""
    times: dict[str, list[float]] = {}
    for record in records:
        if "train_seconds" in record.cost:
            device = record.cost.get("train_device", record.env["device"])
            where = "" if device.endswith("cores") else f" on {device}"
            times.setdefault(where, []).append(record.cost["train_seconds"] / unit)
    if list(times) == [""]:
        return Cell(tuple(times[""]), form=".0f")
    return "; ".join(f"{np.mean(values):.0f}{where}" for where, values in sorted(times.items()))


def _examination(runs: _Compared) -> str:
    """A sentence: how long an examination took, and how much longer by independent recognisers."""
    timed = [record for record in runs.records if "examination_seconds" in record.cost]
    if not timed:
        return ""
    others = list(dict.fromkeys(n for r in timed for n in r.config["recognisers"]))
    others.remove(timed[0].victim)
    costs = [record.cost["examination_seconds"] for record in timed]
    rest = [sum(part for name, part in cost.items() if name not in others) for cost in costs]
    text = f" An examination took {np.median(rest):.0f} s (median of {len(timed)})"
    for name in others:
        shares = [cost[name] for cost in costs if name in cost]
        text += f", and {name} {np.median(shares):.0f} s more"
    return text + "."


def _realism(runs: _Compared) -> Table:
    """Distances between the set of reconstructions and the set of originals."""
    names = sorted({name for record in runs.records for name in record.metrics})
    columns = names_of("realism")
    chosen = [name for name in names if kind_of(name)[0].name in columns]
    metrics = sorted(chosen, key=_place)
    note = (
        f"Over {runs.size('swd/mean')} reconstructions and as many originals; the two-sample AUC "
        f"over {runs.size('c2st_auc')} pictures of subjects that its network was not trained on. "
        "SWD is times 1000, by side of the pyramid's level in pixels. The two-sample AUC is 0.5 "
        "where a network cannot tell reconstructions from originals, 1 where it always can."
    )
    return Table(
        "inversion_realism",
        "Realism: distance between reconstructions and real pictures.",
        [*LEAD, *map(title, metrics)],
        runs.rows(runs.whole, metrics),
        [note, *runs.notes],
    )


def _place(name: str) -> tuple[int, int]:
    """Where a metric stands among the columns: as in the catalogue, large levels first."""
    kind, parts = kind_of(name)
    return names_of("realism").index(kind.name), -int(parts.get("side", 0))


def _hypotheses(runs: _Compared) -> Table | None:
    """Best of several reconstructions; None if no inverter has more than one."""
    chosen = [name for name in runs.whole if "diversity" in runs.groups[name][0].metrics]
    if not chosen:
        return None
    metrics, header = [], list(LEAD)
    for name in runs.recognisers:
        own = [at(f"{name}/sar_type2_best{count}", fmr=1e-3) for count in COUNTS]
        metrics += [*own, f"{name}/cosine_hypotheses"]
        header += [f"{name}, {title(metric, condition=False)}" for metric in metrics[-4:]]
    note = (
        f"Type-II SAR at FMR 0.1 %, mean over {runs.size('diversity')} subjects, one embedding "
        "each: the best of so many pictures, drawn with other noise, is compared with the other "
        "images of the subject; more pictures are more tries, for impostors too. Diversity: "
        "standard deviation of a pixel in [0, 1] over the pictures; near 0, the noise is ignored."
    )
    return Table(
        "inversion_hypotheses",
        "Several reconstructions of one embedding.",
        [*header, title("diversity")],
        runs.rows(chosen, [*metrics, "diversity"]),
        [note, *runs.notes],
    )


def _ablation(runs: _Compared) -> Table | None:
    """How much each term of the conditional GAN improves it; None without such records."""
    chosen = [name for name in STEPWISE if name in runs.groups]
    if not chosen:
        return None
    titles = _success(runs.recognisers)
    titles |= {name: title(name) for name in ("swd/mean", "c2st_auc", "ssim")}
    config = runs.groups[chosen[0]][0].config
    note = (
        "Success rates at FMR 0.1 %. Each row has one thing more than the one above it, but that "
        f"L1 and SSIM stand in for squared error; all have the same {config['steps']:,} steps of "
        f"{config['batch_size']} pictures."
    )
    return Table(
        "inversion_ablation",
        "What each term of the conditional GAN buys, at a small budget.",
        [*LEAD, *titles.values()],
        runs.rows(chosen, [*titles]),
        [note, *runs.notes],
    )


def _scaling(runs: _Compared) -> Table | None:
    """The data-scaling curve; None without records of several sizes."""
    groups = runs.groups
    sized = {r.trained["preset"] for r, *_ in groups.values() if r.trained["training_images"]}
    if not sized:
        return None
    names = [at("sar_type1", fmr=1e-2), *(at(f"sar_type{kind}", fmr=1e-3) for kind in (1, 2))]
    victim = runs.records[0].victim
    metrics = [f"{victim}/{name}" for name in (*names, "cosine_mean", "rank1")]
    metrics += ["ssim", "swd/mean"]
    curve = sorted(
        (name for name, (record, *_) in groups.items() if record.trained["preset"] in sized),
        key=lambda name: groups[name][0].config["training_images"],
    )
    rows = runs.rows(curve, metrics)
    for row, name in zip(rows, curve, strict=True):
        row.insert(1, str(groups[name][0].config["training_images"]))
    return Table(
        "inversion_scaling",
        "The same inverter trained on fewer images.",
        [LEAD[0], "training images", *LEAD[1:], *map(title, metrics)],
        rows,
        runs.notes,
    )


def _lead(group: Sequence[Record]) -> Row:
    """Beginning of a row: the method, what its attacker knew, and how often it was trained."""
    return [group[0].method, group[0].knowledge or "", str(len(group))]


def _published(
    reported: Mapping[str, float], metrics: Collection[str], *, form: str = ".4f"
) -> list[Row]:
    """A row of published figures that belong to the columns, or none."""
    if not any(name in reported for name in metrics):
        return []
    figures = (format(reported[n], form) if n in reported else "" for n in metrics)
    return [[PUBLISHED, "black_box", "", *figures]]
