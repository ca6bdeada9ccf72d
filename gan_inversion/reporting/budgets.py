"""Conditional GANs by the number of images that they have seen, and where that curve would go."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from gan_inversion.cgan.options import FAMILY
from gan_inversion.core.record import Record
from gan_inversion.metrics.catalogue import title
from gan_inversion.reporting.comparison import LEAD, Comparison, success
from gan_inversion.reporting.table import Table

REALISM = "swd/mean"
LENGTH = ("steps", "warmup", "interval", "precision")  # how long, and in which arithmetic
MORE = (1_000_000, 3_000_000)  # images that nobody has shown yet


def budgets(runs: Comparison) -> Table | None:
    """Realism and success by images seen; None without two such trainings.

    Args:
        runs: records of one victim; those trained without a discriminator are left out.
    """
    groups = {name: runs.groups[name] for name in runs.whole}
    groups = {
        name: group
        for name, group in groups.items()
        if group[0].trained["family"] == FAMILY and group[0].trained["options"].get("adversarial")
    }
    if len(groups) < 2:
        return None
    names = sorted(groups, key=lambda name: _images(groups[name][0]))
    titles = {name: title(name) for name in (REALISM, "c2st_auc", "ssim")}
    titles |= success(runs.recognisers)
    rows = runs.rows(names, [*titles])
    for row, name in zip(rows, names, strict=True):
        first = groups[name][0]
        row[1:1] = [f"{_images(first):,}", f"{_images(first, judged=True):,}"]
    note = (
        "SAR is at an FMR of 0.1 %. Images seen are steps times images in a step; the first steps "
        "have no discriminator. "
        f"There are {groups[names[0]][0].config['training_images']:,} training images, so that "
        "each is seen several times."
    )
    return Table(
        "inversion_budgets",
        "Conditional GANs by the number of images that they were trained on.",
        [LEAD[0], "images seen", "with a discriminator", *LEAD[1:], *titles.values()],
        rows,
        [note, *_prospects(groups), *runs.notes],
    )


def _images(record: Record, *, judged: bool = False) -> int:
    """Images that a training has seen; with `judged`, those that a discriminator saw too."""
    options = record.trained["options"]
    steps = options["steps"] - (options["warmup"] if judged else 0)
    return int(steps * options["batch_size"])


def _prospects(groups: dict[str, Sequence[Record]]) -> list[str]:
    """Where SWD would go: a sentence for trainings that differ in their length only."""
    alike: dict[str, list[str]] = {}
    for name, (record, *_) in groups.items():
        rest = {k: v for k, v in record.trained["options"].items() if k not in LENGTH}
        alike.setdefault(repr(sorted(rest.items())), []).append(name)
    sentences = []
    for names in alike.values():
        counts = np.log([_images(groups[name][0]) for name in names])
        if len(set(counts)) < 2:
            continue
        values = [[r.metrics[REALISM].value or np.nan for r in groups[name]] for name in names]
        slope, start = np.polyfit(counts, np.log([np.mean(seeds) for seeds in values]), 1)
        every = [np.polyfit(counts, np.log(seeds), 1)[0] for seeds in product(*values)]
        shown = [np.exp(start + slope * np.log(more)) for more in MORE]
        sentences.append(
            f"{' and '.join(names)} are the same but for their length and arithmetic: with each "
            f"doubling of the images seen, {title(REALISM)} becomes {2**slope:.2f} times what it "
            f"was ({2 ** min(every):.2f} to {2 ** max(every):.2f} by seed). If it went "
            f"on so, it would be {shown[0]:.0f} after {MORE[0]:,} images and {shown[1]:.0f} after "
            f"{MORE[1]:,}; that has not been tried."
        )
    return sentences
