"""What TensorBoard shows beside curves: charts of single figures as images, and pages as text."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gan_inversion.core.events import Events
from gan_inversion.core.record import Record, at
from gan_inversion.metrics.catalogue import title
from gan_inversion.reporting import charts
from gan_inversion.reporting.balance import balance, balance_chart
from gan_inversion.reporting.hparams import Row, write_columns
from gan_inversion.reporting.table import Cell, cell
from gan_inversion.reporting.transfer import heat_maps

# In Markdown, what leads nowhere in TensorBoard: pictures, directives of the site, links to files.
PICTURE = re.compile(r"^!\[.*?\]\(.*?\)$", re.MULTILINE)
DIRECTIVE = re.compile(r"^```\{.*?^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")
LISTED = re.compile(r"^(\w+)$", re.MULTILINE)  # a page in the list of contents of the first page


def overview_events(
    folder: Path,
    rows: Sequence[Row],
    groups: Mapping[str, Sequence[Record]],
    leaks: Sequence[Record],
    victims: Mapping[str, Sequence[Record]],
) -> None:
    """Draw what has one value for each inverter, and the transfer matrix of several victims.

    Args:
        folder: folder for the images.
        rows: of the HParams tab, whose columns are declared here.
        groups: method -> records of the `inversion` protocol, one a seed.
        leaks: records of the `membership` protocol.
        victims: victim -> records of the `inversion` protocol.
    """
    figures = {}
    if balance(leaks):
        figures["1_quality_against_leak"] = balance_chart(leaks, charts.SMALL)
    for words, values in _panels(groups).items():
        figures[f"2_one_by_one/{words}"] = charts.ranking(list(groups), values, words)
    figures |= {f"transfer/{method}": figure for method, figure in heat_maps(victims).items()}
    with Events(folder) as writer:
        write_columns(writer, rows)
        for tag, figure in figures.items():
            writer.add_image(tag, charts.pixels(figure), 0, dataformats="HWC")


def _panels(groups: Mapping[str, Sequence[Record]]) -> dict[str, np.ndarray]:
    """Title of a figure that some method has -> its value, low and high for every method."""
    names = dict.fromkeys(n for group in groups.values() for n in group[0].config["recognisers"])
    metrics = {at(f"{n}/sar_type2", fmr=1e-3): f"type-II SAR, {n}" for n in names}
    metrics |= {name: title(name) for name in ("ssim", "swd/mean", "c2st_auc")}
    panels = {}
    for metric, words in metrics.items():
        rows = np.full((len(groups), 3), np.nan)
        for row, group in zip(rows, groups.values(), strict=True):
            figure = cell(group, metric)
            if isinstance(figure, Cell) and figure.mean is not None:
                row[:] = figure.mean, *(figure.interval or (figure.mean, figure.mean))
        if np.isfinite(rows).any():
            panels[words] = rows
    return panels


def read_pages(folder: Path) -> dict[str, str]:
    """Pages of Markdown in reading order, without what leads nowhere in TensorBoard."""
    pages = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    order = ["index", *LISTED.findall(pages.get("index", "")), *pages]
    names = [name for name in dict.fromkeys(order) if name in pages]
    bare = {name: DIRECTIVE.sub("", PICTURE.sub("", pages[name])) for name in names}
    return {name: FILE.sub(r"\1", page) for name, page in bare.items()}


def text_events(folder: Path, pages: Mapping[str, str]) -> None:
    """Write pages of Markdown under their names, in their order."""
    with Events(folder) as writer:
        for place, (name, page) in enumerate(pages.items(), 1):
            writer.add_text(f"{place:02}_{name}", page, 0)
