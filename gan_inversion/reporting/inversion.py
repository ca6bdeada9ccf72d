"""The tables of the `inversion` protocol: what an embedding gives away, and at what quality."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from gan_inversion.cgan.presets import STEPWISE
from gan_inversion.core.record import Record, at
from gan_inversion.metrics.catalogue import kind_of, names_of, title
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting.budgets import budgets
from gan_inversion.reporting.comparison import (
    LEAD,
    Comparison,
    comparison,
    examination_time,
    lead,
    published_rows,
    success,
    training_time,
)
from gan_inversion.reporting.table import Cell, Row, Table

RATES = (1e-2, 1e-3, 1e-4)
RANKS = (1, 2, 3, 5, 10, 20)


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
    runs = comparison(records, expected)
    tables = [_attack(runs, name) for name in runs.recognisers]
    if scores:
        tables.append(_cmc(runs, scores))
    tables += [_quality(runs), _realism(runs)]
    return [
        *tables,
        *filter(None, (part(runs) for part in (_hypotheses, _ablation, budgets, _scaling))),
    ]


def headline(records: Sequence[Record], *, expected: Collection[tuple[str, int]] = ()) -> Table:
    """The main figures of each inverter, one row a method; arguments as for `inversion`."""
    runs = comparison(records, expected)
    shown = [name for name in runs.recognisers if name in (records[0].victim, *INDEPENDENT)]
    titles = success(shown) | {name: title(name) for name in ("ssim", "swd/mean")}
    rows = runs.rows(runs.listed, [*titles], short=True)
    for row, method in zip(rows, runs.listed, strict=True):
        row.append(training_time(runs.groups[method], 60))
    rows += [[*row, ""] for row in published_rows(records[0].reported, titles, form=".3f")]
    first, second = (at(f"{records[0].victim}/sar_type{kind}", fmr=1e-3) for kind in (1, 2))
    counts = (
        f"Type-I SAR and SSIM are over {runs.size(first)} test images, and SWD (times 1000) over "
        f"as many; type-II SAR is the mean over {runs.size(second)} subjects with two images or "
        "more. `python -m experiments.inversion --methods <method>` makes a row again; the last "
        "column "
        "says how long the training of one seed takes, without that of a generator that it is "
        f"given, as `adapter` is.{examination_time(runs)} A `control` is no attack. The `ceiling` "
        "makes no picture: it maps the embedding linearly to that of the judge, and says how much "
        "of a person such a map could show to it at most."
    )
    return Table(
        "inversion_headline",
        "Faces of people never seen, reconstructed from their embeddings: how many are accepted as "
        "the person at a false match rate of 0.1 %, and how they look.",
        [*LEAD, *titles.values(), "training, min"],
        rows,
        [counts, *runs.notes],
    )


def _attack(runs: Comparison, recogniser: str) -> Table:
    """Success rates and identification with one recogniser."""
    names = [at(f"sar_type{kind}", fmr=rate) for kind in (1, 2) for rate in RATES]
    names += [at(figure, fmr=1e-3) for figure in ("sar_type2_pairs", "sar_others")]
    names += ["rank1", "rank5", "cosine_mean", "cosine_p05"]
    names += ["rejected", "rejected_originals", "undetected"]
    metrics = [f"{recogniser}/{name}" for name in names]
    metrics.append(at(f"gap_{recogniser}/sar_type1", fmr=1e-3))
    metrics = [name for name in metrics if any(name in r.metrics for r in runs.records)]
    first, methods = runs.records[0], runs.listed
    titles = {name: title(name) for name in metrics}
    rows = runs.rows(methods, metrics) + published_rows(first.reported, titles)
    every = [r.config["recognisers"] for r in runs.records]
    declared = [judges[recogniser] for judges in every if recogniser in judges]
    precisions = {declaration.get("precision", "unknown precision") for declaration in declared}
    own = runs.groups[methods[0]][0]
    impostors = own.config["recognisers"].get(recogniser, {}).get("impostors")
    gallery = own.metrics.get(f"{recogniser}/gallery")
    sizes = {
        name: runs.size(at(f"{recogniser}/sar_{name}", fmr=1e-2))
        for name in ("type1", "type2", "type2_pairs")
    }
    counts = (
        "SAR is the share of reconstructions that the recogniser accepts as the person. Type-I SAR "
        f"is over {sizes['type1']} test images; type-II SAR is the mean over {sizes['type2']} "
        "subjects with two images or more, and over pairs it is the mean over "
        f"{sizes['type2_pairs']} "
        f"pairs. Ranks are those of {runs.size(f'{recogniser}/rank1')} reconstructions that search "
        "a gallery of "
        f"{f'{gallery.value:,.0f}' if gallery and gallery.value is not None else 'no'} subjects. "
        "Thresholds come from real impostors (pairs of images of different people): "
        f"{impostors or 'validation of split ' + own.config['split']}. `oracle` returns the real "
        "image, so that its type-II SAR is the share of genuine pairs (TMR) that the recogniser "
        "itself accepts; `random` returns an image of another person. Embeddings were computed in "
        f"{' or '.join(sorted(precisions))}."
    )
    kind = "a judge"
    if recogniser == own.victim:
        kind = "the victim"
    elif recogniser in INDEPENDENT:
        kind = "an independent judge, which no training or choice leans on"
    return Table(
        f"inversion_{recogniser}",
        f"Success of reconstructions with {recogniser}, {kind}.",
        [*LEAD, *titles.values()],
        rows,
        [counts, *runs.notes],
    )


def _cmc(runs: Comparison, scores: Mapping[tuple[str, int], Mapping[str, np.ndarray]]) -> Table:
    """Cumulative match characteristic, from the ranks in the raw scores."""
    rows: list[Row] = []
    for method in runs.listed:
        group = runs.groups[method]
        row = lead(group)
        for name in runs.recognisers:
            every = [scores[method, record.seed].get(f"{name}/rank") for record in group]
            ranks = [seed_ranks for seed_ranks in every if seed_ranks is not None]
            for rank in RANKS:
                shares = tuple(float((seed_ranks <= rank).mean()) for seed_ranks in ranks)
                row.append(Cell(shares, n=len(ranks[0])) if ranks else "")
        rows.append(row)
    note = (
        "A figure is the share of reconstructions whose subject is among the best matches in the "
        "gallery, as many as the rank says. The gallery holds the first image of each test "
        "subject. The intervals of ranks 1 and 5 stand in the tables above."
    )
    return Table(
        "inversion_cmc",
        "Cumulative match characteristic: searching a gallery with reconstructions.",
        [*LEAD, *(f"{name}, rank {rank}" for name in runs.recognisers for rank in RANKS)],
        rows,
        [note, *runs.notes],
    )


def _quality(runs: Comparison) -> Table:
    """Likeness to the original, copying and cost."""
    metrics = names_of("quality")
    rows = runs.rows(runs.listed, metrics)
    for row, method in zip(rows, runs.listed, strict=True):
        costs = [record.cost for record in runs.groups[method]]
        row.append(f"{costs[0]['parameters']:,}" if "parameters" in costs[0] else "")
        row.append(training_time(runs.groups[method], 1))
        pace = tuple(cost["ms_per_image"] for cost in costs if "ms_per_image" in cost)
        row.append(Cell(pace, form=".2f") if pace else "")
    note = (
        f"Figures are over {runs.size('ssim')} test images. The PSNR of equal images is infinite "
        "and is printed as `n/a`. Two columns are about copying: the chance that the "
        "reconstructions of a subject lie nearer to a training image, in the victim's space of "
        "embeddings, than unseen real images do; and the one-sided p-value of a Mann-Whitney test, "
        "over subjects, that nothing is copied. For a constant image they say only where that "
        "image lies. Times are of the machines as they were, some of which had other work: they do "
        "not compare networks." + examination_time(runs)
    )
    return Table(
        "inversion_quality",
        "Likeness of reconstructions to their originals, copying, and cost.",
        [*LEAD, *map(title, metrics), "parameters", "training, s", "ms an image"],
        rows,
        [note, *runs.notes],
    )


def _realism(runs: Comparison) -> Table:
    """Distances between the set of reconstructions and the set of originals."""
    names = sorted({name for record in runs.records for name in record.metrics})
    columns = names_of("realism")
    chosen = [name for name in names if kind_of(name)[0].name in columns]
    metrics = sorted(chosen, key=_place)
    note = (
        f"Figures are over {runs.size('swd/mean')} reconstructions and as many originals. SWD is "
        "the sliced Wasserstein distance times 1000, at levels of an image pyramid; the column "
        "names the side of the level in pixels. The two-sample AUC is 0.5 where a network cannot "
        "tell reconstructions from originals, and 1 where it always can; it is over "
        f"{runs.size('c2st_auc')} images of subjects that this network was not trained on."
    )
    return Table(
        "inversion_realism",
        "Realism: distance between reconstructions and real images.",
        [*LEAD, *map(title, metrics)],
        runs.rows(runs.listed, metrics),
        [note, *runs.notes],
    )


def _place(name: str) -> tuple[int, int]:
    """Where a metric stands among the columns: as in the catalogue, large levels first."""
    kind, parts = kind_of(name)
    return names_of("realism").index(kind.name), -int(parts.get("side", 0))


def _hypotheses(runs: Comparison) -> Table | None:
    """Best of several reconstructions; None if no inverter has more than one."""
    chosen = [name for name in runs.listed if "diversity" in runs.groups[name][0].metrics]
    if not chosen:
        return None
    metrics, header = [], list(LEAD)
    for name in runs.recognisers:
        several = ("best1", "best16", "picked16")
        own = [at(f"{name}/sar_type2_{which}", fmr=1e-3) for which in several]
        metrics += [*own, f"{name}/cosine_hypotheses"]
        header += [f"{name}, {title(metric, condition=False)}" for metric in metrics[-4:]]
    note = (
        "The columns `best of` hold the type-II SAR at an FMR of 0.1 %, as the mean over "
        f"{runs.size('diversity')} subjects with one embedding each. Several images are generated "
        "from the embedding, each with other noise, and the best of them is compared with the "
        "other images of the subject. More images are more tries, for impostors too. `Picked` is "
        "the one image that an attacker shows who asks the victim which is nearest to what he "
        "inverts. Diversity is the standard deviation of a pixel, in [0, 1], over these "
        "images; near 0, the generator ignores the noise."
    )
    return Table(
        "inversion_hypotheses",
        "Several reconstructions of one embedding.",
        [*header, title("diversity")],
        runs.rows(chosen, [*metrics, "diversity"]),
        [note, *runs.notes],
    )


def _ablation(runs: Comparison) -> Table | None:
    """How much each term of the conditional GAN improves it; None without such records."""
    chosen = [name for name in STEPWISE if name in runs.groups]
    if not chosen:
        return None
    titles = success(runs.recognisers)
    titles |= {name: title(name) for name in ("swd/mean", "c2st_auc", "ssim")}
    config = runs.groups[chosen[0]][0].config
    precisions = {runs.groups[name][0].config["precision"] for name in chosen}
    note = (
        "SAR is at an FMR of 0.1 %. Each row has one thing more than the row above it, except that "
        "the row of L1 and SSIM has these instead of the squared error, and that each row below "
        "the committee's has one thing more than that. No row has a discriminator. All rows have "
        f"the same {config['steps']:,} steps of {config['batch_size']} images, computed in "
        f"{' or '.join(sorted(precisions))}."
    )
    if missing := [name for name in STEPWISE if name not in runs.groups]:
        note += (
            f" Rows that are not measured yet: {', '.join(missing)}. What a row above the "
            "committee's would add, the next one has too."
        )
    return Table(
        "inversion_ablation",
        "What each part of the conditional GAN adds, in a short training.",
        [*LEAD, *titles.values()],
        runs.rows(chosen, [*titles]),
        [note, *runs.notes],
    )


def _scaling(runs: Comparison) -> Table | None:
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
        "The same inverters trained on fewer images.",
        [LEAD[0], "training images", *LEAD[1:], *map(title, metrics)],
        rows,
        runs.notes,
    )
