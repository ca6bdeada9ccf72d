"""The networks of a configuration, built with fresh weights, and their optimisers."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import keras
import numpy as np

from gan_inversion.cgan.adversarial import Adversaries, FrozenRecogniser
from gan_inversion.cgan.networks import discriminator, generator
from gan_inversion.cgan.options import Config
from gan_inversion.core.errors import UserError
from gan_inversion.recognisers import KerasRecogniser, fastest_precision, load_recogniser

TRAINING: dict[str, Literal["float32", "mixed_bfloat16"]] = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
}  # policy for an arithmetic
FEW = 4  # images of a step that is timed
JIT = keras.backend.backend() == "jax"  # XLA's convolutions are slower than oneDNN's on a CPU


def build_generator(config: Config, dimension: int, precision: str) -> keras.Model:
    """The generator of a configuration."""
    model = generator(
        dimension,
        noise=config.noise,
        side=config.side,
        width=config.width,
        whitened=config.whitening > 0,
        precision=precision,
    )
    model.compile(jit_compile=JIT)
    return model


def with_precision(config: Config, dimension: int) -> Config:
    """The configuration with `auto` replaced by the precision that is faster on this machine."""
    if config.precision != "auto":
        return config
    step_in = partial(_training_step, config, dimension)
    name = f"generator_{config.side}_{config.width}"
    return replace(config, precision=TRAINING[fastest_precision(step_in, name=name)])


def _training_step(config: Config, dimension: int, precision: str) -> Callable[[], Any]:
    """A step that trains a generator in a precision, at no learning rate.

    Without bfloat16 in the processor its gradients take ten times as long as those of float32,
    though its pictures take as long.
    """
    model = build_generator(config, dimension, TRAINING[precision])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse", jit_compile=JIT)
    inputs = [np.zeros((FEW, size), "float32") for size in (dimension, config.noise)]
    return partial(model.train_on_batch, inputs, np.zeros((FEW, *model.output_shape[1:])))


def opened(name: str) -> KerasRecogniser:
    """A recogniser of the committee.

    Raises:
        UserError: no gradient goes through it.
    """
    recogniser = load_recogniser(name)
    if not isinstance(recogniser, KerasRecogniser):
        raise UserError(f"expected a committee of Keras models, got {name}, which is none")
    return recogniser


def adversaries(
    config: Config, dimension: int, recogniser: KerasRecogniser | None, *, seed: int
) -> Adversaries:
    """Networks and optimiser of a configuration, with new weights; its precision is not `auto`."""
    precision = config.precision
    frozen, arithmetic = None, precision.removeprefix("mixed_")
    freeze = partial(FrozenRecogniser, greyscale=config.greyscale)
    committee = [freeze(*own.differentiable(arithmetic, 1)) for own in map(opened, config.members)]
    maps: list[tuple[int, int, int]] = []
    if config.needs_recogniser and recogniser is not None:
        frozen = freeze(*recogniser.differentiable(arithmetic, config.stages))
        maps = [tuple(output.shape[1:]) for output in frozen.trunk.outputs]
    # Not before: what is built above may use randomness. Not by Keras' own function, which also
    # sets TensorFlow's seed and so discards the compiled step of models that are trained in turn.
    random.seed(seed)
    opponent = None
    if config.adversarial:
        opponent = discriminator(
            dimension,
            side=config.discriminator_side,
            width=config.discriminator_width,
            maps=maps if config.projected else [],
            greyscale=config.greyscale,
            precision=precision,
        )
    players = Adversaries(
        config,
        build_generator(config, dimension, precision),
        build_generator(config, dimension, precision),
        opponent,
        recogniser=frozen,
        committee=committee,
    )
    players.compile(players.optimizers[0], jit_compile=JIT)
    return players
