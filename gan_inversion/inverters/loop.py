"""The training loop of a single Keras model: log, preview, checkpoint, resume.

After each epoch weights and optimiser are written to one file; the order of the images and the
dropout masks depend on seed and epoch only. A resumed run therefore computes what an uninterrupted
one would have computed.
"""

import itertools
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.memory import keep_freed_memory
from gan_inversion.core.progress import leave_out_first, progress
from gan_inversion.core.run import Run
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import atomic
from gan_inversion.data.dataset import Images


def fit(
    model: keras.Model,
    batches: Callable[[int], keras.utils.PyDataset],
    *,
    epochs: int,
    seed: int,
    first: int = 0,
    run: Run | None = None,
    checkpoint: Path | None = None,
    invert: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict[str, float]:
    """Train a compiled model; return the last epoch's losses, none if nothing was left to do.

    Args:
        model: compiled.
        batches: gives the batches of an epoch, counted from 0; the order must depend on the epoch
            only.
        epochs: passes over the data in all, those before a resume included.
        seed: for the random layers.
        first: passes that came before, with another optimiser; they count among `epochs`.
        run: where to log, preview and checkpoint; without it nothing is written.
        checkpoint: file of weights and optimiser; the run's own unless given.
        invert: maps embeddings to images in [0, 1] by `model`, for the preview.

    Raises:
        UserError: the loss is no longer finite.
    """
    steps = len(batches(0))
    done = first
    values: dict[str, float] = {}
    if run:
        kept = checkpoint or run.checkpoint
        if kept.exists():
            load_state(model, kept)
            done += int(model.optimizer.iterations) // steps
        run.rewind(done)
    bar = progress(
        total=epochs * steps, initial=done * steps, unit="step", desc=f"{model.name} compiles"
    )
    steps_seen = itertools.count()
    with bar:
        tick = keras.callbacks.LambdaCallback(
            # Again at every step: TensorFlow changes the settings once an epoch has begun.
            on_train_batch_begin=lambda batch, logs: keep_freed_memory(),
            on_train_batch_end=lambda batch, logs: (
                bar.update() if next(steps_seen) else leave_out_first(bar)
            ),
        )
        for epoch in range(done, epochs):
            bar.set_description(f"{model.name} epoch {epoch + 1}/{epochs}", refresh=False)
            reseed(model, seed, epoch)
            start = time.perf_counter()
            logs = model.fit(batches(epoch), shuffle=False, verbose=0, callbacks=[tick]).history
            values = {f"train_{name}": float(value[-1]) for name, value in logs.items()}
            if not np.isfinite(values["train_loss"]):
                raise UserError(f"training diverged: the loss is not finite in epoch {epoch + 1}")
            bar.set_postfix(values, refresh=False)
            if run:
                run.log(epoch + 1, **values, seconds=time.perf_counter() - start)
                if invert is not None:
                    run.show(epoch + 1, invert)
                run.reach(epoch + 1)
                save_state(model, kept)
    return values


def state(model: keras.Model) -> list[keras.Variable]:
    """What a training resumes from: weights, and the variables of the optimiser, or of several."""
    optimizers = getattr(model, "optimizers", [model.optimizer])
    return [
        *model.weights,
        *(variable for optimizer in optimizers for variable in optimizer.variables),
    ]


def save_state(model: keras.Model, path: Path) -> None:
    """Write weights and optimiser of a compiled model, atomically.

    The file is an .npz: on a full disk, writing it raises an error, whereas writing Keras' own
    format would end the process.
    """
    arrays = {f"{place:04d}": np.asarray(v) for place, v in enumerate(state(model))}
    with atomic(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def load_state(model: keras.Model, path: Path) -> None:
    """Read what `save_state` wrote of the same model.

    Raises:
        UserError: the file is damaged, or of another model.
    """
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = state(model)
    try:
        arrays = [array for _, array in sorted(read_arrays(path).items())]
    except UserError as error:
        raise UserError(
            f"{path} is not a readable checkpoint: remove it, and its run starts anew"
        ) from error
    if [array.shape for array in arrays] != [tuple(v.shape) for v in variables]:
        raise UserError(f"{path} is a checkpoint of another model: remove it, and train anew")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Seed the model's random layers (dropout) for one epoch.

    Keras saves weights without the state of these layers.
    """
    states = [v for v in model.non_trainable_variables if v.path.endswith("seed_generator_state")]
    for index, state in enumerate(states):
        state.assign(stream(seed, "layer", index, epoch).integers(2**31, size=state.shape))


class Threaded(keras.utils.PyDataset):
    """Batches made by Keras' threads, at least two, and more where there are more processors.

    One thread cannot prepare images as fast as an accelerator uses them. With a single worker
    TensorFlow prefetches instead, and one of its threads tunes that in periods that double: an
    epoch that ends meanwhile sometimes waits for it, for up to a minute.
    """

    def __init__(self) -> None:
        super().__init__(workers=max(2, (os.cpu_count() or 1) // 2))


class Batches(Threaded):
    """Inputs and targets in a given order, read batch by batch.

    Args:
        inputs: (N, ...).
        targets: (N, ...); images are read from disk when their batch comes up.
        order: (N,) integers, the epoch's permutation.
        batch_size: samples a batch; the last may be smaller.
        scale: applied to a batch of targets.
    """

    def __init__(
        self,
        inputs: Images | np.ndarray,
        targets: Images | np.ndarray,
        *,
        order: np.ndarray,
        batch_size: int,
        scale: Callable[[np.ndarray], np.ndarray] = np.asarray,
    ):
        super().__init__()
        self.inputs, self.targets = inputs, targets
        self.order, self.batch_size, self.scale = order, batch_size, scale

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return self.inputs[chosen], self.scale(self.targets[chosen])


def shuffled(
    inputs: Images | np.ndarray,
    targets: Images | np.ndarray,
    *,
    batch_size: int,
    seed: int,
    scale: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> Callable[[int], Batches]:
    """The `batches` argument of `fit`: a random order for each epoch."""

    def batches(epoch: int) -> Batches:
        order = stream(seed, "shuffle", epoch).permutation(len(inputs))
        return Batches(inputs, targets, order=order, batch_size=batch_size, scale=scale)

    return batches
