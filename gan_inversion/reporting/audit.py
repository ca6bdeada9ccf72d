"""The page of one or several membership audits of a user's own models."""

from collections.abc import Sequence
from pathlib import Path

from gan_inversion.core.record import Metric, Record, at, read_scores
from gan_inversion.core.storage import write_text
from gan_inversion.protocols.membership.audit import STRONG, TOGETHER
from gan_inversion.reporting import charts
from gan_inversion.reporting.audited import LEAKS, counts_of, few_lines, is_attack, plural
from gan_inversion.reporting.dynamics import FEW
from gan_inversion.reporting.membership import NOTE, membership
from gan_inversion.reporting.page import Section, drawing, findings, page, point
from gan_inversion.reporting.pages import write_page
from gan_inversion.reporting.table import Row, Table, cell

DRAWN = ("threshold", "quantile", STRONG, "rmia_offline", "bavaria_online")
FPR = 1e-2  # of the sentences
LONGEST = 150  # letters of the page's file name
MEANING = {
    "ROC curve": "Each point is a threshold on an attack's score: how many of the members and of "
    "the others it takes for members. Both axes are logarithmic, since an accusation counts only "
    "where few are accused wrongly. The grey line is guessing; where a band lies above it, the "
    "attack is better than guessing.",
    "TPR at a low FPR": "The share of members that are found while at most 1 % (or 0.1 %) of "
    "the others are taken for members too. It is n/a where fewer than 10 others would decide it.",
    "AUC": "The chance that a member gets a larger score than another image: 0.5 by guessing. It "
    "says little of the few images that are remembered best.",
    "Proven epsilon": "Differential privacy with epsilon bounds every attack. The success of this "
    "one rules out all smaller epsilons (delta 1e-5), at 95 % confidence. It is a lower bound: a "
    "stronger attack may prove more, and 0 proves nothing.",
}


def write_audits(records: Sequence[Record], folder: Path, output: Path) -> Path:
    """Write the tables of each audit, and a page on all of them; the path of the page.

    Args:
        records: of the audits.
        folder: that holds them.
        output: for tables and page.
    """
    for record in records:
        tables = membership([record])
        write_page(output, f"membership-{record.method}", f"Membership: {record.method}", tables)
    names = "-".join(record.method for record in records)
    if len(names) > LONGEST:
        names = f"{records[0].method}-and-{len(records) - 1}-more"
    path = output / f"membership-{names}.html"
    write_text(path, audit_page(records, folder))
    return path


def audit_page(records: Sequence[Record], folder: Path) -> str:
    """An HTML page that needs nothing else: what the attacks found, in words, charts and tables."""
    sections = [Section("What was found", [findings([sentence(record) for record in records])])]
    if len(records) > 1:
        sections.append(Section("Side by side", [side_by_side(records).html()]))
    sections.append(Section("ROC curves", [roc_chart(record, folder) for record in records]))
    parts = [point(term, meaning) for term, meaning in MEANING.items()]
    sections.append(Section("What the figures mean", parts))
    if rows := few_rows(records):
        sections.append(Section("With few shadow models", [rows.html()], folded=True))
    if rows := group_rows(records):
        sections.append(Section("By group", [rows.html()], folded=True))
    tables = [table.html() for record in records for table in membership([record])]
    sections.append(Section("All attacks", tables, folded=True))
    return page("Membership audit: " + ", ".join(record.method for record in records), sections)


def sentence(record: Record) -> str:
    """What the audit says of its models, in words."""
    unit, signals = record.config["unit"], record.config["signals"]
    signal = TOGETHER if len(signals) > 1 else signals[0]
    name = f"{unit}/{STRONG}/{signal}"
    tpr, epsilon = record.metrics[at(f"{name}/tpr", fpr=FPR)], record.metrics[f"{name}/epsilon"]
    models, rows = record.config["protocol"]["models"], record.config["rows"]
    lead = f"`{record.method}`: {models} models, {rows:,} {plural(unit)}. "
    lead += "".join(f"{warning} " for warning in upside_down(record))
    proven = epsilon.value or 0.0
    if epsilon.value is None:
        proof = f" No epsilon is proven: {record.config.get('unproven', 'there are too few')}."
    elif proven:
        proof = (
            f" No training with a differential privacy of epsilon below {proven:.2f} allows this."
        )
    else:
        proof = " This attack rules out no epsilon of differential privacy."
    says = _found(record.metrics[f"{name}/auc"], tpr)
    attack = f" (Attack `{STRONG}` on {signal}.)"
    return lead + says + proof + attack + _stronger(record, name)


