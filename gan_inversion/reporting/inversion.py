"""The tables of the `inversion` protocol: what an embedding gives away, and at what quality."""

import json
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from gan_inversion.cgan.options import ABLATION, FAMILY
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, at
from gan_inversion.reporting.table import Cell, Table, by_method, cell, check_same, footer

ORDER = ("oracle", "random", "mean_face", "nearest_face", "ridge_pca")  # controls first
PUBLISHED = (
    "NbNet, published: Mai et al. 2018, their own protocol (LFW, FAR 0.1 %, trained on other data)"
)
ROUNDING = 1e-5  # of a threshold: float32 products of two machines
RATES = (1e-2, 1e-3, 1e-4)
RANKS = (1, 2, 3, 5, 10, 20)
LEAD = ["method", "knowledge", "seeds"]  # what each row begins with
STEPWISE = [f"{FAMILY}_{name}_short" for name in ABLATION]  # rows of the ablation, in order


def inversion(
    records: Sequence[Record],
    *,
    scores: Mapping[tuple[str, int], Mapping[str, np.ndarray]] | None = None,
    expected: Collection[tuple[str, int]] = (),
) -> list[Table]:
    """All tables of the protocol on one dataset and recogniser.

    Args:
        records: of one protocol, dataset, split and recogniser.
        scores: raw scores by method and seed; without them there is no table of the CMC.
        expected: methods and seeds that should have a record; what is missing is said below.
    """
    _check(records)
    notes = _notes(records, expected)
    groups = by_method(records)
    whole = _whole(groups)
    recognisers = list(dict.fromkeys(n for r in records for n in r.config["recognisers"]))
    tables = [_attack(groups, whole, name, notes) for name in recognisers]
    if scores:
        tables.append(_cmc(groups, whole, recognisers, scores, notes))
    tables += [_quality(groups, whole, notes), _realism(groups, whole, notes)]
    if several := _hypotheses(groups, whole, recognisers, notes):
        tables.append(several)
    if ablation := _ablation(groups, recognisers, notes):
        tables.append(ablation)
    if scaling := _scaling(groups, records[0].embedder, notes):
        tables.append(scaling)
    return tables


def headline(records: Sequence[Record], *, expected: Collection[tuple[str, int]] = ()) -> Table:
    """The few figures that sum an inverter up, one row a method; arguments as for `inversion`."""
    _check(records)
    groups = by_method(records)
    methods = _whole(groups)
    recognisers = list(dict.fromkeys(n for r in records for n in r.config["recognisers"]))
    columns = _success(recognisers) | {"SSIM": "ssim", "SWD": "swd/mean"}
    rows = _rows(groups, methods, columns, short=True)
    for row, method in zip(rows, methods, strict=True):
        row.append(_training_time(groups[method], 60))
    rows += [[*row, ""] for row in _published(records[0].reported, columns, form=".3f")]
    attacked = records[0].embedder
    counts = (
        f"Type-I and SSIM over {_n(groups, at(f'{attacked}/sar_type1', fmr=1e-3))} test images; "
        f"type-II as the mean over {_n(groups, at(f'{attacked}/sar_type2', fmr=1e-3))} subjects "
        f"with two images; SWD times 1000, over as many images as type-I. A row again: "
        f"`python -m experiments.inversion --methods <method>`; training one seed takes as long as "
        f"the last column says.{_examination(groups)}"
    )
    return Table(
        "inversion_headline",
        "Faces of people never seen, reconstructed from their embeddings: how many are accepted as "
        "the person at a false match rate of 0.1 %, and how they look.",
        [*LEAD, *columns, "training, min"],
        rows,
        [counts, *_notes(records, expected)],
    )


def _success(recognisers: Sequence[str]) -> dict[str, str]:
    """Columns of both success rates at FMR 0.1 % with each recogniser."""
    return {
        f"{kind} SAR, {name}": at(f"{name}/sar_type{number}", fmr=1e-3)
        for name in recognisers
        for number, kind in ((1, "type-I"), (2, "type-II"))
    }


