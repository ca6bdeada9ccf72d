"""The shipped recogniser: a small network trained on synthetic faces, for runs without downloads.

`experiments/train_compact.py` made the weights. It tells synthetic faces apart, but does not
recognise real ones.
"""

from importlib.resources import files
from pathlib import Path

import keras
import numpy as np
from keras import layers

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import sha256
from gan_inversion.recognisers.base import KerasRecogniser

WEIGHTS = "compact.npz"
DIMENSION = 512  # FaceNet's, so that the documented decoders fit


class Compact(KerasRecogniser):
    """The compact recogniser.

    Args:
        path: file of the weights. Default: the shipped one.
        precision: see `KerasRecogniser`.
    """

    name = "compact"
    stages = ("stage_1", "stage_2", "stage_3")

    def __init__(self, path: Path | None = None, *, precision: str = "float32"):
        source = path or files("gan_inversion.recognisers").joinpath(WEIGHTS)
        if not source.is_file():
            raise UserError(f"expected the weights of the compact recogniser in {source}")
        self.digest = sha256(source.read_bytes())
        with source.open("rb") as file, np.load(file) as arrays:
            weights = [arrays[name].astype("float32") for name in arrays.files]

        def build(precision: str) -> keras.Model:
            model = compact_network(precision)
            model.set_weights(weights)
            return model

        super().__init__(build, precision=precision)


def compact_network(precision: str = "float32", *, dimension: int = DIMENSION) -> keras.Model:
    """The network: pixels in [0, 255], float (N, 160, 160, 3) -> unit vectors (N, dimension)."""
    image = keras.Input((160, 160, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, dtype=precision)(image)
    x = layers.AveragePooling2D(2, dtype=precision)(x)  # (N, 80, 80, 3)
    for stage, filters in enumerate((24, 48, 96, 144)):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", dtype=precision)(x)
        x = layers.BatchNormalization(dtype=precision)(x)
        x = layers.Activation("relu", dtype=precision, name=f"stage_{stage}")(x)
    x = layers.SeparableConv2D(192, 3, padding="same", activation="relu", dtype=precision)(x)
    # Where a feature lies tells faces apart (eye distance, brows): flatten, do not average.
    x = layers.Conv2D(24, 1, activation="relu", dtype=precision)(x)  # (N, 5, 5, 24)
    x = layers.Flatten(dtype=precision)(x)
    x = layers.Dense(dimension, name="embedding", dtype="float32")(x)
    model = keras.Model(image, layers.UnitNormalization(dtype="float32")(x), name="compact")
    model.compile(jit_compile=keras.backend.backend() == "jax")
    return model
