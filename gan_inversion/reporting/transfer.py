"""The transfer matrix: what is made of every victim's embeddings, before every judge."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gan_inversion.core.record import Record, Selection, at
from gan_inversion.metrics.catalogue import title
from gan_inversion.reporting import charts
from gan_inversion.reporting.comparison import comparison
from gan_inversion.reporting.table import Row, Table, by_method, cell, footer, mean_of, not_yet
from gan_inversion.reporting.tables import LFW, find_records

RATES = (1e-3, 1e-2)
KINDS = (1, 2)
SHOWN = at("sar_type2", fmr=1e-3)  # in the heat map


def read_victims(root: Path, chosen: Selection = LFW) -> dict[str, list[Record]]:
    """The records of the `inversion` protocol on one data set and part, by victim.

    Args:
        root: folder of the records.
        chosen: data set and part; its victim is ignored.
    """
    records = find_records(root, "inversion", chosen, every_victim=True)
    every = sorted({record.victim for record in records})
    return {victim: [r for r in records if r.victim == victim] for victim in every}


def transfer(
    victims: Mapping[str, Sequence[Record]], expected: Collection[tuple[str, str]] = ()
) -> Table:
    """Success rates of each method: a row for each victim, columns for each judge.

    Args:
        victims: victim -> records.
        expected: victims and methods that a note lists if they have no record.
    """
    judges = judges_of(victims)
    names = [f"{judge}/{at(f'sar_type{kind}', fmr=fmr)}"
             for judge in judges for fmr in RATES for kind in KINDS]  # fmt: skip
    rows: list[Row] = []
    for method, groups in by_victim(victims).items():
        for victim, group in groups.items():
            cells = [cell(group, name) for name in names]
            rows.append([method, victim, str(len(group)), *cells])
    note = (
        "A row is about reconstructions from embeddings of the victim; a column says which share "
        "of them the judge accepts as the person, at thresholds that were set on real impostors of "
        "the validation subjects. Type-I compares with the very image whose embedding was "
        "inverted, type-II with other images of the person. `translated` has no image: a linear "
        "map from the victim's embeddings to the judge's, fitted on training subjects, gives the "
        "vector that the judge would compare. Such vectors lie nearer to everybody than "
        "photographs do: the metric `sar_others` of their records says how often they are accepted "
        "as someone else, where photographs are at the false match rate. Victim and judge are the "
        "same on the diagonal."
    )
    records = [record for own in victims.values() for record in own]
    have = {(record.victim, record.method) for record in records}
    missing = [
        f"{method} of {victim}" for victim, method in expected if (victim, method) not in have
    ]
    return Table(
        "transfer",
        "The transfer matrix: reconstructions from the embeddings of every victim, shown to every "
        "judge.",
        ["method", "victim", "seeds", *(f"{name.split('/')[0]}, {title(name)}" for name in names)],
        rows,
        [note, *not_yet(missing), footer(records, "inversion")],
    )


def judges_of(victims: Mapping[str, Sequence[Record]]) -> list[str]:
    """Every recogniser that reconstructions were shown to; victims first."""
    every = [name for own in victims.values() for r in own for name in r.config["recognisers"]]
    return list(dict.fromkeys([*victims, *every]))


def by_victim(
    victims: Mapping[str, Sequence[Record]],
) -> dict[str, dict[str, Sequence[Record]]]:
    """Method -> victim -> its records, one a seed; in the order of the tables."""
    methods: dict[str, dict[str, Sequence[Record]]] = {}
    for victim, records in victims.items():
        groups = by_method(records)
        for method in comparison(records, ()).whole:
            methods.setdefault(method, {})[victim] = groups[method]
    return methods


def heat_maps(victims: Mapping[str, Sequence[Record]]) -> dict[str, Figure]:
    """A chart for each method that attacks two victims or more."""
    judges = judges_of(victims)
    drawn: dict[str, Figure] = {}
    for method, groups in by_victim(victims).items():
        if len(groups) > 1:
            values = [[_value(group, judge) for judge in judges] for group in groups.values()]
            drawn[method] = charts.heat(list(groups), judges, np.array(values))
    return drawn


def _value(group: Sequence[Record], judge: str) -> float:
    mean = mean_of(group, f"{judge}/{SHOWN}")
    return np.nan if mean is None else mean
