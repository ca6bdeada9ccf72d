"""The tables of the `membership` protocol: what an inverter remembers of whom it was trained on."""

from collections.abc import Mapping, Sequence
from statistics import median

from gan_inversion.core.record import Metric, Record, at
from gan_inversion.metrics.catalogue import title
from gan_inversion.reporting.table import Cell, Row, Table, by_method, cell, check_same, footer

NOTE = """\
A larger score means that an image, or a subject, is more likely a member. Every model is in turn
the target model, and the others are its shadow models. For each row of the signals one shadow model
is left out, so that the number of shadow models that were trained on it does not depend on whether
the target was. The scores of all targets are pooled. The AUC is 0.5 by chance. Balanced accuracy is
that of the best threshold, which is chosen on these very scores. TPR is the true positive rate at a
false positive rate (FPR); it is n/a where fewer than 10 false positives would decide it. Intervals
resample subjects. Proven epsilon: no training that is differentially private (delta 1e-5) with a
smaller epsilon allows this success, at 95 % confidence. For it, the threshold and the rates come
from different subjects, and the targets are taken as independent.\
"""

WITHIN = """\
An AUC is over the images of one subject, who has at least 20; the scores of all targets are pooled,
and intervals resample the images of the subject. `threshold` is what the thesis did: it takes the
images of lower loss for members. `lira` is the offline attack LiRA with one variance, on the same
loss.\
"""
FEW = """\
The signal is log_mse, or the first one that was given. Each image has as many shadow models that
were trained on it as shadow models that were not; `online` attacks use both kinds, the others only
those that were not trained on it. `quantile` and `threshold` use none; `quantile` is told of other
images that they are not members.\
"""
PRESIDENT = "George_W_Bush"  # whose photographs the thesis looked at
FIT = "fit"  # in names, instead of an attack: mean signals
DEPTH = 3  # slashes in the name of an attack's figure: unit/attack/signal/figure
EPSILONS = """\
The claimed epsilon is that of differential privacy (delta 1e-5, one image more or less) that the
training keeps. The proven epsilon is the least that the success of `lira` on images allows.\
"""
LEDGER = """\
Both halves of a row are about the same trained models. SAR says how often the victim accepts their
reconstructions of people on whom no model was trained (FMR 0.1 %). AUC and TPR say how well an
attacker finds the images that the models were trained on. `threshold` is a threshold on the signal
log_mse alone; `lira` is the offline attack LiRA with one variance, on all signals of the study.\
"""
CLAIMED = "epsilon"  # of differential privacy, in the options of an inverter
UNITS = ("image", "subject")  # what can be a member: an image or a subject
TOGETHER = "together"  # in names, instead of a signal: all signals at once
CURVES = ("threshold", "lira_offline_fixed", "rmia_offline")  # attacks whose curves are drawn
LEAKS = ("threshold", "lira_offline_fixed")  # attacks in the overviews: plain and strong


def membership(records: Sequence[Record]) -> list[Table]:
    """The ledger, and a table for each unit with a row for each method, signal and attack.

    Args:
        records: of one protocol and dataset.
    """
    check_same(records, "protocol_hash", "data_digest", "victim_digest")
    groups = by_method(records)
    names = [name for record in records for name in record.metrics if is_attack(name)]
    lines = list(dict.fromkeys(tuple(name.split("/")[:3]) for name in names))
    figures = list(dict.fromkeys(name.split("/")[3] for name in names))
    ours = all("members" in record.config for record in records)
    notes = [footer(records, "shadows" if ours else "membership")]
    tables = []
    for unit in dict.fromkeys(line[0] for line in lines):
        rows: list[Row] = []
        sizes: set[int] = set()
        for method, group in groups.items():
            for attack, signal in (line[1:] for line in lines if line[0] == unit):
                cells = [cell(group, f"{unit}/{attack}/{signal}/{name}") for name in figures]
                if any(cells):
                    rows.append([method, signal, attack, str(len(group)), *cells])
                    sizes |= {part.n or 0 for part in cells if isinstance(part, Cell)}
        size = (
            f"The largest row has {max(sizes, default=0):,} scores; the smallest has "
            f"{min(sizes, default=0):,} scores of non-members."
        )
        tables.append(
            Table(
                f"membership_{unit}",
                f"Membership of {unit}s: what attacks tell from the signals of trained models.",
                ["method", "signal", "attack", "seeds", *map(_title, figures)],
                rows,
                [NOTE, size, *notes],
            )
        )
    return [*overviews(records), *tables]


