"""The search of loss weights: the space that is searched, and the training of one trial."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np

from gan_inversion.cgan.inverter import ConditionalGAN
from gan_inversion.cgan.presets import PRESETS
from gan_inversion.core.run import Run
from gan_inversion.data import Subset
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.trained import reconstruct
from gan_inversion.metrics.realism import sliced_distances
from gan_inversion.metrics.reconstruction import ssim
from gan_inversion.metrics.verification import cosine

HELD_OUT = 256  # validation images that a training is scored on

# Figures of a training, and scores of the held-out images, both by name.
Found = tuple[dict[str, float], dict[str, np.ndarray]]


def space(name: str) -> keras_tuner.HyperParameters:
    """The search space: loss weights from a quarter to four times those of `cpu`."""
    options, usual = keras_tuner.HyperParameters(), PRESETS["cpu"]
    for term in ("l1", "dissimilarity", "identity", "adversarial"):
        weight = getattr(usual, term)
        options.Float(term, weight / 4, weight * 4, sampling="log", default=weight)
    return options


def train(values: Mapping[str, Any], folder: Path, seed: int, setup: Any) -> Found:
    """Train a conditional GAN with the chosen weights; return figures on held-out subjects."""
    steps = setup.protocol.epochs
    config = replace(
        PRESETS["smoke" if setup.smoke else "cpu"],
        **values,
        steps=steps,
        warmup=0,
        interval=steps,
        ramp=steps,
        corrections=0,
    )
    attacked = setup.bench.victim
    inverter = ConditionalGAN(config, recogniser=attacked.recogniser)
    train: Images = Subset(setup.images, setup.train)
    with Run(folder, {"options": dict(values), "seed": seed}) as run:
        inverter.fit(setup.embeddings[setup.train], train, seed=seed, run=run)
        loss = run.last("train_loss")
        originals = setup.images[setup.held_out]
        embeddings = setup.embeddings[setup.held_out]
        pictures, _ = reconstruct(inverter, embeddings)
        scores = {
            "cosine": cosine(attacked.recogniser.embed(pictures), embeddings),
            "ssim": ssim(originals / np.float32(255), pictures / np.float32(255)),
        }
        levels = sliced_distances(originals, pictures, seed=seed)
        swd = float(np.mean(list(levels.values()), dtype=float))
        figures = {name: float(values.mean()) for name, values in scores.items()} | {"swd": swd}
        figures["score"] = figures["cosine"] + figures["ssim"] - swd / 1000
        run.log(1, **figures)
    run.checkpoint.unlink(missing_ok=True)
    return {"train_loss": loss, **figures}, scores