def _found(auc: Metric, tpr: Metric) -> str:
    """How many members are found, in words; where too few images tell, how they are ranked."""
    if tpr.value is None or tpr.ci is None:
        few = "There are too few to say what is found at a false positive rate of 1 %."
        if auc.value is None or auc.ci is None:
            return few
        return (
            f"{few} A member ranks above another with a chance of {auc.value:.3f} "
            f"[{auc.ci[0]:.3f}, {auc.ci[1]:.3f}]; guessing gives 0.5."
        )
    low, high = (100 * end for end in tpr.ci)
    share = f"{100 * tpr.value:.2f} % [{low:.2f}, {high:.2f}] of the members"
    if tpr.ci[0] > FPR:
        return (
            f"An attacker finds {share} while taking at most 1 % of the others for members: "
            f"{tpr.value / FPR:.1f} times as many as by guessing."
        )
    return (
        "That an attacker finds more members than by guessing cannot be shown: he finds "
        f"{share} while taking at most 1 % of the others for members."
    )


def _stronger(record: Record, name: str) -> str:
    """What the attack with the largest AUC says, where that lies beyond the one of the sentence."""
    areas = {
        path.removesuffix("/auc"): area
        for path, area in record.metrics.items()
        if is_attack(path) and path.endswith("/auc") and area.value is not None
    }
    best = max(areas, key=lambda path: areas[path].value or 0)
    own, most = areas[name].ci, areas[best].ci
    if own is None or most is None or most[0] <= own[1]:
        return ""
    _, attack, signal = best.split("/")
    epsilon = record.metrics[f"{best}/epsilon"].value
    proven = "" if epsilon is None else f", and the epsilon that it proves {epsilon:.2f}"
    return (
        f" Another attack tells more, `{attack}` on {signal}: its AUC is {areas[best].value:.3f} "
        f"[{most[0]:.3f}, {most[1]:.3f}]{proven}. It was chosen of all attacks by these very "
        "figures, which flatters it."
    )


def upside_down(record: Record) -> list[str]:
    """A warning for each signal that is smaller for members, as a loss without its minus is."""
    unit, warnings = record.config["unit"], []
    for signal in record.config["signals"]:
        for attack in LEAKS:
            area = record.metrics[f"{unit}/{attack}/{signal}/auc"]
            # Beyond chance: as far again as the interval reaches.
            if area.value and area.ci and area.value + 2 * (area.ci[1] - area.value) < 0.5:
                warnings.append(
                    f"Members have smaller values of {signal} than others (AUC of `{attack}` "
                    f"{area.value:.3f}): if it is a loss or a distance, give minus it."
                )
                break
    return warnings


def side_by_side(records: Sequence[Record]) -> Table:
    """A row for each attack and signal, with the figures of each audit beside each other."""
    figures = ("auc", at("tpr", fpr=FPR), "epsilon")
    titles = ("AUC", "TPR at FPR 1 %", "proven epsilon")
    header = ["attack, signal", *(f"{t}: {r.method}" for t in titles for r in records)]
    names = list(dict.fromkeys(
        name.removesuffix("/auc") for record in records for name in record.metrics
        if name.endswith("/auc")
    ))  # fmt: skip
    rows: list[Row] = []
    for name in names:
        cells = [cell([r], f"{name}/{figure}", form=".3f") for figure in figures for r in records]
        rows.append([" on ".join(name.split("/")[1:]), *cells])
    return Table("audits", "The same attacks on several sets of models.", header, rows, [NOTE])


def roc_chart(record: Record, folder: Path) -> str:
    """ROC curves of an audit on its first signal."""
    path = record.path(folder)
    scores, unit, signal = read_scores(path), record.config["unit"], record.config["signals"][0]
    models = record.config["protocol"]["models"]
    members, others = (
        record.metrics[f"{unit}/fit/{signal}/{side}"].n or 1 for side in ("members", "others")
    )
    curves = {
        attack: charts.with_band(scores[f"{unit}/{attack}/{signal}/roc"], members)
        for attack in DRAWN
        if f"{unit}/{attack}/{signal}/roc" in scores
    }
    caption = f"{record.method}: members told from others by {signal}, {models} models"
    return drawing(caption, charts.roc(curves, least=10 / others), [path.stem])


def few_rows(records: Sequence[Record]) -> Table | None:
    """What attacks tell from few shadow models; None where there were never enough."""
    counts = counts_of(records, "few_")
    rows: list[Row] = []
    for record in records:
        unit, signal = record.config["unit"], record.config["signals"][0]
        rows += [[record.method, *line] for line in few_lines([record], unit, counts, signal)]
    header = ["audit", "attack", *(f"AUC with {count}" for count in counts), "with all"]
    return Table("audit_few", "Few shadow models.", header, rows, [FEW]) if counts else None


def group_rows(records: Sequence[Record]) -> Table | None:
    """The AUC within each group; None without groups."""
    rows: list[Row] = []
    for record in records:
        for name in record.metrics:
            if name.startswith("within/"):
                _, group, attack = name.split("/")
                rows.append([record.method, group, attack, cell([record], name, form=".3f")])
    header = ["audit", "group", "attack", "AUC"]
    return Table("audit_groups", "Within each group.", header, rows) if rows else None
