"""TensorBoard events from records: their figures, arranged by the questions that they answer.

docs/metrics.md explains each tag.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.events import Events
from gan_inversion.core.record import Record, Selection, at, read_scores
from gan_inversion.metrics.catalogue import names_of
from gan_inversion.pretrained import SHIPPED
from gan_inversion.reporting import charts, tables
from gan_inversion.reporting.hparams import hparams_events
from gan_inversion.reporting.membership import base_method, epochs_of, is_attack
from gan_inversion.reporting.table import Cell, by_method, cell
from gan_inversion.reporting.transfer import heat_maps

RATES = (1e-2, 1e-3, 1e-4)
SIDES = (160, 80, 40, 20)
RANKS = 20
ENDS = ("", "/low", "/high")  # ends of the tags of a figure and of its interval

PROTOCOLS = ("inversion", "membership", "verification", "search")

Scores = Mapping[str, np.ndarray]


def inversion_events(folder: Path, records: Sequence[Record], scores: Sequence[Scores]) -> None:
    """Write what records say of one inverter's reconstructions, averaged over seeds.

    Args:
        folder: folder for this inverter.
        records: of the `inversion` protocol, one a seed.
        scores: raw scores of each.
    """
    with Events(folder) as writer:
        for name in records[0].config["recognisers"]:
            for figure in ("sar_type1", "sar_type2"):
                for fmr in RATES:
                    figure_cell = cell(records, at(f"{name}/{figure}", fmr=fmr))
                    _point(writer, f"{figure}/{name}", figure_cell, round(1 / fmr))
            _point(writer, f"cosine/{name}", cell(records, f"{name}/cosine_mean"), 0)
            ranks = [arrays[f"{name}/rank"] for arrays in scores if f"{name}/rank" in arrays]
            for rank in range(1, RANKS + 1) if ranks else ():
                share = float((np.concatenate(ranks) <= rank).mean())
                writer.add_scalar(f"cmc/{name}", share, rank)
            for kind in ("type1", "type2"):
                values = [
                    arrays[f"{name}/{kind}"] for arrays in scores if f"{name}/{kind}" in arrays
                ]
                if values:
                    _histogram(writer, f"scores/{name}/{kind}", np.concatenate(values))
        for side in SIDES:
            _point(writer, "swd", cell(records, f"swd/{side}"), side)
        for name in (n for t in ("quality", "realism") for n in names_of(t) if "/" not in n):
            _point(writer, name, cell(records, name), 0)


def verification_events(folder: Path, record: Record, scores: Scores) -> None:
    """Write the scores of real pairs, to compare those of reconstructions with."""
    name = record.victim
    genuine = scores["genuine"].astype(bool)
    with Events(folder) as writer:
        _histogram(writer, f"scores/{name}/genuine", scores["scores"][genuine])
        _histogram(writer, f"scores/{name}/impostor", scores["scores"][~genuine])


def membership_events(folder: Path, records: Sequence[Record], scores: Sequence[Scores]) -> None:
    """Write the outcome of membership attacks on one inverter, by epoch.

    Args:
        folder: folder for this inverter.
        records: of the `membership` protocol, one an epoch.
        scores: raw scores of each.
    """
    with Events(folder) as writer:
        for record, arrays in zip(records, scores, strict=True):
            epoch = epochs_of([record])
            for name in record.metrics:
                if is_attack(name):
                    _point(writer, f"leak/{name}", cell([record], name), epoch)
            for unit in record.config["units"]:
                if f"{unit}/log_mse" in arrays:
                    _membership_curves(writer, unit, arrays, epoch)


def _membership_curves(writer: Events, unit: str, scores: Scores, epoch: int) -> None:
    """Write losses of members and others, and a precision-recall curve of each attack."""
    signal, inside = scores[f"{unit}/log_mse"], scores[f"{unit}/membership"].astype(bool)
    _histogram(writer, f"losses/{unit}/members", -signal[inside], epoch)
    _histogram(writer, f"losses/{unit}/others", -signal[~inside], epoch)
    members, others = int(inside.sum()), int((~inside).sum())
    for name, curve in scores.items():
        parts = name.split("/")
        if parts[0] != unit or parts[-1] != "roc":
            continue
        false, hits = (
            np.rint(rate * count) for rate, count in zip(curve, (others, members), strict=True)
        )
        order = np.argsort(-false, kind="stable")  # TensorBoard expects rising thresholds
        hits, false = hits[order], false[order]
        writer.add_pr_curve_raw(
            f"members/{unit}/{parts[1]}/{parts[2]}",
            hits,
            false,
            others - false,
            members - hits,
            hits / np.maximum(hits + false, 1),
            hits / members,
            epoch,
            num_thresholds=len(hits),
        )


def training_events(folder: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write the losses in the log of one training, as `Run.history` returns it."""
    with Events(folder) as writer:
        for line in lines:
            for name, value in line.items():
                if name.startswith("train_"):
                    writer.add_scalar(name, value, int(line["step"]))


def matrix_events(folder: Path, victims: Mapping[str, Sequence[Record]]) -> None:
    """Draw the transfer matrix of each method that attacks several victims; none if none does.

    Args:
        folder: folder for the images.
        victims: victim -> records.
    """
    if maps := heat_maps(victims):
        with Events(folder) as writer:
            for method, figure in maps.items():
                writer.add_image(f"transfer/{method}", charts.pixels(figure), 0, dataformats="HWC")


def text_events(folder: Path, pages: Mapping[str, str]) -> None:
    """Write pages of Markdown under their names."""
    with Events(folder) as writer:
        for name, page in pages.items():
            writer.add_text(name, page, 0)


