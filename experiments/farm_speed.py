"""Decoders trained an hour: many together, as shadow models are, against one after another."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from baselines.decoders import DECODERS
from baselines.farm import train_together
from baselines.inverter import DecoderInverter
from experiments.common import main, make_record, recorded
from experiments.embedding_speed import middle, take_turns
from experiments.inversion import BATCH_SIZE, EPOCHS
from experiments.tables import write_speed
from gan_inversion.data import Synthetic
from gan_inversion.embedders import Compact, FaceNet
from gan_inversion.errors import UserError
from gan_inversion.protocols import Speed
from gan_inversion.record import metric
from gan_inversion.training import fit

IMAGES = 1000  # of a model, as in the published studies


@dataclass(frozen=True)
class Options:
    """Time as many epochs in three ways, in turn, and compare what the models have learned.

    One model by Keras' `fit`, as the thesis trained, an epoch for each of the others; models one
    after another by the loop of this package; models together. The last two train on the same
    images in the same order from the same weights. Compiling is left out.

    Cost: 13 minutes on two CPU cores with AVX-512.
    """

    decoders: tuple[str, ...] = tuple(DECODERS)
    """Which of the thesis' networks; one record each."""

    models: int = 4
    """Models trained together."""

    records: Path = Path("results/records")
    """Folder for the records."""

    tables: Path = Path("docs")
    """Folder for the table."""

    smoke: bool = False
    """A rehearsal with compact and few pictures, everything under `runs/smoke`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = Path("runs/smoke")
    return replace(options, models=2, records=folder / "records", tables=folder)


def by_keras(
    decoder: str, epochs: int, embeddings: np.ndarray, images: np.ndarray
) -> Iterator[list[float]]:
    """Train one decoder by Keras' own `fit`, some epochs a call; its losses."""
    pixels = images / np.float32(255)
    model = DECODERS[decoder]()
    model.compile("adam", "mse")
    while True:
        told = model.fit(embeddings, pixels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
        yield told.history["loss"]


def one_after_another(
    inverters: list[DecoderInverter], embeddings: np.ndarray, images: np.ndarray
) -> Iterator[list[float]]:
    """Train each inverter for one epoch more; its losses. The place of each is its seed."""
    batches = [
        inverter.begin(embeddings, images, seed=seed) for seed, inverter in enumerate(inverters)
    ]
    for done in count():
        losses = []
        for seed, (inverter, draw) in enumerate(zip(inverters, batches, strict=True)):
            values = fit(inverter.model, draw, epochs=done + 1, first=done, seed=seed)
            losses.append(values["train_loss"])
        yield losses


def time_one(
    decoder: str, options: Options, protocol: Speed, recogniser: Compact | FaceNet
) -> None:
    """Time and record one decoder, unless its record exists."""
    faces = Synthetic(protocol.images, 1)
    method = f"farm_{decoder}"
    path = options.records / protocol.name / f"{method}-{faces.name}-s0.json"
    if recorded(
        path,
        protocol_hash=protocol.hash,
        embedder_digest=recogniser.digest,
        models=options.models,
    ):
        return
    images = np.asarray(faces.view("aligned"))
    embeddings = recogniser.embed(images)
    alone = [DecoderInverter(decoder, targets="corrected") for _ in range(options.models)]
    trainings = {
        "keras": by_keras(decoder, options.models, embeddings, images),
        "alone": one_after_another(alone, embeddings, images),
        "together": (
            losses
            for _, losses in train_together(
                decoder,
                embeddings,
                images,
                np.ones((len(images), options.models), bool),
                seeds=range(options.models),
                targets="corrected",
                epochs=protocol.turns + 1,
                batch_size=BATCH_SIZE,
            )
        ),
    }
    losses: dict[str, list[float]] = {}

    def epoch(way: str) -> None:
        losses[way] = next(trainings[way])

    seconds = take_turns({way: partial(epoch, way) for way in trainings}, protocol.turns)
    rates = {way: 3600 * options.models / (EPOCHS * spent) for way, spent in seconds.items()}
    apart = np.abs(np.divide(losses["together"], losses["alone"]) - 1).max()
    record = make_record(
        protocol,
        method,
        dataset=faces,
        embedder=recogniser,
        knowledge=alone[0].knowledge,
        config={"protocol": asdict(protocol), **alone[0].config, "models": options.models},
        metrics={
            **{f"{way}/models_per_hour": middle(rate) for way, rate in rates.items()},
            **{
                f"{way}/speedup": middle(seconds[way] / seconds["together"])
                for way in ("keras", "alone")
            },
            "together/loss_difference": metric(apart, n=options.models),
        },
    )
    print(record.write(options.records))


def run_all(options: Options) -> None:
    """Time every decoder, and write the table."""
    protocol = Speed(images=IMAGES)
    load: type[Compact | FaceNet] = FaceNet
    if options.smoke:
        options, protocol, load = rehearsal(options), Speed(images=64, turns=2), Compact
    for decoder in options.decoders:
        if decoder not in DECODERS:
            raise UserError(f"decoders are {', '.join(DECODERS)}, not {decoder!r}")
    recogniser = load()
    for decoder in options.decoders:
        time_one(decoder, options, protocol, recogniser)
    write_speed(options.records, options.tables)


if __name__ == "__main__":
    main(Options, run_all)
