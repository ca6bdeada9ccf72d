"""The documented decoders as inverters: Adam, mean squared error, a chosen target range."""

import json
from functools import partial
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from baselines.decoders import DECODERS
from gan_inversion.errors import UserError
from gan_inversion.inverter import Images, check_fit, check_invert
from gan_inversion.run import Run
from gan_inversion.storage import atomic, write_text
from gan_inversion.training import fit, shuffled

TARGETS = {"documented": (-1.0, 1.0), "corrected": (0.0, 1.0)}


def in_range(pixels: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Pixels, uint8, as float32 targets from `low` to `high`."""
    return pixels * np.float32((high - low) / 255) + np.float32(low)


class DecoderInverter:
    """One of the thesis' decoders, trained on pixels.

    Args:
        decoder: a key of `DECODERS`.
        targets: `documented` trains against pixels in [-1, 1], which the sigmoid output cannot
            reach below 0; `corrected` against pixels in [0, 1].
        epochs: passes over the training images.
        batch_size: images a step.
    """

    knowledge = "black_box"

    def __init__(
        self,
        decoder: str,
        *,
        targets: str = "documented",
        epochs: int = 10,
        batch_size: int = 32,
    ):
        for value, known in ((decoder, DECODERS), (targets, TARGETS)):
            if value not in known:
                raise UserError(f"expected one of {', '.join(known)}, not {value!r}")
        self.config: dict[str, Any] = {
            "decoder": decoder,
            "targets": targets,
            "epochs": epochs,
            "batch_size": batch_size,
        }
        self.name = f"documented_{decoder}" + ("_corrected" if targets == "corrected" else "")
        self.targets = TARGETS[targets]
        self.model: keras.Model | None = None

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        keras.utils.set_random_seed(seed)
        model = DECODERS[self.config["decoder"]]()
        check_invert(embeddings[:1], model.input_shape[1])
        # Fused by XLA, Adam over 40 million weights is three times faster on a CPU.
        model.compile("adam", "mse", metrics=["accuracy"], jit_compile=True)
        self.model = model
        low, high = self.targets
        batches = shuffled(
            embeddings,
            images,
            batch_size=self.config["batch_size"],
            seed=seed,
            scale=partial(in_range, low=low, high=high),
        )
        fit(model, batches, epochs=self.config["epochs"], seed=seed, run=run, invert=self.invert)

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        if self.model is None:
            raise UserError(f"{self.name} must be fitted or loaded before it inverts")
        check_invert(embeddings, self.model.input_shape[1])
        low, high = self.targets
        outputs = np.asarray(self.model(np.asarray(embeddings, "float32"), training=False))
        return (outputs - low) / (high - low)

    def save(self, path: Path) -> None:
        if self.model is None:
            raise UserError(f"{self.name} must be fitted before it is saved")
        with atomic(path / "model.keras") as temporary:
            self.model.save(temporary)
        write_text(path / "inverter.json", json.dumps(self.config))

    @classmethod
    def load(cls, path: Path) -> Self:
        inverter = cls(**json.loads((path / "inverter.json").read_text()))
        inverter.model = keras.saving.load_model(path / "model.keras", compile=False)
        return inverter
