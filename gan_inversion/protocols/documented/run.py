"""The reference thesis' decoders, trained and tested as the thesis did, beside the mean image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import keras
import numpy as np

from gan_inversion.core.device import peak_memory
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import metric
from gan_inversion.core.run import Preview, Run
from gan_inversion.data import Dataset, Subset
from gan_inversion.data.source import Source
from gan_inversion.inverters.families import MethodSpec
from gan_inversion.inverters.trained import score, train
from gan_inversion.metrics.intervals import bootstrap_mean
from gan_inversion.protocols.documented.rules import Documented
from gan_inversion.protocols.records import make_record, recorded
from gan_inversion.recognisers import Embedder, embed_cached, load_embedder

REPORTED = {
    "documented_conv_bn": {"test_loss": 0.3832634091, "test_accuracy": 0.6655849814}
}  # Tassinari 2023, third model  # Tassinari 2023, third model


@dataclass(frozen=True)
class Method:
    """What is trained, and the range of the pixels that it is judged in.

    Attributes:
        spec: of the inverter; `_corrected` stands at the end of its name where targets are in
            [0, 1].
        targets: smallest and largest pixel of the target range.
    """

    spec: MethodSpec
    targets: tuple[float, float]


def run_one(
    method: Method,
    seed: int,
    *,
    folders: Folders,
    protocol: Documented,
    dataset: Dataset,
    embedder: Embedder,
    embeddings: np.ndarray,
) -> None:
    """Train, score and record one method with one seed."""
    inverter, targets = method.spec.make(), method.targets
    name = f"{method.spec.name}-{dataset.name}-s{seed}"
    config = {
        "protocol": asdict(protocol),
        "method": method.spec.name,
        "targets": targets,
        "data_digest": dataset.digest,
        "embedder": embedder.name,
        "precision": embedder.precision,
        "seed": seed,
    }
    images = dataset.view(protocol.view, resample=protocol.resample)
    train_index, test = protocol.split(len(images), seed=seed)
    low, high = targets
    preview = Preview(embeddings[test], Subset(images, test), seed)
    with Run(folders.runs / "documented" / name, config, preview=preview) as run:
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
        method.spec.name,
        dataset=dataset,
        embedder=embedder,
        knowledge=inverter.knowledge,
        seed=seed,
        spec=method.spec.content,
        config=config,
        metrics={
            "train_loss": metric(train_loss, n=len(train_index)),
            "test_loss": metric(losses.mean(), ci=bootstrap_mean(losses, subjects), n=len(test)),
            "test_accuracy": metric(
                accuracies.mean(), ci=bootstrap_mean(accuracies, subjects), n=len(test)
            ),
        },
        reported=REPORTED.get(method.spec.name, {}) if as_published else {},
        cost={
            "parameters": inverter.parameters,
            "train_seconds": round(seconds, 1),
            "ms_per_image": round(milliseconds, 3),
            "peak_memory_gib": peak_memory(),
        },
    )
    path = record.write(
        folders.records,
        {
            "test_index": test.astype("int32"),
            "test_loss": losses.astype("float32"),
            "test_accuracy": accuracies.astype("float32"),
        },
    )
    run.checkpoint.unlink(missing_ok=True)  # the trained inverter stays
    print(f"{path}: test loss {losses.mean():.4f}, accuracy {accuracies.mean():.4f}")


def run_all(
    methods: Sequence[Method],
    seeds: Sequence[int],
    *,
    source: Source,
    embedder: str,
    folders: Folders,
    epochs: int,
) -> None:
    """Run every method with every seed, unless its record exists."""
    protocol, dataset = Documented(epochs=epochs), source.open()
    images = dataset.view(protocol.view, resample=protocol.resample)
    recogniser = load_embedder(embedder)
    key = f"{dataset.digest[:16]}-{protocol.view}-{protocol.resample}"
    embeddings = embed_cached(recogniser, images, key=key)
    for seed in seeds:
        for method in methods:
            name = f"{method.spec.name}-{dataset.name}-s{seed}.json"
            if recorded(
                folders.records / protocol.name / name,
                protocol_hash=protocol.hash,
                data_digest=dataset.digest,
                embedder_digest=recogniser.digest,
            ):
                continue
            run_one(
                method,
                seed,
                folders=folders,
                protocol=protocol,
                dataset=dataset,
                embedder=recogniser,
                embeddings=embeddings,
            )
            keras.utils.clear_session()
