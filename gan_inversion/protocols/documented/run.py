"""The reference thesis' decoders, trained and tested as the thesis did, beside the mean image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from gan_inversion.core.device import peak_memory
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import metric
from gan_inversion.core.run import Preview, Run
from gan_inversion.data import Subset
from gan_inversion.data.source import Source
from gan_inversion.inverters.families import MethodSpec
from gan_inversion.inverters.trained import score, train
from gan_inversion.protocols.documented.figures import figures
from gan_inversion.protocols.documented.rules import Documented
from gan_inversion.protocols.records import Entry
from gan_inversion.recognisers import embed_view, load_recogniser

REPORTED = {
    "documented_conv_bn": {"test_loss": 0.3832634091, "test_accuracy": 0.6655849814}
}  # Tassinari 2023, third model


@dataclass(frozen=True)
class Method:
    """What is trained, and the range of pixel values in which its loss is measured.

    Attributes:
        spec: the inverter's; its name ends in `_corrected` where targets are in [0, 1].
        targets: smallest and largest pixel of the target range.
    """

    spec: MethodSpec
    targets: tuple[float, float]


def run_one(
    method: Method, protocol: Documented, entry: Entry, embeddings: np.ndarray, runs: Path
) -> None:
    """Train, score and record one method with one seed.

    Args:
        method: what is trained.
        protocol: the rules.
        entry: the record to write.
        embeddings: float32 (N, D), of all images of the dataset.
        runs: folder of the runs.
    """
    inverter, targets = method.spec.make(), method.targets
    dataset, victim, seed = entry.dataset, entry.victim, entry.seed
    config = {
        "method": method.spec.name,
        "targets": targets,
        "data_digest": dataset.digest,
        "victim": victim.name,
        "precision": victim.precision,
        "seed": seed,
    }
    images = dataset.view(protocol.view, resample=protocol.resample)
    train_index, test = protocol.split(len(images), seed=seed)
    low, high = targets
    preview = Preview(embeddings[test], Subset(images, test), seed)
    declared = {"protocol": asdict(protocol), **config}
    with Run(runs / "documented" / entry.path.stem, declared, preview=preview) as run:
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
    # The thesis' figures are comparable only with figures measured in the same way.
    as_published = (dataset.name, victim.name, protocol) == ("lfw", "facenet", Documented())
    path = entry.write(
        {
            "test_index": test.astype("int32"),
            "test_loss": losses.astype("float32"),
            "test_accuracy": accuracies.astype("float32"),
        },
        knowledge=inverter.knowledge,
        config=config,
        metrics={
            "train_loss": metric(train_loss, n=len(train_index)),
            **figures(losses, accuracies, subjects),
        },
        reported=REPORTED.get(method.spec.name, {}) if as_published else {},
        cost={
            "parameters": inverter.parameters,
            "train_seconds": round(seconds, 1),
            "ms_per_image": round(milliseconds, 3),
            "peak_memory_gib": peak_memory(),
        },
    )
    run.checkpoint.unlink(missing_ok=True)  # the saved inverter is enough
    print(f"{path}: test loss {losses.mean():.4f}, accuracy {accuracies.mean():.4f}")


def run_all(
    methods: Sequence[Method],
    seeds: Sequence[int],
    *,
    source: Source,
    victim: str,
    folders: Folders,
    epochs: int,
) -> None:
    """Run every method with every seed, unless its record exists."""
    protocol, dataset = Documented(epochs=epochs), source.open()
    recogniser = load_recogniser(victim)
    embeddings = embed_view(recogniser, dataset, view=protocol.view, resample=protocol.resample)
    for seed in seeds:
        for method in methods:
            entry = Entry(
                folders.records,
                protocol,
                method.spec.name,
                dataset,
                recogniser,
                seed,
                method.spec.content,
            )
            if not entry.exists():
                run_one(method, protocol, entry, embeddings, folders.runs)
            keras.utils.clear_session()
