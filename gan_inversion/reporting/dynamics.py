"""How a leak grows: by fit, by the number of shadow models, within one subject, over a folder."""

from collections.abc import Mapping, Sequence
from statistics import median

from gan_inversion.core.record import Metric, Record, at
from gan_inversion.reporting.audited import (
    FIT,
    LEAKS,
    UNITS,
    base_method,
    by_size,
    counts_of,
    epochs_of,
    few_lines,
    figure_title,
)
from gan_inversion.reporting.table import Cell, Row, Table, cell

WITHIN = """\
An AUC is over the images of one subject, who has at least 20; the scores of all targets are pooled,
and intervals resample the images of the subject. `threshold` is what the thesis did: it takes the
images of lower loss for members. `lira` is the offline attack LiRA with one variance, on the same
loss.\
"""
FEW = """\
The signal is log_mse, or the first one that was given. Each image has as many shadow models that
were trained on it as shadow models that were not. `online` attacks and `shadow_classifier` use both
kinds, the other `offline` attacks and `calibrated` only those that were not trained on it.
`quantile` and `threshold` use none; `quantile` is told of other images that they are not members.\
"""
USAGE = """\
Folders are drawn with every share of members from 0 to 1. The share is estimated from how many
images `lira` (offline, one variance) takes for members, and from how often it is right on the other
models, whose members are known. The signal is log_mse, or the first one that was given. The figure
is the mean error of the estimate; always to guess one half gives 0.25. Intervals resample the
models.\
"""
PRESIDENT = "George_W_Bush"  # whose photographs the thesis looked at


def dynamics(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """Leak against fit, by epoch and by number of members."""
    rows: list[Row] = []
    figures = ["auc", *(at("tpr", fpr=fpr) for fpr in (1e-2, 1e-3))]
    header = ["unit", "method", "epochs", "images trained on", "-log MSE of members", "of others"]
    header += [
        f"{attack.split('_')[0]}, loss: {figure_title(f)}" for attack in LEAKS for f in figures
    ]
    for unit in UNITS:
        for method in by_size(groups):
            group = groups[method]
            fit = [cell(group, f"{unit}/{FIT}/log_mse/{side}") for side in ("members", "others")]
            if all(fit) and unit in group[0].config.get("members", {}):
                leaks = [cell(group, f"{unit}/{a}/log_mse/{f}") for a in LEAKS for f in figures]
                members = f"{group[0].config['members'][unit]:,}"
                lead = [unit, base_method(group[0]), str(epochs_of(group)), members]
                rows.append([*lead, *fit, *leaks])
    caption = (
        "Leak against fit: how well members are told from the loss alone, by epochs and by number "
        "of images trained on."
    )
    return Table("membership_dynamics", caption, header, rows, [*notes])


def few(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """What attacks tell from few shadow models, a row for each unit, method and attack."""
    counts = counts_of([group[0] for group in groups.values()], "few_")
    rows: list[Row] = []
    for unit in UNITS:
        for method in by_size(groups):
            group = groups[method]
            if counts_of(group[:1], "few_"):
                rows += [[unit, method, *line] for line in few_lines(group, unit, counts)]
    header = ["unit", "method", "attack", *(f"AUC with {count}" for count in counts), "with all"]
    caption = "Few shadow models: what an auditor learns who can train only so many of a kind."
    return Table("membership_few", caption, header, rows, [FEW, *notes])


def usage(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """How well the share of a folder that was trained on is estimated."""
    sizes = counts_of([group[0] for group in groups.values()], "usage_")
    rows: list[Row] = []
    for method in by_size(groups):
        group = groups[method]
        cells = [cell(group, f"usage_{size}/image", form=".3f") for size in sizes]
        if any(cells):
            lead = [base_method(group[0]), str(group[0].config.get("epochs", "n/a"))]
            rows.append([*lead, *(own or "n/a" for own in cells)])
    header = ["method", "epochs", *(f"error, {size} images" for size in sizes)]
    caption = "A folder: how well the share of its images that were trained on is estimated."
    return Table("membership_usage", caption, header, rows, [USAGE, *notes])


def within(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """Attacks within single subjects: the president, then all subjects with enough images."""
    rows: list[Row] = []
    claims: dict[str, dict[float, Metric]] = {}
    header = ["method", "epochs", "images of his", "threshold AUC", "lira AUC, loss", "subjects"]
    for attack in LEAKS:
        short = attack.split("_")[0]
        header += [f"median {short} AUC, loss", f"{short} interval above 0.5"]
    for method in by_size(groups):
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


def claim(method: str, by_epoch: Mapping[float, Metric]) -> str:
    """A sentence that says from which epoch on the thesis' claim holds, if it does.

    Args:
        method: its name without epochs.
        by_epoch: epochs -> AUC of the loss threshold within the president's images, ascending.
    """
    shown = [metric.ci is not None and metric.ci[0] > 0.5 for metric in by_epoch.values()]
    since = [epoch for place, epoch in enumerate(by_epoch) if all(shown[place:])]
    holds = f"is shown from epoch {since[0]} on" if since else "cannot be shown"
    values = ", ".join(f"{metric.value:.3f} after {epoch}" for epoch, metric in by_epoch.items())
    return (
        f"{method}: the claim that the president's training images are recognised by their lower "
        f"loss {holds} (AUC {values})."
    )