def layout(folder: Path, recognisers: Sequence[str], units: Sequence[str]) -> None:
    """Write the layout: a chart for each question, with a line per inverter, and with intervals."""
    lines: dict[str, dict[str, list[Any]]] = {}
    person = lines.setdefault(
        "Is the face accepted as the person? (step: 1 / false match rate)", {}
    )
    margins = lines.setdefault("The same, with intervals", {})
    for name in recognisers:
        for kind, title in (("sar_type1", "Type-I"), ("sar_type2", "Type-II")):
            tag = f"{kind}/{name}"
            person[f"{title} success rate, {name}"] = ["Multiline", [f"^{tag}$"]]
            margins[f"{title}, {name}"] = ["Margin", [tag + end for end in ENDS]]
    lines["Is the person found in a gallery? (step: rank)"] = {
        f"Share found, {name}": ["Multiline", [f"^cmc/{name}$"]] for name in recognisers
    }
    lines["Does it look like a photograph?"] = {
        "Sliced Wasserstein distance (step: side of the level, pixels)": ["Multiline", ["^swd$"]],
        "Two-sample AUC: 0.5 is perfect": ["Multiline", ["^c2st_auc$"]],
    }
    lines["Does it look like the original?"] = {
        "SSIM": ["Multiline", ["^ssim$"]],
        "Cosine to the inverted embedding": ["Multiline", ["^cosine/[^/]+$"]],
    }
    lines["Does training go on?"] = {
        "Loss": ["Multiline", ["^train_loss$"]],
        "Identity: 1 - cosine": ["Multiline", ["^train_identity$"]],
        "1 - SSIM": ["Multiline", ["^train_dissimilarity$"]],
    }
    leak = lines.setdefault("Whom does it remember? (step: epoch)", {})
    for unit in units:
        for attack in ("threshold", "lira_offline_fixed", "rmia_offline"):
            tag = f"leak/{unit}/{attack}/log_mse"
            leak[f"AUC, {unit}s, {attack}"] = ["Margin", [f"{tag}/auc{end}" for end in ENDS]]
        leak[f"AUC, {unit}s, all attacks"] = ["Multiline", [f"^leak/{unit}/.*/log_mse/auc$"]]
        leak[f"TPR at FPR 1 %, {unit}s"] = [
            "Multiline",
            [f"^leak/{unit}/.*/log_mse/tpr_fpr_1e-2$"],
        ]
    with Events(folder) as writer:
        writer.add_custom_scalars({name: charts for name, charts in lines.items() if charts})


def write_all(
    folder: Path,
    records: Mapping[str, Sequence[tuple[Record, Scores]]],
    pages: Mapping[str, str],
    victims: Mapping[str, Sequence[Record]],
) -> None:
    """Write the whole dashboard from records.

    Args:
        folder: folder of the dashboard; each method gets a folder in it.
        records: protocol -> records with their raw scores.
        pages: for the text tab.
        victims: victim -> records of the `inversion` protocol, for the transfer matrix.
    """
    inversions, leaks = records.get("inversion", ()), records.get("membership", ())
    for method, group in by_method([record for record, _ in inversions]).items():
        scores = [arrays for record, arrays in inversions if record.method == method]
        inversion_events(folder / "inversion" / method, group, scores)
    for record, arrays in records.get("verification", ()):
        if not arrays:  # drawn pairs, whose scores are not kept
            continue
        verification_events(folder / "real_pairs" / record.method, record, arrays)
    bases = dict.fromkeys(base_method(record) for record, _ in leaks)
    for base in bases:
        own = [pair for pair in leaks if base_method(pair[0]) == base and not pair[0].seed]
        own.sort(key=lambda pair: epochs_of([pair[0]]))
        membership_events(
            folder / "membership" / base,
            [record for record, _ in own],
            [arrays for _, arrays in own],
        )
    hparams_events(
        folder / "runs",
        [record for record, _ in inversions],
        [record for record, _ in leaks],
        [record for record, _ in records.get("search", ())],
    )
    recognisers = dict.fromkeys(n for record, _ in inversions for n in record.config["recognisers"])
    units = dict.fromkeys(unit for record, _ in leaks for unit in record.config["units"])
    layout(folder / "layout", list(recognisers), list(units))
    matrix_events(folder / "transfer", victims)
    text_events(folder / "pages", pages)


def _point(writer: Events, tag: str, figure: Cell | str, step: int) -> None:
    """Write a figure and its interval, unless the figure is not resolved."""
    if isinstance(figure, Cell) and figure.mean is not None:
        values = (figure.mean, *(figure.interval or ()))
        for end, value in zip(ENDS, values, strict=False):
            writer.add_scalar(tag + end, value, step)


def _histogram(writer: Events, tag: str, values: np.ndarray, step: int = 0) -> None:
    writer.add_histogram(tag, np.asarray(values, "float64"), step, bins="auto")


def read_shipped() -> dict[str, list[tuple[Record, dict[str, np.ndarray]]]]:
    """The record of the shipped generator, in the same form as `read_all` returns records."""
    path = SHIPPED / "inverter" / "record.json"
    return {"inversion": [(Record.read(path), read_scores(path))]}


def read_all(
    records: Path, chosen: Selection
) -> dict[str, list[tuple[Record, dict[str, np.ndarray]]]]:
    """The chosen records by protocol, with their raw scores.

    Raises:
        UserError: there are none.
    """
    chosen_records = {}
    for protocol in PROTOCOLS:
        pairs = tables.read_with_scores(records, protocol, chosen)
        if pairs:
            chosen_records[protocol] = pairs
    if not chosen_records:
        raise UserError(
            f"expected records of {chosen.dataset} in {records}, found none of "
            f"{', '.join(PROTOCOLS)}"
        )
    return chosen_records
