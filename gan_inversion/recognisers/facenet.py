"""FaceNet: Inception-ResNet-v1 with 512-d embeddings, as a plain Keras functional model.

Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning"
(AAAI 2017), figures 9-15; weights: David Sandberg's published FaceNet, as converted for the WebNN
test data. These have batch normalisation and the residual scales folded into the
convolutions, so this network has neither, and its convolutions have biases.
"""

from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import data_dir, manifest_digest, sha256_file
from gan_inversion.recognisers.base import KerasRecogniser

MANIFEST_DIGEST = "1108994631ade7ed2b935d29df69589316bae3d0003a11470f9f015adc901cee"
FOLDER = Path("facenet_nhwc") / "weights"


class FaceNet(KerasRecogniser):
    """FaceNet with the published weights, verified.

    Args:
        path: folder with the 266 `.npy` arrays. Default: `data_dir()/facenet_nhwc/weights`.
        precision: see `KerasRecogniser`.

    Raises:
        UserError: arrays are missing or altered.
    """

    name = "facenet"
    digest = MANIFEST_DIGEST
    promised = 0.99
    stages = ("Conv2d_4b_3x3", "Block35_5", "Mixed_6a")

    def __init__(self, path: Path | None = None, *, precision: str = "auto"):
        path = path or data_dir() / FOLDER
        arrays = {file.name: sha256_file(file) for file in path.glob("*.npy")}
        digest = manifest_digest(arrays)
        if digest != self.digest:
            raise UserError(
                f"expected the 266 FaceNet arrays in {path} (manifest digest {self.digest[:12]}), "
                f"got {len(arrays)} with {digest[:12]}: run `python -m experiments.fetch`, or set "
                "GAN_INVERSION_DATA to the folder that holds facenet_nhwc"
            )

        def build(precision: str) -> keras.Model:
            model = inception_resnet_v1(precision)
            load_arrays(model, path)
            return model

        super().__init__(build, precision=precision)


