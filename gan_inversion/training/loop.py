"""The training loop of a single Keras model: shuffled batches, log, preview, checkpoint, resume.

Fourth stage of the flow. After each epoch weights and optimiser go into one file; the order of
the images and the dropout masks depend on seed and epoch only. A resumed run therefore computes
what the uninterrupted one would have.
"""

import math
import time
from collections.abc import Callable

import keras
import numpy as np

from gan_inversion.errors import UserError
from gan_inversion.inverter import Images
from gan_inversion.progress import progress
from gan_inversion.run import Run
from gan_inversion.seeding import stream
from gan_inversion.storage import atomic


class Batches(keras.utils.PyDataset):
    """One epoch's batches: embeddings and pictures scaled to the target range.

    Args:
        embeddings: float32 (N, D).
        images: uint8 (N, H, W, 3), read by batch.
        order: (N,) integers, the epoch's permutation.
        batch_size: images a batch; the last may be smaller.
        targets: range that pixel values 0 and 255 map to.
    """

    def __init__(
        self,
        embeddings: np.ndarray,
        images: Images,
        *,
        order: np.ndarray,
        batch_size: int,
        targets: tuple[float, float],
    ):
        super().__init__()
        self.embeddings, self.images = embeddings, images
        self.order, self.batch_size, self.targets = order, batch_size, targets

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return self.embeddings[chosen], scale(self.images[chosen], self.targets)


def scale(images: np.ndarray, targets: tuple[float, float]) -> np.ndarray:
    """Map uint8 pixels linearly, 0 and 255 to the ends of `targets`; float32."""
    low, high = targets
    return images.astype("float32") * np.float32((high - low) / 255) + np.float32(low)


def fit(
    model: keras.Model,
    embeddings: np.ndarray,
    images: Images,
    *,
    targets: tuple[float, float],
    epochs: int,
    batch_size: int,
    seed: int,
    run: Run | None = None,
    invert: Callable[[np.ndarray], np.ndarray] | None = None,
) -> None:
    """Train a compiled model to map embeddings to pictures.

    Args:
        model: compiled; maps (N, D) to (N, H, W, 3).
        embeddings: float32 (N, D).
        images: uint8 (N, H, W, 3).
        targets: range that pixel values 0 and 255 map to.
        epochs: passes over the data in all, those before a resume included.
        batch_size: images a step.
        seed: for the order of the images and the random layers.
        run: where to log, preview and checkpoint; without it nothing is written.
        invert: maps embeddings to pictures in [0, 1] by `model`, for the preview.

    Raises:
        UserError: the loss is no longer finite.
    """
    steps = math.ceil(len(embeddings) / batch_size)
    done = 0
    if run:
        if run.checkpoint.exists():
            model.optimizer.build(model.trainable_variables)
            model.load_weights(run.checkpoint)
            done = int(model.optimizer.iterations) // steps
        run.rewind(done)
    with progress(total=epochs * steps, initial=done * steps, unit="step") as bar:
        tick = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
        for epoch in range(done, epochs):
            bar.set_description(f"{model.name} epoch {epoch + 1}/{epochs}")
            order = stream(seed, "shuffle", epoch).permutation(len(embeddings))
            batches = Batches(
                embeddings, images, order=order, batch_size=batch_size, targets=targets
            )
            reseed(model, seed, epoch)
            start = time.perf_counter()
            logs = model.fit(batches, shuffle=False, verbose=0, callbacks=[tick]).history
            values = {f"train_{name}": float(value[-1]) for name, value in logs.items()}
            if not np.isfinite(values["train_loss"]):
                raise UserError(f"training diverged: the loss is not finite in epoch {epoch + 1}")
            bar.set_postfix(values, refresh=False)
            if run:
                run.log(epoch + 1, **values, seconds=time.perf_counter() - start)
                if invert is not None:
                    run.show(epoch + 1, invert)
                with atomic(run.checkpoint) as temporary:
                    model.save_weights(temporary)


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Start the model's random layers (dropout) on their streams for one epoch.

    Keras saves weights without the state of these layers.
    """
    states = [v for v in model.non_trainable_variables if v.path.endswith("seed_generator_state")]
    for index, state in enumerate(states):
        state.assign(stream(seed, "layer", index, epoch).integers(2**31, size=state.shape))
