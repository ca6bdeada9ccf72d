"""What the report says first, in plain sentences."""

from collections.abc import Mapping, Sequence

import numpy as np

from gan_inversion.cgan.options import FAMILY
from gan_inversion.core.record import Record, at
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting import tables
from gan_inversion.reporting.audited import base_method, epochs_of
from gan_inversion.reporting.balance import given_away, remembered
from gan_inversion.reporting.table import Cell, by_method, cell, interval_of, mean_of

# Families that say nothing about an inverter: real images, anyone's, and no image at all.
PLAIN = ("oracle", "random", "mean_face", "translated")

TO_DO = (
    "Treat a stored embedding like the photograph that it was made from: encrypt it, delete it "
    "with the photograph, and notify people of a leak as you would of a photograph's. Treat a "
    "model that was trained on embeddings or faces as personal data of these people."
)

Pairs = Sequence[tuple[Record, Mapping[str, np.ndarray]]]


def attacked(inversions: Sequence[Record]) -> list[str]:
    """What the best attacker reaches who has the victim, and the best who has not: a sentence each.

    Args:
        inversions: records of the `inversion` protocol.
    """
    groups = by_method([r for r in inversions if in_full(r) and r.trained["family"] not in PLAIN])
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
                f"{_share(groups[method], theirs)}{interval_of(groups[method], theirs)}"
                for name in INDEPENDENT
                if (theirs := at(f"{name}/sar_type2", fmr=1e-3)) in groups[method][0].metrics
            ]
            lines.append(
                f"An attacker {who} makes a face that {victim} accepts as another photograph of "
                f"the person in {_share(groups[method], figure)} of cases"
                f"{interval_of(groups[method], figure)} ({method}){''.join(others)}."
            )
    return lines


def in_full(record: Record) -> bool:
    """Whether an inverter had all training images, and has whole embeddings: no row of a curve."""
    leak = record.trained.get("options", {}).get("leak", "whole")
    return record.trained["training_images"] is None and leak == "whole"


def judged_by_all(groups: Sequence[Sequence[Record]]) -> list[Sequence[Record]]:
    """Those methods, a group of records each, whose images all independent judges were shown.

    All methods, if there is none: where figures of one judge are missing, a method that leads with
    the others would leave a gap beside its name.
    """
    figures = [at(f"{name}/sar_type2", fmr=1e-3) for name in INDEPENDENT]
    whole = [g for g in groups if all(figure in g[0].metrics for figure in figures)]
    return whole or list(groups)


def brief(inversions: Pairs, leaks: Pairs, people: int) -> list[tuple[str, str]]:
    """Headings and sentences for one screen: what leaks, how sure that is, and what to do.

    Args:
        inversions: records of the `inversion` protocol.
        leaks: records of the `membership` protocol; may be none.
        people: number of subjects whose embeddings were inverted.
    """
    record, scores = inversions[0]
    images = len(scores["test_index"])
    second = record.metrics.get(at(f"{record.victim}/sar_type2", fmr=1e-3))
    several = second.n if second else 0
    parts = {
        "What a stored embedding gives away": " ".join(attacked([r for r, _ in inversions])),
        "What the attacker's own model gives away": given_away([record for record, _ in leaks]),
        "How sure this is": f"Measured on {images:,} photographs of {people:,} people on whom "
        "no inverter was trained (the recognisers, trained elsewhere, may know them), at "
        "thresholds that accept one of 1,000 pairs of strangers. What is accepted as another "
        f"photograph is measured on the {several:,} people of whom there are two or more. Brackets "
        "hold 95% intervals. "
        "Other recognisers, and groups of people that the data hardly have, may differ.",
        "What to do": TO_DO,
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
        family = record.trained["family"]
        if record.seed or not in_full(record) or family in PLAIN or figure not in record.metrics:
            continue
        value = record.metrics[figure].value or 0
        leader = best.get(family)
        if leader is None or value > (leader[0].metrics[figure].value or 0):
            best[family] = (record, scores)
    return list(best.values())


def audits_of(leaks: Pairs) -> dict[str, list[tuple[Record, Mapping[str, np.ndarray]]]]:
    """The audits of each inverter, by epochs."""
    audits: dict[str, list[tuple[Record, Mapping[str, np.ndarray]]]] = {}
    for record, arrays in sorted(leaks, key=lambda pair: epochs_of([pair[0]])):
        audits.setdefault(base_method(record), []).append((record, arrays))
    return audits
