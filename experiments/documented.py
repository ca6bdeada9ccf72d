"""The reference thesis' decoders, trained and tested as the thesis did, beside the mean image."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from baselines.decoders import DECODERS
from baselines.inverter import TARGETS
from experiments.common import main, make_record, peak_memory, recorded, rehearsed
from experiments.methods import build, parameters, train
from experiments.tables import write_documented
from gan_inversion.data import Align, Dataset, DatasetName, Subset, open_dataset
from gan_inversion.embedders import Embedder, embed_cached, load_embedder
from gan_inversion.errors import UserError
from gan_inversion.evaluation.intervals import bootstrap_mean
from gan_inversion.evaluation.reconstruction import channel_accuracy, mse
from gan_inversion.inverter import Images, Inverter
from gan_inversion.protocols import Documented
from gan_inversion.record import metric
from gan_inversion.run import Preview, Run

REPORTED = {
    "documented_conv_bn": {"test_loss": 0.3832634091, "test_accuracy": 0.6655849814}
}  # Tassinari 2023, third model

BLOCK = 128  # pictures scored at once


@dataclass(frozen=True)
class Options:
    """Train the thesis' decoders on a random 80/20 split of images and test them.

    Cost: about 12 minutes a decoder and seed on two CPU cores. Expected on LFW: test loss
    0.385 and accuracy 0.66 for documented_conv_bn, 0.281 and 0.675 for the constant mean_face.
    """

    methods: tuple[str, ...] = (
        "mean_face",
        "documented_dense",
        "documented_conv",
        "documented_conv_bn",
    )
    """What to run; append _corrected for targets in [0, 1] instead of [-1, 1]."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of split, weights and order; one record each."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    embedder: Literal["facenet", "compact"] = "facenet"
    """Recogniser whose embeddings are inverted."""

    epochs: int = 10
    """Passes over the training images."""

    runs: Path = Path("runs")
    """Folder for logs, TensorBoard events, pictures, checkpoints and trained inverters."""

    records: Path = Path("results/records")
    """Folder for records."""

    tables: Path = Path("docs")
    """Folder for the table."""

    smoke: bool = False
    """A minute's rehearsal on synthetic faces: one seed, two epochs, everything under `runs`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = options.runs / "smoke"
    return replace(
        options,
        dataset="synthetic",
        embedder="compact",
        seeds=options.seeds[:1],
        epochs=2,
        runs=folder,
        records=folder / "records",
        tables=folder,
    )


def open_method(method: str, protocol: Documented) -> tuple[Inverter, str]:
    """The inverter called `method`, and the target range it is judged in."""
    base = method.removesuffix("_corrected")
    targets = "documented" if base == method else "corrected"
    known = ["mean_face", *(f"documented_{name}" for name in DECODERS)]
    if base not in known:
        raise UserError(f"method must be one of {', '.join(known)}, not {method!r}")
    inverter = build(base, targets=targets, epochs=protocol.epochs, batch_size=protocol.batch_size)
    return inverter, targets


def score(
    inverter: Inverter, embeddings: np.ndarray, images: Images, *, span: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Loss (in the target range, `span` wide) and `accuracy` of each image; ms per inversion."""
    losses, accuracies, seconds = [], [], 0.0
    for start in range(0, len(embeddings), BLOCK):
        block = slice(start, start + BLOCK)
        originals = images[block].astype("float32") / 255
        clock = time.perf_counter()
        reconstructions = inverter.invert(embeddings[block])
        seconds += time.perf_counter() - clock
        losses.append(mse(originals, reconstructions) * span**2)
        accuracies.append(channel_accuracy(originals, reconstructions))
    milliseconds = 1000 * seconds / len(embeddings)
    return np.concatenate(losses), np.concatenate(accuracies), milliseconds


