"""The tables, from run records; no figure in them comes from anywhere else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, Selection, at, read_record, read_scores
from gan_inversion.core.thresholds import Threshold
from gan_inversion.protocols.verification.figures import of_pairs
from gan_inversion.reporting.markup import code
from gan_inversion.reporting.table import Cell, Row, Table, by_method, cell, check_same, footer

ACCURACY = """\
`accuracy` has an unusual meaning here. Targets and outputs have one shape (N, 160, 160, 3), and for
this shape Keras takes "accuracy" to be categorical accuracy over the last axis: the share of
pixels whose largest colour channel is the right one. It says nothing about the likeness of a face,
and a constant image does well on it. Losses are mean squared errors in the range of the targets, so
for the same image the loss with targets in [-1, 1] is four times the loss with targets in [0, 1].
The rows whose names end in `_corrected` are trained and tested in [0, 1], as the decoders of these
names are everywhere else in this benchmark but in the thesis' own search. Every seed draws its own
test images, which may be easier or harder ones. `test loss over the constant's` does not suffer
from this: it is the loss of a decoder less that of the constant image, on the same images.\
"""
CONSTANT = "mean_face"
LFW = Selection()


def read_records(root: Path, protocol: str, chosen: Selection = LFW) -> list[Record]:
    """The chosen records of a protocol, sorted by file name.

    Raises:
        UserError: there are none.
    """
    records = find_records(root, protocol, chosen)
    if not records:
        raise UserError(f"expected records of {chosen.dataset} in {root / protocol}, found none")
    return records


def find_records(
    root: Path, protocol: str, chosen: Selection, *, every_victim: bool = False
) -> list[Record]:
    """The chosen records, if any, by file name, which contains data set, part and victim.

    Args:
        root: folder of the records.
        protocol: its name.
        chosen: which records.
        every_victim: whether the victim may be any.
    """
    records = []
    for path in sorted((root / protocol).glob(f"*-{chosen.dataset}-*.json")):
        record = read_record(path)
        wanted = replace(chosen, victim=record.victim) if every_victim else chosen
        if path == wanted.path(root, protocol, record.method, record.seed):
            records.append(record)
    return records


def read_with_scores(
    root: Path, protocol: str, chosen: Selection = LFW
) -> list[tuple[Record, dict[str, np.ndarray]]]:
    """The chosen records, each with its raw scores; an empty list if there are none."""
    records = find_records(root, protocol, chosen)
    return [(r, read_scores(r.path(root)) if r.scores_digest else {}) for r in records]


def documented(records: Sequence[Record]) -> Table:
    """The documented protocol: measured, reported and their difference, one row a method."""
    check_same(records, "protocol_hash", "data_digest", "victim_digest")
    header = ["method", "seeds", "n", "train loss", "test loss over the constant's"]
    for figure in ("test loss", "test accuracy"):
        header += [figure, f"{figure}, reported", f"{figure}, difference"]
    groups = by_method(records)
    rows = []
    for method in sorted(groups, key=lambda name: (name.endswith("_corrected"), name)):
        group = groups[method]
        row: list[Cell | str] = [method, str(len(group)), str(group[0].metrics["test_loss"].n)]
        row.append(cell(group, "train_loss"))
        row.append(_excess(group, groups))
        for name in ("test_loss", "test_accuracy"):
            measured, reported = cell(group, name), group[0].reported.get(name)
            row.append(measured)
            if reported is None or isinstance(measured, str) or measured.mean is None:
                row += ["", ""]
            else:
                row += [f"{reported:.4f}", f"{measured.mean - reported:+.4f}"]
        rows.append(row)
    caption = (
        "The three decoders of the thesis and a constant image (`mean_face`, the mean of the "
        "training images), trained and tested as the thesis did. `n` is the number of test images, "
        "and what is reported is the figure that the thesis gives."
    )
    return Table("documented", caption, header, rows, [ACCURACY, footer(records, "documented")])


def _excess(group: Sequence[Record], groups: Mapping[str, Sequence[Record]]) -> Cell | str:
    """Test loss of a method less that of the constant image with the same seed and targets."""
    ending = "_corrected" if group[0].method.endswith("_corrected") else ""
    constant = {r.seed: r.metrics["test_loss"].value for r in groups.get(CONSTANT + ending, ())}
    losses = [(r.metrics["test_loss"].value, constant.get(r.seed)) for r in group]
    values = tuple(own - other for own, other in losses if own is not None and other is not None)
    return Cell(values, form="+.4f") if values and group[0].method != CONSTANT + ending else ""


def finding(records: Sequence[Record]) -> str:
    """What the reproduction of the thesis' third decoder shows, in three sentences."""
    check_same(records, "protocol_hash", "data_digest", "victim_digest")
    decoder = [record for record in records if record.method == "documented_conv_bn"]
    constant = [record for record in records if record.method == CONSTANT]
    if not decoder or not constant:
        raise UserError("the finding needs records of documented_conv_bn and mean_face")
    reported = decoder[0].reported
    if not {"test_loss", "test_accuracy"} <= set(reported):
        raise UserError("the finding needs what the thesis reports, on its own data")
    won = [
        figure
        for figure, sign in (("loss", -1), ("accuracy", 1))
        if sign * _mean(constant, f"test_{figure}") > sign * _mean(decoder, f"test_{figure}")
    ]
    verdict = {
        2: "beats the decoder on both",
        1: f"beats the decoder on {''.join(won)} only",
        0: "beats the decoder on neither",
    }[len(won)]
    return (
        f"The thesis' third decoder, trained on LFW pixels scaled to [-1, 1] behind a sigmoid that "
        f"cannot go below 0, gives a test loss of {_spread(decoder, 'test_loss')} and an accuracy "
        f"of {_spread(decoder, 'test_accuracy')}, against the {reported['test_loss']:.4f} and "
        f"{reported['test_accuracy']:.4f} that the thesis reports. That `accuracy` is the share of "
        "pixels whose largest colour channel is right, which says nothing about the likeness of a "
        f"face. A constant image, the mean of the training images, {verdict}: "
        f"loss {_spread(constant, 'test_loss')}, accuracy {_spread(constant, 'test_accuracy')}.\n"
    )


