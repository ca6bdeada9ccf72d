"""The search of decoders: the space that is searched, and the training of one trial."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from baselines.decoders import decoder
from baselines.inverter import DecoderInverter, in_range
from baselines.options import DecoderOptions
from gan_inversion.core.run import Run
from gan_inversion.data import Subset
from gan_inversion.inverters.loop import fit, shuffled
from gan_inversion.inverters.trained import score

HELD_OUT = None  # number of images that a training is scored on; None for all that are held out

# Figures of a training, and scores of the held-out images, both by name.
Found = tuple[dict[str, float], dict[str, np.ndarray]]


def space(name: str) -> keras_tuner.HyperParameters:
    """The search space: the number of layers as in the thesis, or more options if `honest`."""
    options = keras_tuner.HyperParameters()
    options.Int("layers", 1, 4)
    if name == "honest":
        options.Choice("width", [128, 256, 512])
        options.Float("learning_rate", 1e-4, 3e-3, sampling="log")
        options.Choice("batch_size", [16, 32, 64])
    return options


def train(values: Mapping[str, Any], folder: Path, seed: int, setup: Any) -> Found:
    """Train a decoder with the chosen options; return its training and validation losses."""
    keras.utils.set_random_seed(seed)
    model = decoder(values["layers"], values.get("width", 512), setup.embeddings.shape[1])
    rate = values.get("learning_rate", 1e-3)
    model.compile(keras.optimizers.Adam(rate), "mse", jit_compile=True)
    inverter = DecoderInverter(
        DecoderOptions(targets="documented" if setup.name == "documented" else "corrected")
    )
    low, high = inverter.targets
    inverter.model = model
    images = setup.images
    batches = shuffled(
        setup.embeddings[setup.train],
        Subset(images, setup.train),
        batch_size=values.get("batch_size", 32),
        seed=seed,
        scale=partial(in_range, low=low, high=high),
    )
    with Run(folder, {"options": dict(values), "seed": seed}) as run:
        fit(model, batches, epochs=setup.protocol.epochs, seed=seed, run=run)
        last = run.last("train_loss")
        unseen = setup.embeddings[setup.held_out], Subset(images, setup.held_out)
        losses, _, _ = score(inverter, *unseen, span=high - low)
        loss = float(losses.mean())
        run.log(setup.protocol.epochs, validation_loss=loss)
    run.checkpoint.unlink(missing_ok=True)
    return {"train_loss": last, "validation_loss": loss}, {"validation_loss": losses}
