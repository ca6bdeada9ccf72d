"""The dense decoder trained with differential privacy: a defence, and what it costs.

Abadi et al., "Deep Learning with Differential Privacy", CCS 2016: the gradient of each image is
clipped, and noise is added to their sum. Clipping, sampling and accounting are jax-privacy's.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import keras
import numpy as np

from baselines.inverter import DecoderInverter, in_range
from baselines.options import PrivateOptions
from gan_inversion.core.backend import load_backend
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.run import Run
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.base import check_fit

UNCLIPPED = 1000  # times the norm that the noise is made for; no image's gradient is that large


class PrivateInverter(DecoderInverter):
    """Decoder 1, trained by DP-SGD on batches that each image joins at random.

    JAX trains it, in a separate process where Keras has another backend. `fit` adds to `config` the
    `noise_multiplier`, the deviation of the noise by `clipping` that keeps epsilon.

    Args:
        options: of the network and its training; the batch size is the expected one.
        name: of the method.
    """

    OPTIONS = PrivateOptions
    options: PrivateOptions

    def __init__(self, options: PrivateOptions, *, name: str = "private decoder"):
        super().__init__(options, name=name)
        self.config["noise_multiplier"] = None  # before the training

    @classmethod
    def restored(cls, header: dict[str, Any]) -> Self:
        options = {name: value for name, value in header.items() if name != "noise_multiplier"}
        inverter = super().restored(options)
        inverter.config["noise_multiplier"] = header.get("noise_multiplier")
        return inverter

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        self.check_dimension(embeddings.shape[1])
        size, count = self.options.batch_size, len(images)
        if count < size:
            raise UserError(f"expected {size} images or more, got {count}")
        if find_spec("jax_privacy") is None:
            raise UserError("expected jax-privacy: pip install 'gan_inversion[private]'")
        pictures = images[np.arange(count)]
        if keras.backend.backend() == "jax":
            self._train(embeddings, pictures, seed)
        else:
            self._train_apart(embeddings, pictures, seed)

    def _train_apart(self, embeddings: np.ndarray, pictures: np.ndarray, seed: int) -> None:
        """Train in another process, as Keras has one backend per process, and load the result."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            np.savez(folder / "given.npz", embeddings=embeddings, pictures=pictures, seed=seed)
            (folder / "config.json").write_text(json.dumps({**self.config, "name": self.name}))
            command = [sys.executable, "-m", "baselines.private", name]
            done = subprocess.run(command, env=os.environ | {"KERAS_BACKEND": "jax"})
            if done.returncode:
                raise UserError(f"{self.name}: training under JAX ended with {done.returncode}")
            trained = self.load(folder / "trained")
        self.model, self.config = trained.model, trained.config

    def _budget(self, count: int, seed: int) -> Any:
        """What jax-privacy trains by, on so many images; the noise is computed from epsilon."""
        from jax_privacy import keras_api

        class FalseClaim(keras_api.DPKerasConfig):
            """A budget that is not kept, which the library would refuse."""

            def _validate_params(self) -> None:
                pass

        size = self.options.batch_size
        budget = keras_api.DPKerasConfig(
            epsilon=self.options.epsilon,
            delta=self.options.delta,
            clipping_norm=self.options.clipping,
            batch_size=size,
            gradient_accumulation_steps=1,
            train_steps=self.options.epochs * (count // size),
            train_size=count,
            poisson_sampling_in_fit=True,
            microbatch_size=1,  # the gradient of one image alone has 20 million components
            seed=seed,
        ).update_with_calibrated_noise_multiplier()
        self.config["noise_multiplier"] = float(budget.noise_multiplier)
        if self.options.clipped:
            return budget
        plain = asdict(budget)
        plain["clipping_norm"] *= UNCLIPPED  # of which the library's noise is a multiple
        plain["noise_multiplier"] /= UNCLIPPED
        return FalseClaim(**plain)

    def _train(self, embeddings: np.ndarray, pictures: np.ndarray, seed: int) -> None:
        """Train under JAX; pictures uint8 (N, 160, 160, 3)."""
        from jax_privacy import keras_api

        size, count, epochs = self.options.batch_size, len(pictures), self.options.epochs
        keras.utils.set_random_seed(seed)
        model = self.network(embeddings.shape[1])
        budget = self._budget(count, seed)
        # The library expects one loss per image: pixels stay in one axis.
        flat = keras.Model(model.inputs, model.layers[-2].output)
        private = keras_api.make_private(flat, budget)
        private.compile(keras.optimizers.Adam(self.options.learning_rate), "mse")
        low, high = self.targets
        targets = in_range(pictures, low=low, high=high)
        with progress(total=epochs * (count // size), unit="step", desc=self.name) as bar:
            tick = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: bar.update()
            )
            private.fit(
                np.asarray(embeddings, "float32"),
                targets.reshape(count, -1),
                batch_size=size,
                epochs=epochs,
                verbose=0,
                callbacks=[tick],
            )
        self.model = model  # its layers were trained; the library's additions are in `flat`


def _train_in(folder: Path) -> None:
    """Run in the separate process: read all inputs from the folder, and save the result there."""
    inverter = PrivateInverter.restored(json.loads((folder / "config.json").read_text()))
    with np.load(folder / "given.npz") as given:
        inverter.fit(given["embeddings"], given["pictures"], seed=int(given["seed"]))
    inverter.save(folder / "trained")


if __name__ == "__main__":
    load_backend()
    try:
        _train_in(Path(sys.argv[1]))
    except KeyboardInterrupt:  # the waiting process was interrupted too, and reports it
        sys.exit(130)
