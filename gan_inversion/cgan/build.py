"""The networks of a configuration, built with fresh weights, and their optimisers."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np

from gan_inversion.cgan.adversarial import Adversaries, FrozenRecogniser
from gan_inversion.cgan.networks import discriminator, generator
from gan_inversion.cgan.options import Config
from gan_inversion.recognisers import KerasRecogniser, fastest_precision

JIT = keras.backend.backend() == "jax"  # XLA's convolutions are slower than oneDNN's on a CPU


def build_generator(config: Config, dimension: int, precision: str) -> keras.Model:
    """The generator of a configuration."""
    model = generator(
        dimension, noise=config.noise, side=config.side, width=config.width, precision=precision
    )
    model.compile(jit_compile=JIT)
    return model


def with_precision(config: Config, dimension: int) -> Config:
    """The configuration with `auto` replaced by the precision that is faster on this machine."""
    if config.precision != "auto":
        return config
    inputs = [np.zeros((16, size), "float32") for size in (dimension, config.noise)]
    fastest = fastest_precision(
        partial(build_generator, config, dimension), inputs, name="generator"
    )
    return replace(config, precision="float32" if fastest == "float32" else "mixed_bfloat16")


def adversaries(
    config: Config, dimension: int, recogniser: KerasRecogniser | None, *, seed: int
) -> Adversaries:
    """Networks and optimiser of a configuration, with new weights; its precision is not `auto`."""
    precision = config.precision
    frozen = None
    maps: list[tuple[int, int, int]] = []
    if config.needs_recogniser and recogniser is not None:
        arithmetic = precision.removeprefix("mixed_")
        frozen = FrozenRecogniser(*recogniser.differentiable(arithmetic, config.stages))
        maps = [tuple(output.shape[1:]) for output in frozen.trunk.outputs]
    keras.utils.set_random_seed(seed)  # not before: what is built above may use randomness
    opponent = None
    if config.adversarial:
        opponent = discriminator(
            dimension,
            width=config.discriminator_width,
            maps=maps if config.projected else [],
            precision=precision,
        )
    players = Adversaries(
        config,
        build_generator(config, dimension, precision),
        build_generator(config, dimension, precision),
        opponent,
        recogniser=frozen,
    )
    players.compile(players.optimizers[0], jit_compile=JIT)
    return players
