"""A training step to be timed, and the number of arithmetic operations in it."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from gan_inversion.cgan.adversarial import StepBatches
from gan_inversion.cgan.build import adversaries, with_precision
from gan_inversion.cgan.options import Config
from gan_inversion.core.errors import UserError
from gan_inversion.inverters.loop import fit
from gan_inversion.recognisers import KerasRecogniser


def products(graph: Any) -> float:
    """10^9 operations in the dense convolutions and matrix products of a traced TensorFlow graph.

    Depthwise convolutions, which take few, are not counted. A multiplication and its addition count
    as two. Shapes must be known. Operations whose results are not used are left out, as TensorFlow
    does not run them: the gradients of frozen kernels.
    """
    total = 0
    ahead = [*(tensor.op for tensor in graph.outputs), *graph.control_outputs]
    needed = set(ahead)
    while ahead:
        op = ahead.pop()
        before = {tensor.op for tensor in op.inputs} | set(op.control_inputs)
        ahead += before - needed
        needed |= before
    for op in needed:
        shapes = [tuple(tensor.shape) for tensor in (*op.inputs, *op.outputs)]
        if op.type == "Conv2D" or op.type == "Conv2DBackpropInput":
            total += math.prod(shapes[2]) * math.prod(shapes[1][:3])
        elif op.type == "Conv2DBackpropFilter":
            total += math.prod(shapes[2]) * math.prod(shapes[3][:3])
        elif op.type in ("MatMul", "BatchMatMulV2"):
            transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
            total += math.prod(shapes[2]) * shapes[0][-2 if transposed else -1]
        elif op.type == "Einsum":
            sides = op.get_attr("equation").decode().split("->")[0].split(",")
            sizes = {
                letter: size
                for side, shape in zip(sides, shapes, strict=False)
                for letter, size in zip(side, shape, strict=True)
            }
            total += math.prod(sizes.values())
    return 2 * total / 1e9


def traced(players: keras.Model, batch: dict) -> Any:
    """The graph of one step on a batch of known shapes."""
    import tensorflow as tf

    tensors = tf.nest.map_structure(tf.convert_to_tensor, batch)
    step = tf.function(lambda: players.train_step((tensors,)))
    return step.get_concrete_function().graph


def steps_to_time(
    config: Config, recogniser: KerasRecogniser, images: np.ndarray
) -> tuple[Config, Callable[[], object], int, float]:
    """Training steps over the given images, without a warm-up.

    Args:
        config: of the conditional GAN.
        recogniser: the attacked one.
        images: uint8 (N, 160, 160, 3).

    Returns:
        The configuration that is timed, a function that does the steps, the number of images
        that one call trains on, and 10^9 operations per image.

    Raises:
        UserError: the backend is not TensorFlow, in whose graph the operations are counted.
    """
    if not isinstance(config, Config):
        raise UserError("expected a method of the conditional GAN, got one of another family")
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "expected the backend tensorflow, in whose graph the operations are counted, got "
            f"{keras.backend.backend()}"
        )
    steps = max(1, len(images) // config.batch_size)
    config = replace(config, steps=steps, interval=steps, warmup=0)
    config = with_precision(config, recogniser.dimension)
    players = adversaries(config, recogniser.dimension, recogniser, seed=0)
    draws = StepBatches(recogniser.embed(images), images, config, seed=0, interval=0)
    work = products(traced(players, draws[0][0])) / config.batch_size
    step = lambda: fit(players, lambda interval: draws, epochs=1, seed=0)  # noqa: E731
    return config, step, steps * config.batch_size, work
