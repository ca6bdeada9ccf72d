"""The tables of the `membership` protocol: what an inverter remembers of whom it was trained on."""

from collections.abc import Mapping, Sequence

from gan_inversion.record import Record, at
from gan_inversion.reports.table import Cell, Table, by_method, cell, check_same, footer

NOTE = """\
A larger score means more likely a member. Every model is in turn the target and the others its
shadows; scores of all targets are pooled. AUC is 0.5 by chance; balanced accuracy is that of the
best threshold, chosen on these very scores; TPR is the true positive rate at a false positive
rate, n/a where fewer than 10 false positives would decide it. Intervals resample subjects.\
"""


DEPTH = 3  # slashes in the name of an attack's figure: unit/attack/signal/figure
LEDGER = """\
Both halves of a row are of the same trained models: how often their reconstructions of people whom
nobody trained on are accepted (FMR 0.1 %, recogniser of the inverted embeddings), and what an
attacker learns of whom they were trained on. `threshold` is the loss threshold on log_mse alone;
`lira` is the offline attack with one variance, on all signals.\
"""
LEAKS = (("threshold", "log_mse"), ("lira_offline_fixed", "together"))


def membership(records: Sequence[Record]) -> list[Table]:
    """The ledger, and a table for each unit with a row for each method, signal and attack.

    Args:
        records: of one protocol and dataset.
    """
    check_same(records, "protocol_hash", "data_digest", "embedder_digest")
    groups = by_method(records)
    names = list(
        dict.fromkeys(
            name for record in records for name in record.metrics if name.count("/") == DEPTH
        )
    )
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
    ledger = _ledger(groups, [footer(records, "shadows")])
    return [ledger, *tables] if ledger.rows else tables


def _ledger(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """What reconstruction gains beside what it gives away, a row for each method that has both."""
    rows: list[list[Cell | str]] = []
    header = ["method", "epochs", "members", "type-I SAR", "type-II SAR"]
    shown = [
        (unit, attack, signal, figure)
        for unit in ("image", "subject")
        for attack, signal in LEAKS
        for figure in ("auc", at("tpr", fpr=1e-2))
    ]
    header += [
        f"{unit} {attack.split('_')[0]} {_title(figure)}" for unit, attack, _, figure in shown
    ]
    for method, group in groups.items():
        name, config = group[0].embedder, group[0].config
        rates = [cell(group, at(f"{name}/sar_type{kind}", fmr=1e-3)) for kind in (1, 2)]
        if any(rates):
            leaks = [cell(group, "/".join(parts)) for parts in shown]
            members = ", ".join(f"{count:,} {unit}" for unit, count in config["members"].items())
            rows.append([method, str(config["epochs"]), members, *rates, *leaks])
    caption = "The leakage ledger: success of reconstruction beside success of membership attacks."
    return Table("membership_ledger", caption, header, rows, [LEDGER, *notes])


def _title(figure: str) -> str:
    """What a metric is called in the header."""
    if figure.startswith("tpr@fpr="):
        return f"TPR at FPR {100 * float(figure.partition('=')[2]):g} %"
    return {"auc": "AUC"}.get(figure, figure.replace("_", " "))
