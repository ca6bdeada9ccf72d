"""Many decoders trained at once: the shadow models of the `membership` protocol.

The models share nothing but the pass over the data. Each is trained on its own images in its own
order, with the same result as alone (`DecoderInverter.fit` with the same seed). The arithmetic is
faster: all but one per cent of a decoder's parameters are in its last layer, from a few hundred
features to 76,800 pixels. The step of that layer is written out here, transposed, in the forms that
CPU libraries multiply fastest, with Adam in one pass over memory.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from baselines.decoders import PIXELS
from baselines.inverter import DecoderInverter, epochs_of
from baselines.options import DecoderOptions
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.data import Subset
from gan_inversion.inverters.base import check_fit
from gan_inversion.inverters.loop import reseed

RATE, FIRST, SECOND, EPSILON = 1e-3, 0.9, 0.999, 1e-7  # of Adam, Keras' defaults


class Shadow:
    """One decoder: its trunk is a Keras model, its last layer two variables.

    Args:
        inverter: the decoder, not yet fitted.
        dimension: components of the embeddings.
        seed: of weights, order and dropout.
    """

    def __init__(self, inverter: DecoderInverter, dimension: int, *, seed: int):
        if keras.backend.backend() != "tensorflow":
            raise UserError("expected the backend tensorflow for many decoders at once")
        keras.utils.set_random_seed(seed)
        self.model = inverter.network(dimension)
        self.seed, (self.low, self.high) = seed, inverter.targets
        self.options = inverter.options
        *trunk, self.head, _ = self.model.layers
        self.trunk = keras.Model(self.model.inputs, trunk[-1].output)
        # (PIXELS, features): both products with it then read memory in order.
        self.kernel = keras.Variable(ops.transpose(self.head.kernel), name="kernel")
        self.bias = keras.Variable(ops.expand_dims(self.head.bias, 1), name="bias")
        self.variables = [*self.trunk.trainable_variables, self.kernel, self.bias]
        self.powers = keras.Variable(np.ones(2, "float32"), trainable=False)
        self.moments = [
            [keras.Variable(ops.zeros_like(v), trainable=False) for v in self.variables]
            for _ in range(2)
        ]

    def gradients(self, embeddings: Any, pixels: Any) -> tuple[list, Any]:
        """Gradients of the mean squared error by `variables`, and the error.

        Args:
            embeddings: float32 (B, D).
            pixels: 0 to 255, (PIXELS, B).
        """
        import tensorflow as tf

        with tf.GradientTape() as tape:
            hidden = self.trunk(embeddings, training=True)  # (B, F)
        outputs = ops.sigmoid(ops.matmul(self.kernel, ops.transpose(hidden)) + self.bias)
        span = self.high - self.low
        errors = outputs - (ops.cast(pixels, "float32") * (span / 255) + self.low)  # (PIXELS, B)
        loss = ops.mean(ops.square(errors))
        share = 2 / ops.cast(ops.size(errors), "float32")
        slopes = share * errors * outputs * (1 - outputs)
        upstream = ops.matmul(ops.transpose(slopes), self.kernel)  # (B, F)
        inner = tape.gradient(hidden, self.trunk.trainable_variables, output_gradients=upstream)
        outer = [ops.matmul(slopes, hidden), ops.sum(slopes, axis=1, keepdims=True)]
        return [*inner, *outer], loss

    def step(self, embeddings: Any, pixels: Any) -> Any:
        """One step of Adam (Kingma & Ba, ICLR 2015, end of section 2); return the error before it.

        Arguments as for `gradients`.
        """
        import tensorflow as tf

        gradients, loss = self.gradients(embeddings, pixels)
        self.powers.assign(self.powers * [FIRST, SECOND])
        for variable, first, second, slope in zip(
            self.variables, *self.moments, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=first.value.handle,
                v=second.value.handle,
                beta1_power=self.powers[0],
                beta2_power=self.powers[1],
                lr=RATE,
                beta1=FIRST,
                beta2=SECOND,
                epsilon=EPSILON,
                grad=slope,
            )
        return loss

    def inverter(self) -> DecoderInverter:
        """The decoder with its current weights, as an inverter."""
        self.head.kernel.assign(ops.transpose(self.kernel))
        self.head.bias.assign(self.bias[:, 0])
        inverter = DecoderInverter(self.options)
        inverter.model = self.model
        return inverter


def train_specs(
    options: DecoderOptions,
    embeddings: np.ndarray,
    images: np.ndarray | Subset,
    membership: np.ndarray,
    *,
    seeds: Sequence[int],
    epochs: Collection[int],
) -> Iterator[tuple[int, list[DecoderInverter]]]:
    """Train many decoders at once, as `train_together` does, and give them after some epochs.

    Yields:
        Each of the epochs, and the inverters as they are after it; the next epoch changes them.
    """
    options = replace(options, epochs=max(epochs))
    trained = train_together(options, embeddings, images, membership, seeds=seeds)
    for epoch, (shadows, _) in enumerate(trained, 1):
        if epoch in epochs:
            yield epoch, [shadow.inverter() for shadow in shadows]


def train_together(
    options: DecoderOptions,
    embeddings: np.ndarray,
    images: np.ndarray | Subset,
    membership: np.ndarray,
    *,
    seeds: Sequence[int],
) -> Iterator[tuple[list[Shadow], list[float]]]:
    """Train a decoder once for each column of a membership matrix, all at the same time.

    Args:
        options: of the decoder and its training.
        embeddings: float32 (N, D).
        images: uint8 (N, 160, 160, 3).
        membership: bool (N, M), which images each model is trained on.
        seeds: (M,), of each model.

    Yields:
        After each epoch the models and their mean losses in it.
    """
    check_fit(embeddings, images)
    if membership.shape != (len(images), len(seeds)):
        raise UserError(
            f"expected membership ({len(images)}, {len(seeds)}), got {membership.shape}"
        )
    inverter = DecoderInverter(options)
    shadows = [Shadow(inverter, embeddings.shape[1], seed=seed) for seed in seeds]
    members = [np.flatnonzero(column) for column in membership.T]
    draws = [
        epochs_of(
            embeddings[own],
            Subset(images, own),
            batch_size=options.batch_size,
            seed=shadow.seed,
            augment=options.augment,
            scale=_columns,
        )
        for shadow, own in zip(shadows, members, strict=True)
    ]
    step = _graph()
    steps = [len(draw(0)) for draw in draws]
    title = f"{len(shadows)} {options.decoder}"
    with progress(total=options.epochs * sum(steps), unit="step", desc=title) as bar:
        for epoch in range(options.epochs):
            for shadow in shadows:
                reseed(shadow.model, shadow.seed, epoch)
            batches = [draw(epoch) for draw in draws]
            sums = np.zeros(len(shadows))
            for place in range(max(steps)):
                busy = [model for model, count in enumerate(steps) if place < count]
                parts = [batches[model][place] for model in busy]
                losses = step([shadows[model] for model in busy], parts)
                for model, loss, part in zip(busy, losses, parts, strict=True):
                    sums[model] += float(loss) * len(part[0])
                bar.update(len(busy))
            yield shadows, (sums / [len(own) for own in members]).tolist()


def _columns(pictures: np.ndarray) -> np.ndarray:
    """Pictures (B, 160, 160, 3) as columns, (PIXELS, B)."""
    return np.ascontiguousarray(pictures.reshape(-1, PIXELS).T)


def _graph() -> Callable[[list[Shadow], list], list]:
    """A function that does one step of each of some models, in a graph for each choice."""
    import tensorflow as tf

    graphs: dict[tuple[int, ...], Any] = {}

    def step(shadows: list[Shadow], batches: list) -> list:
        key = tuple(id(shadow) for shadow in shadows)
        if key not in graphs:

            def body(batches: list) -> list:
                return [shadow.step(*batch) for shadow, batch in zip(shadows, batches, strict=True)]

            graphs[key] = tf.function(body, reduce_retracing=True, autograph=False)
        return graphs[key](batches)

    return step