def _check(records: Sequence[Record]) -> None:
    check_same(records, "protocol_hash", "data_digest", "embedder_digest")
    splits = sorted({record.config["split"] for record in records})
    if len(splits) > 1:
        raise UserError(f"a table needs records of one split, got {', '.join(splits)}")
    for name in {name for record in records for name in record.config["recognisers"]}:
        known = [record.config["recognisers"].get(name, {}) for record in records]
        thresholds = [judge["thresholds"] for judge in known if "thresholds" in judge]
        for other in thresholds[1:]:
            if not _alike(thresholds[0], other):
                raise UserError(
                    f"a table needs records of one set of thresholds of {name}, got "
                    f"{json.dumps(thresholds[0])} and {json.dumps(other)}"
                )


def _alike(first: dict[str, float | None], second: dict[str, float | None]) -> bool:
    """Whether thresholds by FMR differ in nothing but how two machines add."""
    if first.keys() != second.keys():
        return False
    one, other = (np.array([some[fmr] for fmr in first], float) for some in (first, second))
    return np.allclose(one, other, rtol=0, atol=ROUNDING, equal_nan=True)  # NaN: not resolved


def _notes(records: Sequence[Record], expected: Collection[tuple[str, int]]) -> list[str]:
    """What is missing, and the footer."""
    missing = sorted(set(expected) - {(record.method, record.seed) for record in records})
    seeds = {method: [seed for name, seed in missing if name == method] for method, _ in missing}
    names = "; ".join(f"{method}, seed {str(seeds[method])[1:-1]}" for method in seeds)
    return [*([f"Not yet run: {names}."] if missing else []), footer(records, "inversion")]


def _whole(groups: dict[str, list[Record]]) -> list[str]:
    """Methods trained on all training images and at length, controls first."""
    return sorted(
        (
            name
            for name, (record, *_) in groups.items()
            if record.made["training_images"] is None and record.made["name"] not in STEPWISE
        ),
        key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name),
    )


def _attack(
    groups: dict[str, list[Record]], methods: Sequence[str], recogniser: str, notes: Sequence[str]
) -> Table:
    """Success rates and identification with one recogniser."""
    columns = {
        f"type-I SAR at FMR {100 * rate:g} %": at(f"{recogniser}/sar_type1", fmr=rate)
        for rate in RATES
    }
    columns |= {
        f"type-II SAR at FMR {100 * rate:g} %": at(f"{recogniser}/sar_type2", fmr=rate)
        for rate in RATES
    }
    columns |= {
        "type-II SAR over pairs at FMR 0.1 %": at(f"{recogniser}/sar_type2_pairs", fmr=1e-3),
        "rank 1": f"{recogniser}/rank1",
        "rank 5": f"{recogniser}/rank5",
        "cosine, mean": f"{recogniser}/cosine_mean",
        "cosine, 5th percentile": f"{recogniser}/cosine_p05",
        "rejected": f"{recogniser}/rejected",
        "originals rejected": f"{recogniser}/rejected_originals",
        "undetected": f"{recogniser}/undetected",
    }
    attacked = groups[methods[0]][0].embedder
    if recogniser != attacked:
        columns["adversarial gap at FMR 0.1 %"] = at(f"gap_{recogniser}/sar_type1", fmr=1e-3)
    columns = {title: name for title, name in columns.items() if any(_has(groups, name))}
    rows = _rows(groups, methods, columns)
    rows += _published(groups[methods[0]][0].reported, columns)
    first = groups[methods[0]][0]
    counts = (
        f"Type-I over {_n(groups, at(f'{recogniser}/sar_type1', fmr=1e-2))} test images; type-II "
        f"as the mean over {_n(groups, at(f'{recogniser}/sar_type2', fmr=1e-2))} subjects with two "
        f"images, over pairs: {_n(groups, at(f'{recogniser}/sar_type2_pairs', fmr=1e-2))}; "
        f"identification of {_n(groups, f'{recogniser}/rank1')} reconstructions in a gallery of "
        f"{_value(first, f'{recogniser}/gallery')} subjects. Thresholds from real impostors: "
        f"{_impostors(first, recogniser)}. `oracle` answers with the real image, so that its "
        "type-II SAR is the recogniser's own TMR; `random` with another person's. Embeddings were "
        "computed in "
        f"{_precisions(groups, recogniser)}."
    )
    kind = "the attacked recogniser" if recogniser == attacked else "an independent recogniser"
    return Table(
        f"inversion_{recogniser}",
        f"Success of reconstructions with {recogniser}, {kind}.",
        [*LEAD, *columns],
        rows,
        [counts, *notes],
    )