def run_one(
    method: str,
    seed: int,
    *,
    options: Options,
    protocol: Documented,
    dataset: Dataset,
    embedder: Embedder,
    embeddings: np.ndarray,
) -> None:
    """Train, score and record one method with one seed, unless its record exists."""
    inverter, targets = open_method(method, protocol)
    name = f"{method}-{dataset.name}-s{seed}"
    config = {
        "protocol": asdict(protocol),
        "method": method,
        "targets": TARGETS[targets],
        "data_digest": dataset.digest,
        "embedder": embedder.name,
        "precision": embedder.precision,
        "seed": seed,
    }
    images = dataset.view(protocol.view, resample=protocol.resample)
    train_index, test = protocol.split(len(images), seed=seed)
    low, high = TARGETS[targets]
    preview = Preview(embeddings[test], Subset(images, test), seed)
    with Run(options.runs / "documented" / name, config, preview=preview) as run:
        seconds = train(
            inverter, embeddings[train_index], Subset(images, train_index), seed=seed, run=run
        )
        if history := [line for line in run.history() if "train_loss" in line]:
            train_loss = history[-1]["train_loss"]
        else:
            losses, _, _ = score(
                inverter, embeddings[train_index], Subset(images, train_index), span=high - low
            )
            train_loss = losses.mean()
        losses, accuracies, milliseconds = score(
            inverter, embeddings[test], Subset(images, test), span=high - low
        )
        run.log(len(history), test_loss=losses.mean(), test_accuracy=accuracies.mean())
    subjects = dataset.subjects[test]
    # The thesis' figures stand only beside what was measured as it did.
    as_published = (dataset.name, embedder.name, protocol) == ("lfw", "facenet", Documented())
    record = make_record(
        protocol,
        method,
        dataset=dataset,
        embedder=embedder,
        knowledge=inverter.knowledge,
        seed=seed,
        config=config,
        metrics={
            "train_loss": metric(train_loss, n=len(train_index)),
            "test_loss": metric(losses.mean(), ci=bootstrap_mean(losses, subjects), n=len(test)),
            "test_accuracy": metric(
                accuracies.mean(), ci=bootstrap_mean(accuracies, subjects), n=len(test)
            ),
        },
        reported=REPORTED.get(method, {}) if as_published else {},
        cost={
            "parameters": parameters(inverter),
            "train_seconds": round(seconds, 1),
            "ms_per_image": round(milliseconds, 3),
            "peak_memory_gib": peak_memory(),
        },
    )
    path = record.write(
        options.records,
        {
            "test_index": test.astype("int32"),
            "test_loss": losses.astype("float32"),
            "test_accuracy": accuracies.astype("float32"),
        },
    )
    run.checkpoint.unlink(missing_ok=True)  # the trained inverter stays
    print(f"{path}: test loss {losses.mean():.4f}, accuracy {accuracies.mean():.4f}")


def run_all(options: Options) -> None:
    """Run every method with every seed, and write the table."""
    options = rehearsed(options, rehearsal)
    protocol = Documented(epochs=options.epochs)
    for method in options.methods:
        open_method(method, protocol)  # a wrong name fails before the work
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    images = dataset.view(protocol.view, resample=protocol.resample)
    embedder = load_embedder(options.embedder)
    key = f"{dataset.digest[:16]}-{protocol.view}-{protocol.resample}"
    embeddings = embed_cached(embedder, images, key=key)
    for seed in options.seeds:
        for method in options.methods:
            record = options.records / protocol.name / f"{method}-{dataset.name}-s{seed}.json"
            if recorded(
                record,
                protocol_hash=protocol.hash,
                data_digest=dataset.digest,
                embedder_digest=embedder.digest,
            ):
                continue
            run_one(
                method,
                seed,
                options=options,
                protocol=protocol,
                dataset=dataset,
                embedder=embedder,
                embeddings=embeddings,
            )
            keras.utils.clear_session()
    write_documented(options.records, options.tables, dataset=dataset.name)


if __name__ == "__main__":
    main(Options, run_all)
