"""The tables of the `membership` protocol: what an inverter remembers of whom it was trained on."""

from collections.abc import Sequence

from gan_inversion.record import Record
from gan_inversion.reports.table import Cell, Table, by_method, cell, check_same, footer

NOTE = """\
A larger score means more likely a member. Every model is in turn the target and the others its
shadows; scores of all targets are pooled. AUC is 0.5 by chance; balanced accuracy is that of the
best threshold, chosen on these very scores; TPR is the true positive rate at a false positive
rate, n/a where fewer than 10 false positives would decide it. Intervals resample subjects.\
"""


def membership(records: Sequence[Record]) -> list[Table]:
    """A table for each unit, a row for each method, signal and attack.

    Args:
        records: of one protocol and dataset.
    """
    check_same(records, "protocol_hash", "data_digest", "embedder_digest")
    groups = by_method(records)
    names = list(dict.fromkeys(name for record in records for name in record.metrics))
    lines = list(dict.fromkeys(tuple(name.split("/")[:3]) for name in names))
    figures = list(dict.fromkeys(name.split("/")[3] for name in names))
    tables = []
    for unit in dict.fromkeys(line[0] for line in lines):
        rows: list[list[Cell | str]] = []
        sizes: set[int] = set()
        for method, group in groups.items():
            for attack, signal in (line[1:] for line in lines if line[0] == unit):
                cells = [cell(group, f"{unit}/{attack}/{signal}/{name}") for name in figures]
                if any(cells):
                    rows.append([method, signal, attack, str(len(group)), *cells])
                    sizes |= {part.n or 0 for part in cells if isinstance(part, Cell)}
        size = f"{min(sizes, default=0):,} non-members of {max(sizes, default=0):,} scores."
        tables.append(
            Table(
                f"membership_{unit}",
                f"Membership of {unit}s: what attacks tell from the signals of trained models.",
                ["method", "signal", "attack", "seeds", *map(_title, figures)],
                rows,
                [NOTE, size, footer(records, "membership")],
            )
        )
    return tables


def _title(figure: str) -> str:
    """What a metric is called in the header."""
    if figure.startswith("tpr@fpr="):
        return f"TPR at FPR {100 * float(figure.partition('=')[2]):g} %"
    return {"auc": "AUC"}.get(figure, figure.replace("_", " "))