def _cmc(
    groups: dict[str, list[Record]],
    methods: Sequence[str],
    recognisers: Sequence[str],
    scores: Mapping[tuple[str, int], Mapping[str, np.ndarray]],
    notes: Sequence[str],
) -> Table:
    """Cumulative match characteristic, from the ranks in the raw scores."""
    rows: list[list[Cell | str]] = []
    for method in methods:
        row = _lead(groups[method])
        for name in recognisers:
            found = [scores[method, record.seed].get(f"{name}/rank") for record in groups[method]]
            known = [ranks for ranks in found if ranks is not None]
            for rank in RANKS:
                shares = tuple(float((ranks <= rank).mean()) for ranks in known)
                row.append(Cell(shares, n=len(known[0])) if known else "")
        rows.append(row)
    note = (
        "Share of reconstructions whose subject is among the first so many of the gallery, which "
        "holds the first image of each test subject; intervals of ranks 1 and 5 stand above."
    )
    return Table(
        "inversion_cmc",
        "Cumulative match characteristic: searching a gallery with reconstructions.",
        [*LEAD, *(f"{name}, rank {rank}" for name in recognisers for rank in RANKS)],
        rows,
        [note, *notes],
    )


def _quality(
    groups: dict[str, list[Record]], methods: Sequence[str], notes: Sequence[str]
) -> Table:
    """Likeness to the original, copying and cost."""
    columns = {
        "PSNR, dB": "psnr",
        "SSIM": "ssim",
        "mid-layer distance": "midlayer",
        "nearer to training images than real ones": "copy/nearer",
        "p-value of not copying": "copy/p_value",
    }
    rows = _rows(groups, methods, columns)
    for row, method in zip(rows, methods, strict=True):
        costs = [record.cost for record in groups[method]]
        row.append(f"{costs[0]['parameters']:,}" if "parameters" in costs[0] else "")
        row.append(_training_time(groups[method], 1))
        pace = tuple(cost["ms_per_image"] for cost in costs if "ms_per_image" in cost)
        row.append(Cell(pace, form=".2f") if pace else "")
    note = (
        f"Over {_n(groups, 'ssim')} test images. PSNR of equal pictures is infinite and prints as "
        "`n/a`. Copying: chance that the outputs of a subject lie nearer to a training image, in "
        "the attacked recogniser's space, than unseen real images do, and the one-sided p-value of "
        "a Mann-Whitney test over subjects; of a constant picture it says only where that picture "
        "lies." + _examination(groups)
    )
    cost = ["parameters", "training, s", "ms a picture"]
    return Table(
        "inversion_quality",
        "Likeness of reconstructions to their originals, copying, and cost.",
        [*LEAD, *columns, *cost],
        rows,
        [note, *notes],
    )


def _training_time(records: Sequence[Record], unit: float) -> Cell | str:
    """Time in units of so many seconds; that of accelerators apart, which are not compared."""
    times: dict[str, list[float]] = {}
    for record in records:
        if "train_seconds" in record.cost:
            device = record.cost.get("train_device", record.env["device"])
            where = "" if device.endswith("cores") else f" on {device}"
            times.setdefault(where, []).append(record.cost["train_seconds"] / unit)
    if list(times) == [""]:
        return Cell(tuple(times[""]), form=".0f")
    return "; ".join(f"{np.mean(values):.0f}{where}" for where, values in sorted(times.items()))


