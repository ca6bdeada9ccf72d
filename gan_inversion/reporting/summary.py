"""What the report says first, in plain sentences."""

from collections.abc import Mapping, Sequence

import numpy as np

from gan_inversion.cgan.options import FAMILY
from gan_inversion.core.record import Record, at
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting import tables
from gan_inversion.reporting.audited import base_method, epochs_of
from gan_inversion.reporting.balance import given_away, remembered
from gan_inversion.reporting.comparison import PLAIN
from gan_inversion.reporting.table import by_method, interval_of, mean_of

TO_DO = (
    "Treat a stored embedding like the photograph that it was made from: encrypt it, delete it "
    "with the photograph, and notify people of a leak as you would of a photograph's. Treat a "
    "model that was trained on embeddings or faces as personal data of these people."
)

Pairs = Sequence[tuple[Record, Mapping[str, np.ndarray]]]


def leading(inversions: Sequence[Record]) -> dict[str, Sequence[Record]]:
    """The records of the best attack of each knowledge, by type-II SAR at the victim.

    Args:
        inversions: records of the `inversion` protocol.
    """
    groups = by_method([r for r in inversions if in_full(r) and r.trained["family"] not in PLAIN])
    figure = at(f"{inversions[0].victim}/sar_type2", fmr=1e-3)
    best = {}
    for knowledge in ("white_box", "black_box"):
        own = [group for group in groups.values() if group[0].knowledge == knowledge]
        rated = [g for g in judged_by_all(own) if mean_of(g, figure) is not None]
        if rated:
            best[knowledge] = max(rated, key=lambda group: mean_of(group, figure) or 0)
    return best


def attacked(inversions: Sequence[Record]) -> list[str]:
    """What the best attacker reaches who has the victim, and the best who has not: a sentence each.

    Args:
        inversions: records of the `inversion` protocol.
    """
    victim = inversions[0].victim
    who = {
        "white_box": f"who has a copy of the recogniser {victim}",
        "black_box": f"without {victim}, who has photographs with their embeddings by it,",
    }
    lines = []
    for knowledge, group in leading(inversions).items():
        rates = {
            name: f"{_share(group, figure)}{interval_of(group, figure)}"
            for name in (victim, *INDEPENDENT)
            if (figure := at(f"{name}/sar_type2", fmr=1e-3)) in group[0].metrics
        }
        own = rates.pop(victim)
        others = ", ".join(f"{name} {rate}" for name, rate in rates.items())
        also = f" Recognisers that the attack never used accept it too: {others}." if others else ""
        lines.append(
            f"An attacker {who[knowledge]} makes of an embedding a face that {victim} accepts as "
            f"another photograph of the person in {own} of cases ({group[0].method}).{also}"
        )
    return lines


def trainings(counts: Mapping[str, int]) -> str:
    """What figures are the mean of, in a sentence.

    Args:
        counts: name -> number of trainings behind its figures.
    """
    most = max(counts.values(), default=1)
    alone = [name for name, count in counts.items() if count == 1]
    if most == 1:
        return "Every inverter was trained once."
    mean = f"the mean over the trainings of an inverter that have it, {most} at most"
    if not alone:
        return f"A figure is {mean}."
    return f"There is one training only of {' and of '.join(alone)}; any other figure is {mean}."


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
    records = [own for own, _ in inversions]
    leaders = {group[0].method for group in leading(records).values()}
    counts = {n: len(g) for n, g in by_method(records).items() if n in leaders or len(g) > 1}
    about_members = (
        "What a trained inverter gives away about the people in its training photographs"
    )
    parts = {
        "What a stored embedding gives away": " ".join(attacked(records)),
        about_members: given_away([record for record, _ in leaks]),
        "How sure this is": f"Measured on {images:,} photographs of {people:,} people on whom "
        "no inverter was trained (the recognisers, trained elsewhere, may know them), at "
        "thresholds that accept one of 1,000 pairs of strangers. What is accepted as another "
        f"photograph is measured on the {several:,} people of whom there are two or more. Brackets "
        f"hold 95% intervals. {trainings(counts)} "
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