def _mean(group: Sequence[Record], name: str) -> float:
    figure = cell(group, name)
    if isinstance(figure, str) or figure.mean is None:
        raise UserError(f"{group[0].method} has no {name}")
    return figure.mean


def _spread(group: Sequence[Record], name: str) -> str:
    """Mean and deviation, without the interval."""
    return Cell(tuple(record.metrics[name].value for record in group)).text()


def search(record: Record) -> Table:
    """The trials of one search, and what would have been chosen by training and by validation."""
    protocol, trials = record.config["protocol"], record.config["trials"]
    paths = [name.split("/") for name in record.metrics]
    names = list(dict.fromkeys(figure for trial, figure in paths if trial in trials))
    options = list(dict.fromkeys(name for trial in trials.values() for name in trial["options"]))
    rows: list[Row] = []
    for place, (trial, content) in enumerate(trials.items()):
        chosen = [_option(content["options"].get(name)) for name in options]
        cells = [cell([record], f"{trial}/{name}") for name in names]
        rows.append([str(place), *chosen, content["status"].lower(), *cells])
    weighted = protocol["objective"] == "score"
    judged = "score" if weighted else "validation_loss"

    def smallest(name: str, sign: int = 1) -> int:
        figures = [record.metrics.get(f"{trial}/{name}") for trial in trials]
        values = {
            place: sign * figure.value
            for place, figure in enumerate(figures)
            if figure and figure.value is not None
        }
        if not values:
            raise UserError(f"no trial of {record.method} has the figure {name}")
        return min(values, key=values.__getitem__)

    best, name = smallest(judged, -1 if weighted else 1), judged.replace("_", " ")
    note = f"By the {name} on held-out images, trial {best} would be chosen"
    if weighted:
        note += (
            "; training losses cannot be compared, since each trial weighs its terms otherwise. "
            "`l1`, `dissimilarity` (1 - SSIM), `identity` and `adversarial` are weights of terms "
            "of the loss, and the score is cosine + SSIM - SWD / 1000."
        )
    else:
        trained = smallest("train_loss")
        same = "was" if trained == best else "was not"
        note += (
            f"; by the training loss, trial {trained} would be: "
            f"the choice by training loss {same} the choice by validation."
        )
    note += f" The tuner, {code(protocol['tuner'])}, was guided by {code(protocol['objective'])}; "
    note += f"the data are split by {code(protocol['split'])}."
    if isinstance(more := cell([record], f"runner_up/{judged}"), Cell):
        note += f" The {name} of the second best trial is larger by {more.text()}, image by image."
    header = ["trial", *options, "status", *(name.replace("_", " ") for name in names)]
    caption = (
        f"{record.method}: {len(trials)} trials (sets of options); trainings of each trial: "
        f"{protocol['executions']}."
    )
    return Table(record.method, caption, header, rows, [note, footer([record], "search")])


