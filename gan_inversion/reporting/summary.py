"""What the report says first, in plain sentences."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from gan_inversion.cgan.options import FAMILY
from gan_inversion.core.record import Record, at
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting import charts, tables
from gan_inversion.reporting.audited import base_method, epochs_of, strongest
from gan_inversion.reporting.table import Cell, by_method, cell, mean_of

FPR = 1e-2  # false alarms at which a leak is told in words
TPR = at("tpr", fpr=FPR)
# Families that say nothing about an inverter: real images, anyone's, and no image at all.
PLAIN = ("oracle", "random", "mean_face", "translated")

Pairs = Sequence[tuple[Record, Mapping[str, np.ndarray]]]


def attacked(inversions: Sequence[Record]) -> list[str]:
    """What the best attacker reaches who has the victim, and the best who has not: a sentence each.

    Args:
        inversions: records of the `inversion` protocol.
    """
    groups = by_method([r for r in inversions if r.trained["family"] not in PLAIN])
    victim = inversions[0].victim
    figure = at(f"{victim}/sar_type2", fmr=1e-3)
    lines = []
    for knowledge, who in (
        ("white_box", f"who has a copy of the recogniser {victim}"),
        ("black_box", f"without {victim}, who has photographs with their embeddings by it,"),
    ):
        own = [group for group in groups.values() if group[0].knowledge == knowledge]
        rates = {
            group[0].method: rate
            for group in judged_by_all(own)
            if isinstance(rate := cell(group, figure), Cell) and rate.mean is not None
        }
        if rates:
            method = max(rates, key=lambda name: rates[name].mean or 0)
            others = [
                f"; {name}, a recogniser that he never used, accepts "
                f"{_share(groups[method], theirs)}"
                for name in INDEPENDENT
                if (theirs := at(f"{name}/sar_type2", fmr=1e-3)) in groups[method][0].metrics
            ]
            low, high = rates[method].interval or (np.nan, np.nan)
            lines.append(
                f"An attacker {who} makes a face that {victim} accepts as another photograph of "
                f"the person in {_share(groups[method], figure)} of cases "
                f"[{low:.1%}, {high:.1%}] ({method}){''.join(others)}."
            )
    return lines


def judged_by_all(groups: Sequence[Sequence[Record]]) -> list[Sequence[Record]]:
    """Those methods, a group of records each, whose images all independent judges were shown.

    All methods, if there is none: where figures of one judge are missing, a method that leads with
    the others would leave a gap beside its name.
    """
    figures = [at(f"{name}/sar_type2", fmr=1e-3) for name in INDEPENDENT]
    whole = [g for g in groups if all(figure in g[0].metrics for figure in figures)]
    return whole or list(groups)


def given_away(leaks: Sequence[Record]) -> str:
    """How many of the images that it was trained on an inverter gives away: least and most."""
    points = balance(leaks)
    if not points:
        return ""
    least, most = (choose(points, key=lambda place: points[place][1]) for choose in (min, max))
    hidden = [place_of(record) for record in leaks if not _found(record)]
    no_more = ", which is not shown to be more than guessing" if least in hidden else ""
    return (
        "An inverter gives away whom it was trained on: with models of his own, an attacker "
        f"(offline LiRA on all signals) finds from {points[least][1]:.1%} ({_after(*least)}"
        f"{no_more}) to {points[most][1]:.1%} ({_after(*most)}) of its training images, at a "
        "false-alarm rate of 1%; guessing finds 1%. Other attacks may find more."
    )


def brief(inversions: Pairs, leaks: Pairs, people: int) -> list[tuple[str, str]]:
    """Headings and sentences for one screen: what leaks, how sure that is, and what to do.

    Args:
        inversions: records of the `inversion` protocol.
        leaks: records of the `membership` protocol; may be none.
        people: number of subjects whose embeddings were inverted.
    """
    images = len(inversions[0][1]["test_index"])
    parts = {
        "What a stored embedding gives away": " ".join(attacked([r for r, _ in inversions])),
        "What the attacker's own model gives away": given_away([record for record, _ in leaks]),
        "How sure this is": f"Measured on {images:,} photographs of {people:,} people on whom "
        "no inverter was trained (the recognisers, trained elsewhere, may know them), at "
        "thresholds that accept one of 1,000 pairs of strangers. Brackets hold 95% intervals. "
        "Other recognisers, and groups of people that the data hardly have, may differ.",
        "What to do": "Treat a stored embedding like the photograph that it was made from: encrypt "
        "it, delete it with the photograph, and notify people of a leak as you would of a "
        "photograph's. "
        "Treat a model that was trained on embeddings or faces as personal data of these people.",
    }
    return [(heading, sentence) for heading, sentence in parts.items() if sentence]


def sentences(inversions: Pairs, leaks: Pairs, documented: Pairs) -> list[str]:
    """The findings, from the records alone."""
    lines = []
    # Only on the thesis' data: on other data there are no published figures to compare with.
    if any(r.method == "documented_conv_bn" and r.reported for r, _ in documented):
        lines.append(tables.finding([record for record, _ in documented]).strip())
    name = inversions[0][0].victim
    turned, groups = [], by_method([record for record, _ in inversions])
    for record, _ in compared(inversions):
        first, second = (at(f"{name}/sar_type{kind}", fmr=1e-3) for kind in (1, 2))
        if record.trained["family"] in (FAMILY, "documented"):
            seeds = groups[record.method]  # the means that the tables have
            turned.append(
                f"{record.method} turns {_share(seeds, first)} into images that {name} accepts "
                f"as the very photograph, and {_share(seeds, second)} into images accepted as "
                "another photograph of the person"
            )
    if turned:
        lines.append(
            f"Of the embeddings of people it never saw, {'; '.join(turned)}; at a false match rate "
            "of 0.1 %."
        )
    if sentence := remembered([record for record, _ in leaks]):
        lines.append(sentence)
    return lines


def remembered(leaks: Sequence[Record]) -> str:
    """How much inverters give away of their members, and at what price in reconstruction."""
    pairs = ((place_of(record), record.metrics.get(strongest(record, "auc"))) for record in leaks)
    aucs = {place: auc.value for place, auc in pairs if auc and auc.value is not None}
    points = balance(leaks)
    if not points:
        return ""
    least, most = (
        f"{aucs[place]:.3f} ({_after(*place)})"
        for place in (min(aucs, key=aucs.__getitem__), max(aucs, key=aucs.__getitem__))
    )
    prices = [
        f"{_after(*place)}, {points[place][0]:.1%} accepted and {points[place][1]:.1%} found"
        for place in reversed(charts.front(points))
    ]
    return (
        "What an inverter shows of someone tells whether it was trained on him. The chance that an "
        "attacker with shadow models ranks an image of a member above another, 0.5 by guessing, "
        f"is from {least} to {most}. No other inverter reconstructs more strangers than these and "
        f"gives away fewer members: {'; '.join(prices)} (accepted: reconstructions of strangers as "
        "the person; found: members, where 1 % of the others are taken for members)."
    )


def _after(method: str, epochs: float) -> str:
    return f"{method} after epoch {epochs}"


def _share(records: Sequence[Record], name: str) -> str:
    """A rate in per cent, mean over seeds."""
    mean = mean_of(records, name)
    return "too few to count" if mean is None else f"{mean:.1%}"


def compared(inversions: Pairs) -> Pairs:
    """Seed 0 of each family's best method by type-II success rate with the attacked recogniser.

    A chart with every inverter would be unreadable.
    """
    name = inversions[0][0].victim
    figure = at(f"{name}/sar_type2", fmr=1e-3)
    best: dict[str, tuple[Record, Mapping[str, np.ndarray]]] = {}
    for record, scores in inversions:
        family, sized = record.trained["family"], record.trained["training_images"] is not None
        if record.seed or sized or family in PLAIN or figure not in record.metrics:
            continue
        value = record.metrics[figure].value or 0
        leader = best.get(family)
        if leader is None or value > (leader[0].metrics[figure].value or 0):
            best[family] = (record, scores)
    return list(best.values())


def balance(leaks: Iterable[Record]) -> dict[tuple[str, float], tuple[float, float]]:
    """What inverters gain and give away: type-II rate and membership TPR, by method and epochs."""
    points = {}
    for record in leaks:
        gain = record.metrics.get(at(f"{record.victim}/sar_type2", fmr=1e-3))
        leak = record.metrics.get(strongest(record, TPR))
        if gain and leak and gain.value is not None and leak.value is not None:
            points[place_of(record)] = gain.value, leak.value
    return points


def balance_chart(leaks: Sequence[Record], size: tuple[float, float] = charts.SIZE) -> Figure:
    """The chart of what `balance` returns, with intervals."""
    points, bounds = balance(leaks), {}
    for record in leaks:
        names = at(f"{record.victim}/sar_type2", fmr=1e-3), strongest(record, TPR)
        across, up = (record.metrics[n].ci if n in record.metrics else None for n in names)
        if place_of(record) in points and across and up:
            bounds[place_of(record)] = across, up
    labels = "type-II SAR at FMR 0.1 %", "members found at FPR 1 % (offline LiRA, all signals)"
    return charts.pareto(points, *labels, "epochs", size, bounds=bounds)


def _found(record: Record) -> bool:
    """Whether it is shown that members are found more often than by guessing."""
    figure = record.metrics.get(strongest(record, TPR))
    return bool(figure and figure.ci and figure.ci[0] > FPR)


def price(leaks: Sequence[Record]) -> str:
    """What the best inverter of each family costs the people whom it was trained on, in words.

    Args:
        leaks: records of the `membership` protocol.
    """
    points = balance(leaks)
    best: dict[str, Record] = {}
    for record in leaks:
        family = str(record.trained["family"])
        place = place_of(record)
        if place in points and (
            family not in best or points[place][0] > points[place_of(best[family])][0]
        ):
            best[family] = record
    sentences = ["What an attacker gains, the people pay on whose photographs he trained."]
    for record in best.values():
        gain, leak = points[place_of(record)]
        name, epochs = place_of(record)
        low, high = record.metrics[strongest(record, TPR)].ci or (np.nan, np.nan)
        sentences.append(
            f"Of the faces that `{name}` makes of unseen embeddings after epoch {epochs}, "
            f"{gain:.1%} are accepted as another photograph of the person; "
            + (
                f"of the photographs it was trained on, {leak:.1%} [{low:.1%}, {high:.1%}] are "
                "recognised as such, at a false-alarm rate of 1%."
                if _found(record)
                else "that it gives away more of the photographs it was trained on than guessing "
                "would cannot be shown."
            )
        )
    return " ".join(sentences)


def audits_of(leaks: Pairs) -> dict[str, list[tuple[Record, Mapping[str, np.ndarray]]]]:
    """The audits of each inverter, by epochs."""
    audits: dict[str, list[tuple[Record, Mapping[str, np.ndarray]]]] = {}
    for record, arrays in sorted(leaks, key=lambda pair: epochs_of([pair[0]])):
        audits.setdefault(base_method(record), []).append((record, arrays))
    return audits


def place_of(record: Record) -> tuple[str, float]:
    """Method and epochs of an audited inverter."""
    return base_method(record), epochs_of([record])
