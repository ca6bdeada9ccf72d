"""Verify recognisers on ten folds of pairs, by view and resampling filter, with thresholds."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.places import check_writable
from gan_inversion.core.record import Metric, at, metric, resolved
from gan_inversion.core.run import Run
from gan_inversion.core.storage import sha256_file
from gan_inversion.data import Dataset, Subset
from gan_inversion.data.bins import write_bin
from gan_inversion.data.dataset import Images
from gan_inversion.data.pairs import Pairs, draw_pairs, read_listed, read_pairs
from gan_inversion.data.source import Source
from gan_inversion.metrics import verification
from gan_inversion.metrics.attack import rejected
from gan_inversion.protocols.records import Entry
from gan_inversion.protocols.verification.figures import figures
from gan_inversion.protocols.verification.rules import Verification, label
from gan_inversion.recognisers import Recogniser, embed_cached, open_recogniser

HARDEST = 9  # hardest pairs of each kind that are shown
OF_FOLDS = ("accuracy", "threshold")  # figures of each fold
# Accuracy below the promised one from which something must be wrong: three times the standard error
# of ten folds. MobileFaceNet loses 0.34 with pixels from 0 to 255, 0.017 with pixels from 0 to 1,
# and 0.003 with red and blue exchanged, which no accuracy can show.
FAR = 0.01
PROMISED = ("aligned", "aligned112")  # views that a source's promise is about
POOR = 0.8  # accuracy from which something must be wrong where nothing is promised


def run_all(
    recognisers: Sequence[str],
    views: Sequence[str],
    filters: Sequence[str],
    *,
    source: Source,
    folders: Folders,
    listed: Path | None = None,
    output: Path | None = None,
) -> None:
    """Measure every recogniser on every view and filter.

    Args:
        recognisers, views, filters: what is measured.
        source: the faces.
        folders: for records and runs.
        listed: a list of pairs; None for those of the data set, or for drawn ones.
        output: also write the pairs as a verification set of InsightFace's to this file.
    """
    if output is not None:
        check_writable(output)
    dataset = source.open()
    protocol, pairs = pairs_of(dataset, listed)
    opened = [open_recogniser(name) for name in recognisers]
    if output is not None:
        write_bin(output, dataset.view("aligned112"), pairs)
    for recogniser in opened:
        for view in views:
            for resample in filters:
                measure(
                    recogniser,
                    dataset,
                    protocol,
                    pairs,
                    view=view,
                    resample=resample,
                    folders=folders,
                )


def pairs_of(dataset: Dataset, listed: Path | None) -> tuple[Verification, Pairs]:
    """The pairs to verify, and the protocol that they belong to."""
    if listed is not None:
        pairs = read_listed(listed, dataset.files, folds=Verification.folds)
        return Verification(pairs=f"listed in {sha256_file(listed)[:12]}"), pairs
    if dataset.pairs is not None:
        return Verification(pairs="own"), dataset.pairs
    if dataset.name == "lfw":
        return Verification(), read_pairs(dataset.files)
    return Verification(pairs="drawn"), draw_pairs(dataset.subjects, folds=Verification.folds)


def measure(
    recogniser: Recogniser,
    dataset: Dataset,
    protocol: Verification,
    pairs: Pairs,
    *,
    view: str,
    resample: str,
    folders: Folders,
) -> None:
    """Measure and record one recogniser on one view, unless its record exists."""
    method = label(recogniser.name, view, resample)
    entry = Entry(folders.records, protocol, method, dataset, recogniser)
    if entry.exists():
        return
    used, place = np.unique([pairs.first, pairs.second], return_inverse=True)
    images = Subset(dataset.view(view, resample=resample), used)
    key = f"{dataset.digest[:16]}-{view}-{resample}-{protocol.pairs}"
    embeddings = embed_cached(recogniser, images, key=key)
    if rejected(embeddings).all():
        raise UserError(f"{recogniser.name} gives no vector for any image, on the view {view}")
    first, second = place.reshape(2, -1)
    pairs = Pairs(first, second, pairs.genuine, pairs.fold)  # of these images
    raw = _scores(embeddings, pairs)
    metrics: dict[str, Metric] = {}
    if not dataset.anonymous:  # who is who must be known to compare everyone with everyone
        raw["impostor_histogram"], metrics = _thresholds(
            embeddings, dataset.subjects[used], protocol
        )
    thresholds = {
        rate: float(figure.value)
        for rate in protocol.fmrs
        if (figure := metrics.get(at("threshold", fmr=rate))) and figure.value is not None
    }
    metrics = figures(raw["scores"], pairs.genuine, pairs.fold, thresholds) | metrics
    missing = recogniser.undetected(images, embeddings)
    config = {
        "view": view,
        "resample": resample,
        "precision": recogniser.precision,
        "undetected": 0 if missing is None else int(missing.sum()),
        **recogniser.details,
    }
    surroundings = {"data_digest": dataset.digest, "victim_digest": recogniser.digest}
    folder = folders.runs / protocol.name / f"{method}-{dataset.name}"
    with Run(folder, {"protocol": asdict(protocol), **config, **surroundings}) as run:
        _show(run, images, pairs, raw["scores"], metrics)
    path = entry.write(raw, config=config, metrics=metrics, cost={"images": len(used)})
    accuracy = float(metrics["accuracy"].value or 0)
    print(f"{path}: accuracy {accuracy:.4f}")
    if dataset.name == "lfw":
        warn_of_accuracy(recogniser, accuracy, view)


def _scores(embeddings: np.ndarray, pairs: Pairs) -> dict[str, np.ndarray]:
    scores = verification.cosine(embeddings[pairs.first], embeddings[pairs.second])
    scores[np.isnan(scores)] = -1  # nobody accepts an image without a face
    return {
        "scores": scores.astype("float32"),
        "genuine": pairs.genuine,
        "fold": pairs.fold.astype("int8"),
    }


def _thresholds(
    embeddings: np.ndarray, subjects: np.ndarray, protocol: Verification
) -> tuple[np.ndarray, dict[str, Metric]]:
    """Histogram of all impostor scores, and the threshold at each rate."""
    shown = ~rejected(embeddings)
    impostors = verification.impostors(embeddings[shown], subjects[shown], fmrs=protocol.fmrs)
    return impostors.histogram, {
        at("threshold", fmr=fmr): metric(
            threshold, ci=impostors.intervals.get(fmr), n=impostors.count
        )
        for fmr, threshold in impostors.thresholds.items()
    }


def _show(
    run: Run, images: Images, pairs: Pairs, scores: np.ndarray, metrics: Mapping[str, Metric]
) -> None:
    """Log figures and the hardest pairs."""
    run.rewind(-1)  # drop what an interrupted run logged
    values = resolved(metrics)
    for number in np.unique(pairs.fold).tolist():
        parts = {f"fold_{name}": values[f"{name}@fold={number}"] for name in OF_FOLDS}
        run.log(number, **parts)
    run.log(0, **{name: value for name, value in values.items() if "@fold" not in name})
    order = np.argsort(scores)
    for name, kind in (
        ("genuine", order[pairs.genuine[order]]),
        ("impostor", order[~pairs.genuine[order]][::-1]),
    ):
        hardest = kind[:HARDEST]
        first, second = images[pairs.first[hardest]], images[pairs.second[hardest]]
        run.draw(f"hardest_{name}", 0, first, second)


def warn_of_accuracy(recogniser: Recogniser, accuracy: float, view: str) -> None:
    """Warn in a sentence if the accuracy on LFW's ten folds is far below what can be expected."""
    promised = recogniser.promised if view in PROMISED else 0.0
    if accuracy < (promised - FAR if promised else POOR):
        least = f"the {promised:.3f} that its source promises" if promised else "any recogniser's"
        print(
            f"warning: {recogniser.name} reaches an accuracy of {accuracy:.3f} on the view "
            f"{view}, far below {least}: are its colours, mean, deviation and alignment right?",
            file=sys.stderr,
        )
