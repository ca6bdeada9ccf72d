"""The gradient step of two players: the only code that differs between Keras backends.

A model gives a loss for each of its players from one forward pass; each player's weights move by
the gradient of its own loss, with an optimiser and a learning rate of its own (two time scales:
Heusel et al., NeurIPS 2017).
"""

from contextlib import ExitStack
from typing import Any

import keras
from keras import ops

TENSORFLOW = keras.backend.backend() == "tensorflow"


def train_step(model: Any, *arguments: Any) -> Any:
    """Keras' `train_step` of a model of several players.

    The model has `losses(batch)`, and in the same order `players` and `optimizers`, of which the
    first is `model.optimizer`; variables of the others are among its `non_trainable_variables`.
    """
    return (_tensorflow_step if TENSORFLOW else _jax_step)(model, *arguments)


def _tensorflow_step(model: Any, data: tuple) -> dict:
    import tensorflow as tf

    # A tape for each player, which watches that player alone: the discriminator's gradient then
    # ends at the images, instead of being followed through generator and recogniser for nothing.
    tapes = [tf.GradientTape(watch_accessed_variables=False) for _ in model.players]
    with ExitStack() as recorded:
        for tape, player in zip(tapes, model.players, strict=True):
            recorded.enter_context(tape).watch([v.value for v in player.trainable_variables])
        losses = model.losses(data[0])
    gradients = [
        tape.gradient(loss, player.trainable_variables)
        for tape, loss, player in zip(tapes, losses, model.players, strict=True)
    ]
    for optimizer, player, slopes in zip(model.optimizers, model.players, gradients, strict=True):
        optimizer.apply(slopes, player.trainable_variables)
    model.update_average()
    return model.get_metrics_result()


def _jax_step(model: Any, state: tuple, data: tuple) -> tuple:
    import jax

    trainable, fixed, optimizer, metrics = state
    weights, own = model.trainable_variables, model.optimizer.variables
    others = [*model.non_trainable_variables, *model.metrics_variables]

    def forward(trainable: list) -> tuple:
        values = [*trainable, *fixed, *metrics, *optimizer]  # the optimiser counts the steps
        with keras.StatelessScope([*zip([*weights, *others, *own], values, strict=True)]) as scope:
            losses = model.losses(data[0])
        return losses, [scope.get_current_value(variable) for variable in others]

    _, backward, changed = jax.vjp(forward, trainable, has_aux=True)
    values = dict(zip(map(id, [*weights, *others, *own]), [*trainable, *changed, *optimizer],
                      strict=True))  # fmt: skip
    for place, player in enumerate(model.players):
        one_hot = [float(other == place) for other in range(len(model.players))]
        slopes = dict(zip(map(id, weights), backward(one_hot)[0], strict=True))
        moved, state_of = player.trainable_variables, model.optimizers[place].variables
        after = model.optimizers[place].stateless_apply(
            [values[id(variable)] for variable in state_of],
            [slopes[id(variable)] for variable in moved],
            [values[id(variable)] for variable in moved],
        )
        for variables, new in zip((moved, state_of), after, strict=True):
            values |= zip(map(id, variables), new, strict=True)
    every = [*weights, *others, *own]
    pairs = [(variable, values[id(variable)]) for variable in every]
    with keras.StatelessScope(pairs) as scope:
        model.update_average()
        logs = model.get_metrics_result()
    after_all = [scope.get_current_value(variable) for variable in every]
    parts, start = [], 0
    for size in (len(trainable), len(fixed), len(metrics), len(optimizer)):
        parts.append(after_all[start : start + size])
        start += size
    trainable, fixed, metrics, optimizer = parts
    return logs, (trainable, fixed, optimizer, metrics)


def input_gradients(function: Any, inputs: list) -> list:
    """Gradients of the sum of `function(inputs)` by each input, themselves differentiable."""
    if TENSORFLOW:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = ops.sum(function(inputs))
        return tape.gradient(total, inputs)
    import jax

    return jax.grad(lambda inputs: ops.sum(function(inputs)))(inputs)
