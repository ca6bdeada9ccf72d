"""Charts of report and dashboard, drawn from records: figures, and self-contained SVG."""

import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from gan_inversion.metrics.intervals import clopper_pearson

BINS = 80
SIZE = (6.4, 4.0)  # inches
DIGITS = re.compile(r"(\d\.\d\d)\d+")  # of a coordinate, in points
# Of charts as SVG: the same data give the same file, and words are text, not outlines.
STABLE: Any = {"svg.hashsalt": "gan_inversion", "svg.fonttype": "none"}
SMALL = (4.2, 3.0)  # inches, where a chart is shown 300 pixels wide
SOLID = ("-", "--", ":", "-.")
BESIDE: dict[str, Any] = {"fontsize": 8, "loc": "upper left", "bbox_to_anchor": (1, 1)}
NEAR = 0.05  # share of an axis within which only one of several points gets its number
TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)  # of a scale of square roots
MARKERS = ("o-", "s-", "^-", "D-", "v-", "P-", "X-", "*-")


def svg(figure: Figure) -> str:
    """A figure as an `svg` element for a page."""
    file = io.StringIO()
    with mpl.rc_context(STABLE):
        figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = file.getvalue()
    return DIGITS.sub(r"\1", text[text.index("<svg") :])


def roc(curves: Mapping[str, np.ndarray], *, least: float) -> str:
    """ROC curves on logarithmic axes with the bands of their true positive rates.

    Args:
        curves: attack -> float (4, P): false and true positive rates, and the low and high ends
            of the intervals of the latter.
        least: false positive rate below which nothing is resolved.
    """
    figure, axes = _axes(
        "false positive rate: others taken for members", "true positive rate: members found"
    )
    for place, (name, (false, hits, low, high)) in enumerate(curves.items()):
        # From the left edge on, with the rate of the last threshold that lies beyond it.
        first = max(0, int(np.searchsorted(false, least, side="right")) - 1)
        rates = np.maximum(false[first:], least)
        axes.plot(rates, hits[first:], SOLID[place % len(SOLID)], label=name)
        axes.fill_between(rates, low[first:], high[first:], alpha=0.15)
    ends = np.array([least, 1])
    axes.plot(ends, ends, color="grey", linewidth=0.8, label="chance")
    # A perfect attack would else run along the frame.
    axes.set(xscale="log", yscale="log", xlim=(least, 1), ylim=(least, 1.1))
    axes.legend(**BESIDE)
    return svg(figure)


def with_band(curve: np.ndarray, members: int) -> np.ndarray:
    """A curve (2, P) with the ends of the true positive rates' intervals, (4, P)."""
    ends = clopper_pearson(np.rint(curve[1] * members), members)
    return np.concatenate([curve, np.array(ends)])


def histogram(scores: Mapping[str, np.ndarray], label: str, threshold: float | None = None) -> str:
    """Densities of several kinds of scores.

    Args:
        scores: kind -> (N,).
        label: of the axis.
        threshold: drawn as a line.
    """
    figure, axes = _axes(label, "density")
    values = np.concatenate(list(scores.values()))
    low, high = np.quantile(values, (0.0005, 0.9995)).tolist()
    edges = np.linspace(low, high, BINS)
    for name, own in scores.items():
        axes.hist(own, edges, density=True, histtype="step", label=f"{name} ({len(own):,})")
    if threshold is not None:
        axes.axvline(threshold, color="grey", linewidth=0.8, label="threshold, FMR 0.1 %")
    axes.legend(**BESIDE)
    return svg(figure)


def front(points: Mapping[Any, tuple[float, float]]) -> list[Any]:
    """The Pareto front: names of points that no other beats (more x, less y), right to left."""
    names, least = [], np.inf
    for name, (_, y) in sorted(points.items(), key=lambda item: (-item[1][0], item[1][1])):
        if y < least:
            names.append(name)
            least = y
    return names


