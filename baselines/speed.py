"""Decoders trained per hour: many together, as shadow models are, and one after another."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from baselines.decoders import DECODERS
from baselines.inverter import DecoderInverter
from baselines.options import DOCUMENTED, EPOCHS
from baselines.together import train_together
from gan_inversion.core.record import metric
from gan_inversion.data import Synthetic
from gan_inversion.inverters.loop import fit
from gan_inversion.protocols.records import Entry
from gan_inversion.protocols.speed.rules import Speed
from gan_inversion.protocols.speed.turns import middle, take_turns
from gan_inversion.recognisers import KerasRecogniser

BATCH_SIZE = 32


def by_keras(
    decoder: str, epochs: int, embeddings: np.ndarray, images: np.ndarray
) -> Iterator[list[float]]:
    """Train one decoder by Keras' own `fit`; yield the losses after every `epochs` epochs."""
    pixels = images / np.float32(255)
    model = DECODERS[decoder]()
    model.compile("adam", "mse")
    while True:
        history = model.fit(embeddings, pixels, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
        yield history.history["loss"]


def one_after_another(
    inverters: list[DecoderInverter], embeddings: np.ndarray, images: np.ndarray
) -> Iterator[list[float]]:
    """Train the inverters epoch by epoch; yield their losses. The index of each is its seed."""
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
    decoder: str, models: int, protocol: Speed, recogniser: KerasRecogniser, records: Path
) -> None:
    """Time and record one decoder, unless its record exists."""
    faces = Synthetic(protocol.images, 1)
    entry = Entry(records, protocol, f"farm_{decoder}", faces, recogniser)
    if entry.exists(models=models):
        return
    images = np.asarray(faces.view("aligned"))
    embeddings = recogniser.embed(images)
    named = DOCUMENTED[f"documented_{decoder}"]
    options = replace(named, epochs=protocol.turns + 1, batch_size=BATCH_SIZE)
    members = np.ones((len(images), models), bool)
    together = train_together(options, embeddings, images, members, seeds=range(models))
    alone = [DecoderInverter(options) for _ in range(models)]
    trainings = {
        "keras": by_keras(decoder, models, embeddings, images),
        "alone": one_after_another(alone, embeddings, images),
        "together": (losses for _, losses in together),
    }
    losses: dict[str, list[float]] = {}

    def epoch(way: str) -> None:
        losses[way] = next(trainings[way])

    seconds = take_turns({way: partial(epoch, way) for way in trainings}, protocol.turns)
    rates = {way: 3600 * models / (EPOCHS * spent) for way, spent in seconds.items()}
    apart = np.abs(np.divide(losses["together"], losses["alone"]) - 1).max()
    path = entry.write(
        knowledge=alone[0].knowledge,
        config={**alone[0].config, "models": models},
        metrics={
            **{f"{way}/models_per_hour": middle(rate) for way, rate in rates.items()},
            **{
                f"{way}/speedup": middle(seconds[way] / seconds["together"])
                for way in ("keras", "alone")
            },
            "together/loss_difference": metric(apart, n=models),
        },
    )
    print(path)