def inception_resnet_v1(precision: str = "float32") -> keras.Model:
    """The network: pixels in [0, 255], float (N, 160, 160, 3) -> unit vectors (N, 512)."""
    image = keras.Input((160, 160, 3), name="image")
    conv = partial(_conv, precision=precision)
    pool = partial(layers.MaxPooling2D, 3, strides=2, dtype=precision)
    x = layers.Rescaling(1 / 128, offset=-127.5 / 128, dtype=precision)(image)

    x = conv(x, 32, 3, "Conv2d_1a_3x3", strides=2, padding="valid")  # (N, 79, 79, 32)
    x = conv(x, 32, 3, "Conv2d_2a_3x3", padding="valid")
    x = conv(x, 64, 3, "Conv2d_2b_3x3")  # (N, 77, 77, 64)
    x = pool()(x)
    x = conv(x, 80, 1, "Conv2d_3b_1x1", padding="valid")
    x = conv(x, 192, 3, "Conv2d_4a_3x3", padding="valid")
    x = conv(x, 256, 3, "Conv2d_4b_3x3", strides=2, padding="valid")  # (N, 17, 17, 256)

    for block in range(1, 6):
        name = f"Block35_{block}"
        a = conv(x, 32, 1, f"{name}_Branch_0_Conv2d_1x1")
        b = conv(x, 32, 1, f"{name}_Branch_1_Conv2d_0a_1x1")
        b = conv(b, 32, 3, f"{name}_Branch_1_Conv2d_0b_3x3")
        c = conv(x, 32, 1, f"{name}_Branch_2_Conv2d_0a_1x1")
        c = conv(c, 32, 3, f"{name}_Branch_2_Conv2d_0b_3x3")
        c = conv(c, 32, 3, f"{name}_Branch_2_Conv2d_0c_3x3")
        x = _residual(x, [a, b, c], name, precision)

    name = "Mixed_6a"
    a = conv(x, 384, 3, f"{name}_Branch_0_Conv2d_1a_3x3", strides=2, padding="valid")
    b = conv(x, 192, 1, f"{name}_Branch_1_Conv2d_0a_1x1")
    b = conv(b, 192, 3, f"{name}_Branch_1_Conv2d_0b_3x3")
    b = conv(b, 256, 3, f"{name}_Branch_1_Conv2d_1a_3x3", strides=2, padding="valid")
    x = layers.Concatenate(dtype=precision, name=name)([a, b, pool()(x)])  # (N, 8, 8, 896)

    for block in range(1, 11):
        name = f"Block17_{block}"
        a = conv(x, 128, 1, f"{name}_Branch_0_Conv2d_1x1")
        b = conv(x, 128, 1, f"{name}_Branch_1_Conv2d_0a_1x1")
        b = conv(b, 128, (1, 7), f"{name}_Branch_1_Conv2d_0b_1x7")
        b = conv(b, 128, (7, 1), f"{name}_Branch_1_Conv2d_0c_7x1")
        x = _residual(x, [a, b], name, precision)

    name = "Mixed_7a"
    a = conv(x, 256, 1, f"{name}_Branch_0_Conv2d_0a_1x1")
    a = conv(a, 384, 3, f"{name}_Branch_0_Conv2d_1a_3x3", strides=2, padding="valid")
    b = conv(x, 256, 1, f"{name}_Branch_1_Conv2d_0a_1x1")
    b = conv(b, 256, 3, f"{name}_Branch_1_Conv2d_1a_3x3", strides=2, padding="valid")
    c = conv(x, 256, 1, f"{name}_Branch_2_Conv2d_0a_1x1")
    c = conv(c, 256, 3, f"{name}_Branch_2_Conv2d_0b_3x3")
    c = conv(c, 256, 3, f"{name}_Branch_2_Conv2d_1a_3x3", strides=2, padding="valid")
    x = layers.Concatenate(dtype=precision)([a, b, c, pool()(x)])  # (N, 3, 3, 1792)

    for block in range(1, 7):
        name = f"Block8_{block}"
        a = conv(x, 192, 1, f"{name}_Branch_0_Conv2d_1x1")
        b = conv(x, 192, 1, f"{name}_Branch_1_Conv2d_0a_1x1")
        b = conv(b, 192, (1, 3), f"{name}_Branch_1_Conv2d_0b_1x3")
        b = conv(b, 192, (3, 1), f"{name}_Branch_1_Conv2d_0c_3x1")
        x = _residual(x, [a, b], name, precision, last=block == 6)

    x = layers.GlobalAveragePooling2D(dtype=precision)(x)
    x = layers.Dense(512, name="Bottleneck", dtype="float32")(x)
    model = keras.Model(image, layers.UnitNormalization(dtype="float32")(x), name="facenet")
    # XLA's convolutions are several times slower than oneDNN's on a CPU.
    model.compile(jit_compile=keras.backend.backend() == "jax")
    model.trainable = False
    return model


def _conv(
    x, filters, kernel, name, *, precision, strides=1, padding="same", activation="relu"
) -> keras.KerasTensor:
    return layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        activation=activation,
        name=name,
        kernel_initializer="zeros",  # they are overwritten by the published ones
        dtype=precision,
    )(x)


def _residual(x, branches, name, precision, *, last=False) -> keras.KerasTensor:
    joined = layers.Concatenate(dtype=precision)(branches)
    joined = _conv(
        joined, x.shape[-1], 1, f"{name}_Conv2d_1x1", precision=precision, activation=None
    )
    x = layers.Add(dtype=precision)([x, joined])
    return x if last else layers.Activation("relu", dtype=precision, name=name)(x)


def load_arrays(model: keras.Model, folder: Path) -> None:
    """Load the published arrays: kernels are stored OHWI, the bottleneck transposed."""
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            kernel = np.load(folder / f"{layer.name}_kernel.npy").transpose(1, 2, 3, 0)
            layer.set_weights([kernel, np.load(folder / f"{layer.name}_Conv2D_bias.npy")])
        elif isinstance(layer, layers.Dense):
            kernel = np.load(folder / f"{layer.name}_kernel_transpose.npy").T
            layer.set_weights([kernel, np.load(folder / f"{layer.name}_MatMul_bias.npy")])
