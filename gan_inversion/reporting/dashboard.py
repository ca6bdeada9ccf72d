"""TensorBoard events from records: their figures, arranged by the questions that they answer.

docs/metrics.md explains each tag.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.events import Events
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Record, Selection, at, read_scores
from gan_inversion.inverters.families import group_of
from gan_inversion.pretrained import SHIPPED
from gan_inversion.protocols.membership.audit import STRONG
from gan_inversion.reporting import tables
from gan_inversion.reporting.audited import CURVES, base_method, is_attack, moment_of, plural
from gan_inversion.reporting.hparams import Row, row_of, trials_of, write_row
from gan_inversion.reporting.overview import overview_events, text_events
from gan_inversion.reporting.summary import audits_of
from gan_inversion.reporting.table import Cell, by_method, cell

RATES = (1e-2, 1e-3, 1e-4)
SIDES = (20, 40, 80, 160)  # rising: TensorBoard drops what is behind an earlier step
RANKS = 20
PLAINEST = [[attack, "log_mse"] for attack in CURVES]
ENDS = ("", "/low", "/high")  # ends of the tags of a figure and of its interval

PROTOCOLS = ("inversion", "membership", "verification", "search")

Scores = Mapping[str, np.ndarray]


def inversion_events(
    folder: Path, records: Sequence[Record], scores: Sequence[Scores], row: Row
) -> None:
    """Write what records say of one inverter's reconstructions, averaged over seeds.

    Args:
        folder: folder for this inverter.
        records: of the `inversion` protocol, one a seed.
        scores: raw scores of each.
        row: of the HParams tab.
    """
    with Events(folder) as writer:
        for name in records[0].config["recognisers"]:
            for figure in ("sar_type1", "sar_type2"):
                for fmr in RATES:
                    figure_cell = cell(records, at(f"{name}/{figure}", fmr=fmr))
                    _point(writer, f"{figure}/{name}", figure_cell, round(-np.log10(fmr)))
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
        write_row(writer, row)


def verification_events(folder: Path, record: Record, scores: Scores) -> None:
    """Write the scores of real pairs, to compare those of reconstructions with."""
    name = record.victim
    genuine = scores["genuine"].astype(bool)
    with Events(folder) as writer:
        _histogram(writer, f"scores/{name}/genuine", scores["scores"][genuine])
        _histogram(writer, f"scores/{name}/impostor", scores["scores"][~genuine])


def membership_events(
    folder: Path,
    records: Sequence[Record],
    scores: Sequence[Scores],
    row: Row,
    *,
    whole: bool,
) -> None:
    """Write the outcome of membership attacks on one inverter, by epoch or share.

    Args:
        folder: folder for this inverter.
        records: of the `membership` protocol, one an epoch.
        scores: raw scores of each.
        row: of the HParams tab.
        whole: whether to write the figures of all attacks, whatever their number of epochs; else
            those of the plainest attacks, by epoch.
    """
    with Events(folder) as writer:
        for record, arrays in zip(records, scores, strict=True):
            epoch = moment_of(record)
            for name in record.metrics:
                plain = len(records) > 1 and name.split("/")[1:3] in PLAINEST
                if is_attack(name) and (whole or plain):
                    _point(writer, f"leak/{name}", cell([record], name), epoch)
            for unit in record.config["units"]:
                if f"{unit}/log_mse" in arrays:
                    _membership_curves(writer, unit, arrays, epoch)
        write_row(writer, row)


def _membership_curves(writer: Events, unit: str, scores: Scores, epoch: int) -> None:
    """Write losses of members and others, and precision-recall curves of the attacks drawn."""
    signal, inside = scores[f"{unit}/log_mse"], scores[f"{unit}/membership"].astype(bool)
    _histogram(writer, f"losses/{unit}/members", -signal[inside], epoch)
    _histogram(writer, f"losses/{unit}/others", -signal[~inside], epoch)
    members, others = int(inside.sum()), int((~inside).sum())
    for name, curve in scores.items():
        parts = name.split("/")
        if parts[0] != unit or parts[-1] != "roc" or parts[1:3] not in PLAINEST:
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


def layout(
    folder: Path, recognisers: Sequence[str], units: Sequence[str], *, several: bool, training: bool
) -> None:
    """Write the layout: a chart for each question, with a line per inverter, and with intervals.

    Args:
        folder: folder for the event.
        recognisers: victim and judges.
        units: of the audited membership.
        several: whether an inverter was audited after several epochs.
        training: whether there are logs of trainings.
    """
    lines: dict[str, dict[str, list[Any]]] = {}
    rates = "2: false match rate of 1 %, 3: 0.1 %, 4: 0.01 %"
    person = lines.setdefault(f"Is the face accepted as the person? (step {rates})", {})
    margins: dict[str, list[Any]] = {}
    for name in recognisers:
        for kind, words in (("sar_type1", "Type-I"), ("sar_type2", "Type-II")):
            tag = f"{kind}/{name}"
            person[f"{words} success rate, {name}"] = ["Multiline", [f"^{tag}$"]]
            margins[f"{words}, {name}"] = ["Margin", [tag + end for end in ENDS]]
    # TensorBoard shows charts with margins in reverse order.
    lines["The same, with intervals"] = dict(reversed(margins.items()))
    lines["Is the person found in a gallery? (step: rank)"] = {
        f"Share found, {name}": ["Multiline", [f"^cmc/{name}$"]] for name in recognisers
    }
    if recognisers:
        lines["Does it look like a photograph? (step: side of the level, pixels)"] = {
            "Sliced Wasserstein distance (lower is better)": ["Multiline", ["^swd$"]]
        }
    if training:
        lines["Does training go on?"] = {
            "Loss": ["Multiline", ["^train_loss$"]],
            "Identity: 1 - cosine": ["Multiline", ["^train_identity$"]],
            "1 - SSIM": ["Multiline", ["^train_dissimilarity$"]],
        }
    leak = lines.setdefault("Whom does it remember? (step: epoch, or per cent of the training)", {})
    for unit in units if several else ():
        for attack in CURVES:
            tag = f"leak/{unit}/{attack}/log_mse"
            leak[f"AUC, {plural(unit)}, {attack}"] = ["Margin", [f"{tag}/auc{end}" for end in ENDS]]
        tag = f"leak/{unit}/{STRONG}/log_mse/tpr_fpr_1e-2"
        leak[f"TPR at FPR 1 %, {plural(unit)}, {STRONG}"] = ["Multiline", [f"^{tag}$"]]
    with Events(folder) as writer:
        writer.add_custom_scalars({name: charts for name, charts in lines.items() if charts})


def write_all(
    folder: Path,
    records: Mapping[str, Sequence[tuple[Record, Scores]]],
    pages: Mapping[str, str],
    victims: Mapping[str, Sequence[Record]],
    *,
    training: bool = False,
    headline: Collection[str] = (),
) -> None:
    """Write the whole dashboard from records.

    Args:
        folder: folder of the dashboard; each method gets a folder in it.
        records: protocol -> records with their raw scores.
        pages: for the text tab.
        victims: victim -> records of the `inversion` protocol, for the transfer matrix.
        training: whether there are logs of trainings.
        headline: methods to show, and no searches, if there are records of any of them; by
            default everything is shown.
    """
    inversions, every = records.get("inversion", ()), records.get("membership", ())
    leaks = every
    if few := {record.method for record, _ in inversions} & set(headline):
        inversions = [pair for pair in inversions if pair[0].method in few]
        leaks = [pair for pair in leaks if base_method(pair[0]) in headline]
    groups = by_method([record for record, _ in inversions])
    rows: list[Row] = []
    for method, group in groups.items():
        scores = [arrays for record, arrays in inversions if record.method == method]
        kind = group_of(group[0].trained["family"])
        rows.append(row_of(group, whole=not few))
        inversion_events(folder / "inversion" / kind / method, group, scores, rows[-1])
    recognisers = dict.fromkeys(n for record, _ in inversions for n in record.config["recognisers"])
    for record, arrays in records.get("verification", ()):
        if not arrays:  # drawn pairs, whose scores are not kept
            continue
        if not few or record.method in {f"{name}_aligned" for name in recognisers}:
            verification_events(folder / "real_pairs" / record.method, record, arrays)
    audits = audits_of([pair for pair in leaks if not pair[0].seed])
    for base, own in audits.items():
        audited, raw = zip(*own, strict=True)
        rows.append(row_of(audited[-1:], whole=not few))
        membership_events(folder / "membership" / base, audited, raw, rows[-1], whole=not few)
    for record, _ in () if few else records.get("search", ()):
        for name, row in trials_of(record):
            rows.append(row)
            with Events(folder / "search" / name) as writer:
                write_row(writer, row)
    units = dict.fromkeys(unit for record, _ in leaks for unit in record.config["units"])
    several = any(len(own) > 1 for own in audits.values())
    layout(folder / "layout", list(recognisers), list(units), several=several, training=training)
    overview_events(folder / "overview", rows, groups, [record for record, _ in every], victims)
    text_events(folder / "pages", pages)


def _point(writer: Events, tag: str, figure: Cell | str, step: int) -> None:
    """Write a figure and its interval, unless the figure is not resolved."""
    if isinstance(figure, Cell) and figure.mean is not None:
        values = (figure.mean, *(figure.interval or ()))
        for end, value in zip(ENDS, values, strict=False):
            writer.add_scalar(tag + end, value, step)


def _histogram(writer: Events, tag: str, values: np.ndarray, step: int = 0) -> None:
    writer.add_histogram(tag, np.asarray(values, "float64"), step, bins="auto")


def _read_shipped() -> dict[str, list[tuple[Record, dict[str, np.ndarray]]]]:
    """The record of the shipped generator, in the same form as `read_all` returns records."""
    path = SHIPPED / "inverter" / "record.json"
    return {"inversion": [(Record.read(path), read_scores(path))]}


def read_all(
    records: Path, chosen: Selection
) -> dict[str, list[tuple[Record, dict[str, np.ndarray]]]]:
    """The chosen records by protocol, with their raw scores.

    Beside an installed package, without the published records, that of the shipped generator.

    Raises:
        UserError: there are none.
    """
    if records == Folders().records and not records.exists():
        return _read_shipped()
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