def _option(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def verification(pairs: Sequence[tuple[Record, Mapping[str, np.ndarray]]]) -> Table:
    """Recognisers on real pairs: accuracy, AUC, and what each threshold accepts.

    Args:
        pairs: records with their raw scores.
    """
    records = [record for record, _ in pairs]
    check_same(records, "protocol_hash", "data_digest")
    rates = (1e-2, 1e-3, 1e-4)
    header = ["recogniser, view, filter", "accuracy", "AUC"]
    for rate in rates:
        header += [at("threshold", fmr=rate), at("TMR", fmr=rate)]
    header += [at("TMR of the pairs", fmr=1e-3), "undetected"]
    rows: list[Row] = []
    for record, scores in pairs:
        label = f"{record.victim}, {record.config['view']}, {record.config['resample']}"
        names = ["accuracy", "auc"]
        for rate in rates:
            names += [at("threshold", fmr=rate), at("tmr", fmr=rate)]
        of_folds = of_pairs(scores["scores"], scores["genuine"])[at("tmr_pairs", fmr=1e-3)]
        pair = Cell((of_folds.value,), of_folds.ci, of_folds.n)
        cells = [cell([record], name) for name in names]
        rows.append([label, *cells, pair, f"{record.config['undetected']:,}"])
    caption = (
        "How well recognisers tell people apart on ten folds of real pairs of images, and the "
        "share of genuine pairs (TMR) that they accept at the threshold of a false match rate "
        "(FMR)."
    )
    note = (
        "Thresholds are set on all impostor pairs of the images that occur in the folds. "
        "`TMR of the pairs` sets its threshold on the impostor pairs of the folds alone, as others "
        "do: three of LFW's 3,000 decide the rate of 0.1 %. `undetected` counts images in which no "
        "face was found. The view `whole` is the whole frame, `aligned` its central crop; "
        "`aligned112` moves the face to where ArcFace's template has it, by the landmarks of the "
        "face, and `fixed112` by where faces usually lie. "
        "MobileFaceNet and the data that it was trained on, MS1M, may share people with LFW, and "
        "so may SFace's."
    )
    return Table("verification", caption, header, rows, [note, footer(records, "verification")])


def thresholds(lines: Iterable[Threshold]) -> Table:
    """The threshold registry."""
    header = ["recogniser", "data, view", "subjects", "FMR", "threshold (cosine)", "impostor pairs"]
    rows: list[Row] = [
        [
            line.recogniser + ("" if line.precision == "float32" else f", {line.precision}"),
            f"{line.dataset}, {line.view}",
            line.subjects,
            f"{line.fmr:g}",
            Cell((line.threshold,), line.interval, line.pairs),
            f"{line.pairs:,}",
        ]
        for line in lines
    ]
    caption = (
        "The cosine from which a recogniser accepts two images as one person, at a false match "
        "rate (FMR), the share of impostor pairs (images of different people) that it accepts."
    )
    note = (
        "The table is made from `results/thresholds.json`, which also names the weights and the "
        "data by their digests. `python -m experiments.thresholds` sets these thresholds, and "
        "`python -m experiments.inversion` sets those of the validation subjects. Brackets hold "
        "the 95 % interval over other samples of subjects; `n/a` stands where fewer than 10 pairs "
        "would decide the rate."
    )
    return Table("thresholds", caption, header, rows, [note])