def _examination(groups: dict[str, list[Record]]) -> str:
    """How long an examination took, independent recognisers apart."""
    records = [record for group in groups.values() for record in group]
    timed = [record for record in records if "examination_seconds" in record.cost]
    if not timed:
        return ""
    others = list(dict.fromkeys(n for r in timed for n in r.config["recognisers"]))
    others.remove(timed[0].embedder)
    costs = [record.cost["examination_seconds"] for record in timed]
    rest = [sum(part for name, part in cost.items() if name not in others) for cost in costs]
    text = f" An examination took {np.median(rest):.0f} s (median of {len(timed)})"
    for name in others:
        shares = [cost[name] for cost in costs if name in cost]
        text += f", and {name} {np.median(shares):.0f} s more"
    return text + "."


def _realism(
    groups: dict[str, list[Record]], methods: Sequence[str], notes: Sequence[str]
) -> Table:
    """Distances between the set of reconstructions and the set of originals."""
    names = sorted({name for group in groups.values() for r in group for name in r.metrics})
    levels = sorted(
        (name for name in names if re.fullmatch(r"swd/\d+", name)),
        key=lambda name: -int(name.split("/")[1]),
    )
    columns = {f"SWD {name.split('/')[1]}": name for name in levels}
    columns |= {"SWD mean": "swd/mean", "two-sample AUC": "c2st_auc", "spectrum, dB": "spectrum"}
    columns |= {f"KID, {n.split('/')[1]}": n for n in names if n.startswith("kid/")}
    note = (
        f"Over {_n(groups, 'swd/mean')} reconstructions and as many originals; the two-sample AUC "
        f"over {_n(groups, 'c2st_auc')} pictures of subjects that its network was not trained on. "
        "SWD is times 1000, by side of the pyramid's level in pixels. The two-sample AUC is 0.5 "
        "where a network cannot tell reconstructions from originals, 1 where it always can."
    )
    return Table(
        "inversion_realism",
        "Realism: distance between reconstructions and real pictures.",
        [*LEAD, *columns],
        _rows(groups, methods, columns),
        [note, *notes],
    )


def _hypotheses(
    groups: dict[str, list[Record]],
    methods: Sequence[str],
    recognisers: Sequence[str],
    notes: Sequence[str],
) -> Table | None:
    """Best of several reconstructions; None if no inverter has more than one."""
    chosen = [name for name in methods if "diversity" in groups[name][0].metrics]
    if not chosen:
        return None
    columns = {}
    for name in recognisers:
        for count in (1, 4, 16):
            figure = at(f"{name}/sar_type2_best{count}", fmr=1e-3)
            columns[f"{name}, best of {count}"] = figure
        columns[f"{name}, cosine among them"] = f"{name}/cosine_hypotheses"
    columns["diversity"] = "diversity"
    note = (
        f"Type-II SAR at FMR 0.1 %, mean over {_n(groups, 'diversity')} subjects, one embedding "
        "each: the best of so many pictures, drawn with other noise, is compared with the other "
        "images of the subject; more pictures are more tries, for impostors too. Diversity: "
        "standard deviation of a pixel in [0, 1] over the pictures; near 0, the noise is ignored."
    )
    return Table(
        "inversion_hypotheses",
        "Several reconstructions of one embedding.",
        [*LEAD, *columns],
        _rows(groups, chosen, columns),
        [note, *notes],
    )


def _ablation(
    groups: dict[str, list[Record]], recognisers: Sequence[str], notes: Sequence[str]
) -> Table | None:
    """What each term of the conditional GAN buys; None without such records."""
    found = [name for name in STEPWISE if name in groups]
    if not found:
        return None
    columns = _success(recognisers)
    columns |= {"SWD mean": "swd/mean", "two-sample AUC": "c2st_auc", "SSIM": "ssim"}
    config = groups[found[0]][0].config
    note = (
        "Success rates at FMR 0.1 %. Each row has one thing more than the one above it, but that "
        f"L1 and SSIM stand in for squared error; all have the same {config['steps']:,} steps of "
        f"{config['batch_size']} pictures."
    )
    return Table(
        "inversion_ablation",
        "What each term of the conditional GAN buys, at a small budget.",
        [*LEAD, *columns],
        _rows(groups, found, columns),
        [note, *notes],
    )


