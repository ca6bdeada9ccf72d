"""The dense decoder trained with differential privacy: a defence, and what it costs.

Abadi et al., "Deep Learning with Differential Privacy", CCS 2016: the gradient of each image is
clipped, and noise is added to their sum. Clipping, sampling and accounting are jax-privacy's.
"""

from typing import Any

import keras
import numpy as np

from baselines.decoders import DECODERS
from baselines.inverter import DecoderInverter, in_range
from gan_inversion.errors import UserError
from gan_inversion.inverter import Images, check_fit, check_invert
from gan_inversion.progress import progress
from gan_inversion.run import Run

NAME = "private_dense"


class PrivateInverter(DecoderInverter):
    """Decoder 1, trained by DP-SGD on batches that every image joins at random (JAX backend).

    Args:
        decoder: a key of `DECODERS` without batch normalisation, which mixes images.
        epsilon, delta: that the whole training spends, for one image more or less.
        clipping: largest norm of an image's gradient.
        noise_multiplier: deviation of the noise, in clipping norms; what `fit` found for epsilon.
        options: as for `DecoderInverter`; the batch size is the expected one.
    """

    def __init__(
        self,
        decoder: str = "dense",
        *,
        epsilon: float = 8.0,
        delta: float = 1e-5,
        clipping: float = 1.0,
        noise_multiplier: float | None = None,
        **options: Any,
    ):
        super().__init__(decoder, **options)
        self.config |= {"epsilon": epsilon, "delta": delta, "clipping": clipping}
        self.config["noise_multiplier"] = noise_multiplier
        self.name = f"private_{decoder}"

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        if keras.backend.backend() != "jax":
            raise UserError(
                f"{self.name} is trained with jax-privacy: expected KERAS_BACKEND=jax, got "
                f"{keras.backend.backend()}"
            )
        try:
            from jax_privacy import keras_api
        except ImportError as error:
            sentence = "expected jax-privacy: pip install 'gan_inversion[private]'"
            raise UserError(sentence) from error
        size, count, epochs = self.config["batch_size"], len(images), self.config["epochs"]
        if count < size:
            raise UserError(f"expected {size} images or more, got {count}")
        keras.utils.set_random_seed(seed)
        model = DECODERS[self.config["decoder"]]()
        check_invert(embeddings[:1], model.input_shape[1])
        budget = keras_api.DPKerasConfig(
            epsilon=self.config["epsilon"],
            delta=self.config["delta"],
            clipping_norm=self.config["clipping"],
            batch_size=size,
            gradient_accumulation_steps=1,
            train_steps=epochs * (count // size),
            train_size=count,
            poisson_sampling_in_fit=True,
            microbatch_size=1,  # the gradient of one image alone has 20 million components
            seed=seed,
        ).update_with_calibrated_noise_multiplier()
        self.config["noise_multiplier"] = float(budget.noise_multiplier)
        # The library weighs one loss an image: pixels stay in a row.
        flat = keras.Model(model.inputs, model.layers[-2].output)
        private = keras_api.make_private(flat, budget)
        private.compile("adam", "mse")
        low, high = self.targets
        targets = in_range(images[np.arange(count)], low=low, high=high)
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
        self.model = model  # its layers were trained; what the library added hangs on `flat`