def overviews(records: Sequence[Record]) -> list[Table]:
    """Tables of the ledger, the dynamics and single subjects, if records have figures for them."""
    groups, notes = by_method(records), [footer(records, "shadows")]
    tables = [view(groups, notes) for view in (_ledger, _dynamics, _few, _within)]
    return [table for table in tables if table.rows]


def is_attack(name: str) -> bool:
    """Whether a metric is a figure of an attack."""
    return name.count("/") == DEPTH and name.split("/")[1] != FIT


def _ledger(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """What reconstruction gains beside what it gives away, a row for each method that has both."""
    rows: list[Row] = []
    few: list[str] = []  # methods whose study has one signal
    header = ["method", "knowledge", "epochs", "members", "type-I SAR", "type-II SAR"]
    shown = ("auc", at("tpr", fpr=1e-2))
    attacks = ("threshold, loss", "lira, all signals")
    header += [f"{attack}: {_title(figure)}" for attack in attacks for figure in shown]
    private = any(CLAIMED in group[0].config.get("inverter", {}) for group in groups.values())
    header += ["claimed epsilon", "proven epsilon"] if private else []
    for method in _by_size(groups):
        group = groups[method]
        name, config = group[0].victim, group[0].config
        rates = [cell(group, at(f"{name}/sar_type{kind}", fmr=1e-3), form=".3f") for kind in (1, 2)]
        if any(rates):
            plain = [cell(group, f"image/{LEAKS[0]}/log_mse/{f}", form=".3f") for f in shown]
            strong = [cell(group, strongest(group[0], f), form=".3f") for f in shown]
            lead = [base_method(group[0]), group[0].knowledge or "", str(config["epochs"])]
            row = [*lead, f"{config['members']['image']:,}", *rates, *plain, *strong]
            if TOGETHER not in strongest(group[0], "auc"):
                few.append(base_method(group[0]))
            if private:
                claimed = config["inverter"].get(CLAIMED, "none")
                proven = cell(group, strongest(group[0], CLAIMED), form=".2f")
                row += [str(claimed), proven]
            rows.append(row)
    caption = "The leakage ledger: success of reconstruction beside success of membership attacks."
    remarks = [LEDGER, EPSILONS] if private else [LEDGER]
    if few:
        names = ", ".join(dict.fromkeys(few))
        remarks.append(f"The study of {names} had one signal only, log_mse.")
    largest: dict[str, int] = {}
    for record, *_ in groups.values():
        if size := record.config.get("members", {}).get("image"):
            family = record.trained["family"]
            largest[family] = max(largest.get(family, 0), size)
    if largest:
        sizes = ", ".join(f"{family} {size:,}" for family, size in sorted(largest.items()))
        remarks.append(
            f"Images of the largest study of each family: {sizes}. How much a family of which only "
            "a small study exists gives away of more images has not been measured."
        )
    return Table("membership_ledger", caption, header, rows, [*remarks, *notes])


def strongest(record: Record, figure: str) -> str:
    """Name of a figure of the strong attack on images, on all signals that the study asked for."""
    name = f"image/{LEAKS[1]}/{TOGETHER}/{figure}"
    return name if name in record.metrics else f"image/{LEAKS[1]}/log_mse/{figure}"


def _dynamics(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """Leak against fit, by epoch and by number of members."""
    rows: list[Row] = []
    figures = ["auc", *(at("tpr", fpr=fpr) for fpr in (1e-2, 1e-3))]
    header = ["unit", "method", "epochs", "members", "-log MSE of members", "of others"]
    header += [f"{attack.split('_')[0]}, loss: {_title(f)}" for attack in LEAKS for f in figures]
    for unit in UNITS:
        for method in _by_size(groups):
            group = groups[method]
            fit = [cell(group, f"{unit}/{FIT}/log_mse/{side}") for side in ("members", "others")]
            if all(fit) and unit in group[0].config.get("members", {}):
                leaks = [cell(group, f"{unit}/{a}/log_mse/{f}") for a in LEAKS for f in figures]
                members = f"{group[0].config['members'][unit]:,}"
                lead = [unit, base_method(group[0]), str(epochs_of(group)), members]
                rows.append([*lead, *fit, *leaks])
    caption = (
        "Leak against fit: how well members are told from the loss alone, by epochs and by number "
        "of members."
    )
    return Table("membership_dynamics", caption, header, rows, [*notes])


def _few(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """What attacks tell from few shadow models, a row for each unit, method and attack."""
    counts = sorted({int(count) for group in groups.values() for count in few_of(group[0])})
    rows: list[Row] = []
    for unit in UNITS:
        for method in _by_size(groups):
            group = groups[method]
            if not any(name.startswith("few_") for name in group[0].metrics):
                continue
            for attack in attacks_on(group[0], unit):
                names = [f"few_{count}/{unit}/{attack}" for count in counts]
                cells = [cell(group, name, form=".3f") or "n/a" for name in names]
                everyone = cell(group, f"{unit}/{attack}/log_mse/auc", form=".3f")
                rows.append([unit, method, attack, *cells, everyone])
    header = ["unit", "method", "attack", *(f"AUC with {count}" for count in counts), "with all"]
    caption = "Few shadow models: what an auditor learns who can train only so many of a kind."
    return Table("membership_few", caption, header, rows, [FEW, *notes])


def few_of(record: Record) -> list[str]:
    """The numbers of shadow models of each kind that a record has figures for."""
    few = [name.partition("/")[0] for name in record.metrics if name.startswith("few_")]
    return list(dict.fromkeys(name.removeprefix("few_") for name in few))


def attacks_on(record: Record, unit: str, signal: str = "log_mse") -> list[str]:
    """Names of the attacks that were given this signal alone."""
    ends = f"{unit}/", f"/{signal}/auc"
    names = [name for name in record.metrics if name.startswith(ends[0]) and name.endswith(ends[1])]
    return [name.removeprefix(ends[0]).removesuffix(ends[1]) for name in names]


def _within(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """Attacks within single subjects: the president, then all subjects with enough images."""
    rows: list[Row] = []
    claims: dict[str, dict[int, Metric]] = {}
    header = ["method", "epochs", "images of his", "threshold AUC", "lira AUC", "subjects"]
    for attack in LEAKS:
        short = attack.split("_")[0]
        header += [f"median {short} AUC", f"{short} interval above 0.5"]
    for method in _by_size(groups):
        first, epochs = groups[method][0], epochs_of(groups[method])
        own = [cell(groups[method], f"within/{PRESIDENT}/{attack}") for attack in LEAKS]
        if not all(own):
            continue
        line: list[Cell | str] = [
            base_method(first),
            str(epochs),
            str(getattr(own[0], "n", "")),
            *own,
        ]
        for place, attack in enumerate(LEAKS):
            own_figures = [
                metric
                for name, metric in first.metrics.items()
                if name.startswith("within/") and name.endswith(f"/{attack}")
            ]
            values = [metric.value for metric in own_figures if metric.value is not None]
            above = sum(metric.ci is not None and metric.ci[0] > 0.5 for metric in own_figures)
            line += [str(len(own_figures))] if place == 0 else []
            line += [f"{median(values):.4f}", f"{above} of {len(own_figures)}"]
        rows.append(line)
        claims.setdefault(base_method(first), {})[epochs] = first.metrics[
            f"within/{PRESIDENT}/{LEAKS[0]}"
        ]
    sentences = [claim(name, by_epoch) for name, by_epoch in claims.items()]
    caption = "Within one subject: the thesis' president, and everyone with as many images."
    return Table("membership_within", caption, header, rows, [WITHIN, *sentences, *notes])


def claim(method: str, by_epoch: Mapping[int, Metric]) -> str:
    """A sentence that says from which epoch on the thesis' claim holds, if it does.

    Args:
        method: its name without epochs.
        by_epoch: epochs -> AUC of the loss threshold within the president's images, ascending.
    """
    shown = [metric.ci is not None and metric.ci[0] > 0.5 for metric in by_epoch.values()]
    since = [epoch for place, epoch in enumerate(by_epoch) if all(shown[place:])]
    holds = f"holds from epoch {since[0]} on" if since else "cannot be shown"
    values = ", ".join(f"{metric.value:.3f} after {epoch}" for epoch, metric in by_epoch.items())
    return (
        f"{method}: the claim that the president's training images are recognised by their lower "
        f"loss {holds} (AUC {values})."
    )


def _by_size(groups: Mapping[str, Sequence[Record]]) -> list[str]:
    """Methods by name, then by the number of their members, then by epochs."""

    def place(method: str) -> tuple[str, int, int]:
        members = groups[method][0].config.get("members", {})
        name = groups[method][0].trained["preset"]
        return name, min(members.values(), default=0), epochs_of(groups[method])

    return sorted(groups, key=place)


def base_method(record: Record) -> str:
    """A method's name without its epochs."""
    return str(record.trained["name"])


def epochs_of(group: Sequence[Record]) -> int:
    return int(group[0].config.get("epochs", 0))


def _title(figure: str) -> str:
    """What a figure of an attack is called in the header."""
    return title(f"unit/attack/signal/{figure}")