def _scaling(
    groups: dict[str, list[Record]], recogniser: str, notes: Sequence[str]
) -> Table | None:
    """The data-scaling curve; None without records of several sizes."""
    sized = {r.made["preset"] for r, *_ in groups.values() if r.made["training_images"]}
    if not sized:
        return None
    columns = {
        "type-I SAR at FMR 1 %": at(f"{recogniser}/sar_type1", fmr=1e-2),
        "type-I SAR at FMR 0.1 %": at(f"{recogniser}/sar_type1", fmr=1e-3),
        "type-II SAR at FMR 0.1 %": at(f"{recogniser}/sar_type2", fmr=1e-3),
        "cosine, mean": f"{recogniser}/cosine_mean",
        "rank 1": f"{recogniser}/rank1",
        "SSIM": "ssim",
        "SWD mean": "swd/mean",
    }
    curve = sorted(
        (name for name, (record, *_) in groups.items() if record.made["preset"] in sized),
        key=lambda name: groups[name][0].config["training_images"],
    )
    rows = _rows(groups, curve, columns)
    for row, name in zip(rows, curve, strict=True):
        row.insert(1, str(groups[name][0].config["training_images"]))
    return Table(
        "inversion_scaling",
        "The same inverter trained on fewer images.",
        [LEAD[0], "training images", *LEAD[1:], *columns],
        rows,
        notes,
    )


def _rows(
    groups: dict[str, list[Record]],
    methods: Sequence[str],
    columns: dict[str, str],
    *,
    short: bool = False,
) -> list[list[Cell | str]]:
    rows: list[list[Cell | str]] = []
    for method in methods:
        group = groups[method]
        cells = [cell(group, name, form=_form(name, short=short)) for name in columns.values()]
        rows.append([*_lead(group), *cells])
    return rows


def _lead(group: Sequence[Record]) -> list[Cell | str]:
    """Beginning of a row: the method, what its attacker knew, and how often it was trained."""
    return [group[0].method, group[0].knowledge or "", str(len(group))]


def _published(
    reported: Mapping[str, float], columns: dict[str, str], *, form: str = ".4f"
) -> list[list[Cell | str]]:
    """A row of published figures that belong to the columns, or none."""
    if not any(name in reported for name in columns.values()):
        return []
    figures = (format(reported[n], form) if n in reported else "" for n in columns.values())
    return [[PUBLISHED, "black_box", "", *figures]]


def _form(name: str, *, short: bool = False) -> str:
    """Format of a figure."""
    if name.startswith("swd/"):
        return ".1f"
    return {"psnr": ".2f", "spectrum": ".2f", "copy/p_value": ".2g"}.get(
        name, ".3f" if short else ".4f"
    )


def _has(groups: dict[str, list[Record]], name: str) -> list[bool]:
    return [name in record.metrics for group in groups.values() for record in group]


def _n(groups: dict[str, list[Record]], name: str) -> str:
    sizes = {r.metrics[name].n for group in groups.values() for r in group if name in r.metrics}
    return " or ".join(f"{size:,}" for size in sorted(sizes)) or "no"


def _impostors(record: Record, recogniser: str) -> str:
    """Whose pairs the thresholds were set on; the records' thresholds are the same."""
    declared = record.config["recognisers"].get(recogniser, {})
    return declared.get("impostors", f"validation of split {record.config['split']}")


def _precisions(groups: dict[str, list[Record]], recogniser: str) -> str:
    """Arithmetic of a recogniser."""
    found = {
        record.config["recognisers"].get(recogniser, {}).get("precision", "unknown precision")
        for group in groups.values()
        for record in group
    }
    return " or ".join(sorted(found))


def _value(record: Record, name: str) -> str:
    found = record.metrics.get(name)
    return f"{found.value:,.0f}" if found and found.value is not None else "no"