def pareto(
    points: Mapping[tuple[str, float], tuple[float, float]],
    across: str,
    up: str,
    mark: str,
    size: tuple[float, float] = SIZE,
    *,
    bounds: Mapping[Any, tuple[tuple[float, float], tuple[float, float]]] = MappingProxyType({}),
) -> Figure:
    """A chart of gain (x, more is better) against leak (y, less is better), both shares.

    Scales are of square roots, so that small shares lie apart. A line joins the points of the
    Pareto front.

    Args:
        points: name and number -> x and y; points of one name have one colour and are joined.
        across, up: labels of the axes.
        mark: what the number beside each point means.
        size: of the chart without its legend, inches.
        bounds: name and number -> low and high of x, and of y.
    """
    figure, axes = _axes(across, up, size)
    for key, ends in bounds.items():
        for axis, (low, high) in enumerate(ends):
            bar = np.array([points[key], points[key]])
            bar[:, axis] = low, high
            axes.plot(*bar.T, color="grey", linewidth=0.8, alpha=0.6, zorder=0)
    spread = np.ptp(np.sqrt(list(points.values())), axis=0) + 1e-9
    labelled: list[np.ndarray] = []  # places of numbers, as shares of the axes
    line = np.array([points[key] for key in front(points)])
    words = "best trade-offs: none gains more for less leak"
    axes.plot(*line.T, color="grey", linewidth=4, alpha=0.25, zorder=0, label=words)
    for place, name in enumerate(dict.fromkeys(name for name, _ in points)):
        own = {number: point for (key, number), point in points.items() if key == name}
        path = np.array([own[number] for number in sorted(own)])
        axes.plot(*path.T, MARKERS[place % len(MARKERS)], linewidth=0.8, label=name)
        for number, point in own.items():
            here = np.sqrt(point) / spread
            if any(np.abs(here - there).max() < NEAR for there in labelled):
                continue  # numbers on top of each other can't be read
            labelled.append(here)
            style = {"textcoords": "offset points", "xytext": (5, 4), "fontsize": 8}
            axes.annotate(str(number), point, **style)
    most = 1.08 * np.array([*points.values(), *(np.transpose(ends)[1] for ends in bounds.values())])
    for scale, limit, ticks, highest in (
        (axes.set_xscale, axes.set_xlim, axes.set_xticks, most[:, 0].max()),
        (axes.set_yscale, axes.set_ylim, axes.set_yticks, most[:, 1].max()),
    ):
        scale("function", functions=(np.sqrt, np.square))
        limit(0, highest)
        shown = [tick for tick in TICKS if tick <= highest]
        ticks(shown, [f"{tick:g}" for tick in shown])
    # A legend beside it would leave a narrow chart no room.
    handles, labels = axes.get_legend_handles_labels()
    below: dict[str, Any] = {"fontsize": 7, "title": f"beside each point: {mark}"}
    figure.legend(handles, labels, loc="outside lower center", ncols=2, title_fontsize=7, **below)
    figure.set_size_inches(size[0], size[1] + 0.09 * len(labels))
    return figure


def ranking(methods: Sequence[str], values: np.ndarray, label: str) -> Figure:
    """One bar a method, with intervals.

    Args:
        methods: names, from the top down.
        values: float (methods, 3): value, low and high; NaN where there is none.
        label: of the axis.
    """
    figure, axes = _axes(label, "", size=SMALL)
    rows, (value, low, high) = np.arange(len(methods)), np.asarray(values, float).T
    axes.barh(rows, value, color="#4477aa", height=0.6)
    axes.errorbar(
        value, rows, xerr=np.abs([value - low, high - value]), fmt="none", ecolor="black", capsize=2
    )
    for row in rows[np.isnan(value)]:  # an empty bar would be read as 0
        axes.text(0, row, " not yet", va="center", fontsize=8, color="grey")
    axes.set_yticks(rows, methods)
    axes.invert_yaxis()
    return figure


def bars(groups: Sequence[str], lines: Mapping[str, Sequence[tuple[float, float, float]]]) -> str:
    """Values with intervals by group, with the methods side by side.

    Args:
        groups: names along the axis.
        lines: method -> value, low and high of each group.
    """
    figure, axes = _axes("", "type-I cosine")
    for place, (name, cells) in enumerate(lines.items()):
        values = np.array(cells)
        x = np.arange(len(groups)) + (place - (len(lines) - 1) / 2) * 0.6 / len(lines)
        spread = np.abs(values[:, 1:] - values[:, :1]).T
        axes.errorbar(x, values[:, 0], spread, fmt="o", markersize=4, capsize=2, label=name)
    axes.set_xticks(range(len(groups)), groups, fontsize=8)
    axes.legend(**BESIDE)
    return svg(figure)


def pixels(figure: Figure) -> np.ndarray:
    """A figure as an image, uint8 (H, W, 3)."""
    data = io.BytesIO()
    figure.savefig(data, format="png", bbox_inches="tight")
    return np.asarray(Image.open(data).convert("RGB"))


def heat(rows: Sequence[str], columns: Sequence[str], values: np.ndarray) -> Figure:
    """Shares as colours, with the figures written on them.

    Args:
        rows, columns: names of victims and of judges.
        values: float (rows, columns) in [0, 1]; NaN where nothing was measured.
    """
    figure, axes = _axes("judge", "victim")
    axes.imshow(values, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "black" if value > 0.6 else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    return figure


def _axes(across: str, up: str, size: tuple[float, float] = SIZE) -> tuple[Figure, Any]:
    figure = Figure(size, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
