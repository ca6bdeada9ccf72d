"""The gradient step of two players, for each Keras backend: the one place where they differ.

A model gives a loss for each of its `players` from one forward pass; each player's weights move by
the gradient of its own loss.
"""

from typing import Any

import keras
from keras import ops

TENSORFLOW = keras.backend.backend() == "tensorflow"


class TwoTimescaleAdam(keras.optimizers.Adam):
    """Adam with a learning rate for each of two players (Heusel et al., NeurIPS 2017).

    Args:
        learning_rate: for the first variables.
        second_rate: for the others.
        first: how many variables come before those.
        options: of Adam.
    """

    def __init__(self, learning_rate: float, second_rate: float, first: int, **options: Any):
        super().__init__(learning_rate, **options)
        self.pace, self.first = second_rate / learning_rate, first

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        second = self._get_variable_index(variable) >= self.first
        super().update_step(gradient, variable, learning_rate * (self.pace if second else 1.0))


def train_step(model: Any, *arguments: Any) -> Any:
    """Keras' `train_step` of a model with `losses(batch)`, `players` and `follow()`."""
    return (_tensorflow_step if TENSORFLOW else _jax_step)(model, *arguments)


def _tensorflow_step(model: Any, data: tuple) -> dict:
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        losses = model.losses(data[0])
    gradients = [
        part
        for loss, player in zip(losses, model.players, strict=True)
        for part in tape.gradient(loss, player.trainable_variables)
    ]
    model.optimizer.apply(gradients, model.trainable_variables)
    model.follow()
    return model.get_metrics_result()


def _jax_step(model: Any, state: tuple, data: tuple) -> tuple:
    import jax

    trainable, fixed, optimizer, metrics = state
    others = [*model.non_trainable_variables, *model.metrics_variables]

    def forward(trainable: list) -> tuple:
        known = [*zip(model.trainable_variables, trainable, strict=True)]
        known += zip(others, [*fixed, *metrics], strict=True)
        known += zip(model.optimizer.variables, optimizer, strict=True)  # it counts the steps
        with keras.StatelessScope(known) as scope:
            losses = model.losses(data[0])
        return losses, [scope.get_current_value(variable) for variable in others]

    _, backward, changed = jax.vjp(forward, trainable, has_aux=True)
    gradients: list = []
    for place, player in enumerate(model.players):
        chosen = [float(other == place) for other in range(len(model.players))]
        own = slice(len(gradients), len(gradients) + len(player.trainable_variables))
        gradients += backward(chosen)[0][own]
    trainable, optimizer = model.optimizer.stateless_apply(optimizer, gradients, trainable)
    known = [*zip(model.trainable_variables, trainable, strict=True)]
    known += zip(model.optimizer.variables, optimizer, strict=True)
    known += zip(others, changed, strict=True)
    with keras.StatelessScope(known) as scope:
        model.follow()
        logs = model.get_metrics_result()
    after = [scope.get_current_value(variable) for variable in others]
    fixed, metrics = after[: len(fixed)], after[len(fixed) :]
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
