"""Prove the recognisers: ten folds of pairs, by view and resampling filter, with thresholds."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from experiments.common import main, make_record, recorded, rehearsed
from experiments.own import open_embedder
from gan_inversion.data import Align, Dataset, DatasetName, Subset, open_dataset
from gan_inversion.data.pairs import Pairs, draw_pairs, read_pairs
from gan_inversion.data.views import VIEWS
from gan_inversion.embedders import Embedder, embed_cached
from gan_inversion.evaluation import verification
from gan_inversion.evaluation.intervals import clopper_pearson
from gan_inversion.protocols import Verification
from gan_inversion.record import at, metric
from gan_inversion.run import Run


@dataclass(frozen=True)
class Options:
    """Verify ten folds of pairs and set thresholds on all impostor pairs of the same images.

    LFW has its own 6,000 pairs; from other data one genuine and one impostor pair a subject are
    drawn.

    Cost: 80 seconds a view and filter for facenet on two CPU cores, 5 minutes for dlib.
    Expected: 0.9925 for facenet on the aligned view, 0.968 on the whole frame.
    """

    embedders: tuple[str, ...] = ("facenet",)
    """Recognisers: facenet, dlib, compact, or your own as file.py:name."""

    views: tuple[str, ...] = tuple(VIEWS)
    """Views of the frame."""

    filters: tuple[str, ...] = ("bilinear",)
    """Resampling filters from the frame to 160 pixels: bilinear, bicubic, area, lanczos."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    runs: Path = Path("runs")
    """Folder for logs and TensorBoard events, with the pairs that were hardest."""

    records: Path = Path("results/records")
    """Folder for records."""

    smoke: bool = False
    """A rehearsal with compact on synthetic faces, everything under `runs`."""


HARDEST = 9  # pairs of each kind that are drawn


def label(recogniser: str, view: str, resample: str) -> str:
    """A record's `method`; the usual filter is not named."""
    return f"{recogniser}_{view}" + ("" if resample == "bilinear" else f"_{resample}")


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = options.runs / "smoke"
    return replace(
        options,
        dataset="synthetic",
        embedders=("compact",),
        runs=folder,
        records=folder / "records",
    )


def run_all(options: Options) -> None:
    """Measure every recogniser on every view and filter."""
    options = rehearsed(options, rehearsal)
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    if dataset.name == "lfw":
        protocol, pairs = Verification(), read_pairs(dataset)
    else:
        protocol = Verification(pairs="drawn")
        pairs = draw_pairs(dataset.subjects, folds=protocol.folds)
    for name in options.embedders:
        embedder = open_embedder(name)
        for view in options.views:
            for resample in options.filters:
                measure(
                    embedder,
                    dataset,
                    protocol,
                    pairs,
                    view=view,
                    resample=resample,
                    options=options,
                )


def measure(
    embedder: Embedder,
    dataset: Dataset,
    protocol: Verification,
    pairs: Pairs,
    *,
    view: str,
    resample: str,
    options: Options,
) -> None:
    """Measure and record one recogniser on one view, unless its record exists."""
    method = label(embedder.name, view, resample)
    path = options.records / protocol.name / f"{method}-{dataset.name}-s0.json"
    if recorded(
        path,
        protocol_hash=protocol.hash,
        data_digest=dataset.digest,
        embedder_digest=embedder.digest,
    ):
        return
    used, place = np.unique([pairs.first, pairs.second], return_inverse=True)
    images = Subset(dataset.view(view, resample=resample), used)
    key = f"{dataset.digest[:16]}-{view}-{resample}-{protocol.pairs}"
    embeddings = embed_cached(embedder, images, key=key)
    first, second = place.reshape(2, -1)
    scores = verification.cosine(embeddings[first], embeddings[second])
    folds = verification.k_fold(scores, pairs.genuine, pairs.fold)
    impostors = verification.impostors(embeddings, dataset.subjects[used], fmrs=protocol.fmrs)
    metrics = {
        "accuracy": metric(folds.mean, ci=folds.ci, n=len(scores)),
        "auc": metric(
            verification.auc(scores, pairs.genuine),
            ci=verification.bootstrap_auc(scores, pairs.genuine, verification.by_group(pairs.fold)),
            n=len(scores),
        ),
    }
    for number, (accuracy, threshold) in enumerate(
        zip(folds.accuracies, folds.thresholds, strict=True)
    ):
        size = int((pairs.fold == number).sum())
        ci = clopper_pearson(round(accuracy * size), size)
        metrics[f"accuracy@fold={number}"] = metric(accuracy, ci=ci, n=size)
        metrics[f"threshold@fold={number}"] = metric(threshold, n=len(scores) - size)
    genuine = scores[pairs.genuine]
    for fmr, threshold in impostors.thresholds.items():
        accepted = int((genuine >= threshold).sum())
        metrics[at("threshold", fmr=fmr)] = metric(
            threshold, ci=impostors.intervals.get(fmr), n=impostors.count
        )
        metrics[at("tmr", fmr=fmr)] = metric(
            accepted / len(genuine), ci=clopper_pearson(accepted, len(genuine)), n=len(genuine)
        )
    missing = embedder.undetected(images)
    config = {
        "protocol": asdict(protocol),
        "view": view,
        "resample": resample,
        "precision": embedder.precision,
        "undetected": 0 if missing is None else int(missing.sum()),
    }
    surroundings = {"data_digest": dataset.digest, "embedder_digest": embedder.digest}
    folder = options.runs / protocol.name / f"{method}-{dataset.name}"
    with Run(folder, {**config, **surroundings}) as run:
        run.rewind(-1)  # what a killed run had logged
        for number, fold in enumerate(zip(folds.accuracies, folds.thresholds, strict=True)):
            run.log(number, fold_accuracy=float(fold[0]), fold_threshold=float(fold[1]))
        headline = {name: found.value for name, found in metrics.items() if "@fold" not in name}
        run.log(0, **{name: value for name, value in headline.items() if value is not None})
        order = np.argsort(scores)
        for name, kind in (
            ("genuine", order[pairs.genuine[order]]),
            ("impostor", order[~pairs.genuine[order]][::-1]),
        ):
            hardest = kind[:HARDEST]
            run.draw(f"hardest_{name}", 0, images[first[hardest]], images[second[hardest]])
    record = make_record(
        protocol,
        method,
        dataset=dataset,
        embedder=embedder,
        config=config,
        metrics=metrics,
        cost={"images": len(used)},
    )
    raw = {
        "scores": scores.astype("float32"),
        "genuine": pairs.genuine,
        "fold": pairs.fold.astype("int8"),
        "impostor_histogram": impostors.histogram,
    }
    path = record.write(options.records, raw)
    print(f"{path}: accuracy {folds.mean:.4f}")


if __name__ == "__main__":
    main(Options, run_all)
