"""MobileFaceNet with 128-d embeddings, as a plain Keras functional model.

Chen, Liu, Gao & Han, "MobileFaceNets", CCBR 2018: MobileNetV2's blocks, trained with ArcFace's loss
on MS1M, which may share people with LFW. Weights: foamliu/MobileFaceNet (Apache 2.0), which have
batch normalisation folded into the convolutions.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from gan_inversion.core.errors import optional
from gan_inversion.core.storage import manifest_digest
from gan_inversion.data.alignment import TEMPLATE, USUAL, similarity
from gan_inversion.data.views import ALIGNED, SIZE
from gan_inversion.data.weights import MOBILEFACENET, YUNET
from gan_inversion.recognisers.base import KerasRecogniser
from gan_inversion.recognisers.card import read_card
from gan_inversion.recognisers.onnx import OnnxRecogniser

# Inverted residuals: filters inside, filters after, stride of the first, how many.
BLOCKS = ((128, 64, 2, 5), (256, 128, 2, 7), (512, 128, 2, 1), (256, 128, 1, 2))


@keras.saving.register_keras_serializable("gan_inversion")
class UsualCrop(layers.Layer):
    """Moves `USUAL` landmarks to the template: float (N, 160, 160, 3) -> (N, 112, 112, 3).

    Each pixel is the bilinear mean of four, always the same four; beyond the edge it is repeated.
    """

    def call(self, images: Any) -> Any:
        flat = ops.reshape(images, (-1, SIZE * SIZE, 3))
        parts = [ops.take(flat, index, axis=1) * weight[:, None] for index, weight in _corners()]
        return ops.reshape(sum(parts), (-1, ALIGNED, ALIGNED, 3))


@cache
def _corners() -> list[tuple[np.ndarray, np.ndarray]]:
    """For each of four neighbours: its place in the flat image, and its weight, (112 * 112,)."""
    square = np.vstack([similarity(USUAL, TEMPLATE), [0, 0, 1]])
    rows, columns = np.divmod(np.arange(ALIGNED**2), ALIGNED)
    back = np.linalg.inv(square) @ np.stack([columns, rows, np.ones_like(rows)])
    x, y = np.clip(back[:2], 0, SIZE - 1)
    left, top = (np.minimum(axis.astype(int), SIZE - 2) for axis in (x, y))
    right_share, low_share = x - left, y - top
    corners = []
    for low in (0, 1):
        for right in (0, 1):
            across = right_share if right else 1 - right_share
            down = low_share if low else 1 - low_share
            index = (top + low) * SIZE + left + right
            corners.append((index.astype("int32"), (across * down).astype("float32")))
    return corners


class MobileFaceNet(OnnxRecogniser, KerasRecogniser):
    """MobileFaceNet with the published weights, verified.

    Images are aligned by landmarks, and embedded by onnxruntime, which is several times faster on a
    CPU. Gradients do not pass through a detector: the Keras models, `model` and those of
    `differentiable`, cut the same crop out of every image instead.

    Args:
        path: file of the weights. Default: the one in the data folder.
        precision: of the Keras models, see `KerasRecogniser`.

    Raises:
        UserError: the file is missing or altered, or the `onnx` extra is not installed.
    """

    name = "mobilefacenet"
    stages = ("stage_1", "stage_2", "stage_3")

    def __init__(self, path: Path | None = None, *, precision: str = "float32"):
        path = MOBILEFACENET.verified(path)
        digest = manifest_digest({file.path: file.digest for file in (MOBILEFACENET, YUNET)})
        card = read_card(path, self.name)
        OnnxRecogniser.__init__(self, path, card, name=self.name, digest=digest)
        weights = read_weights(path)

        def build(precision: str) -> keras.Model:
            model = mobilefacenet(precision)
            load_weights(model, weights)
            return model

        KerasRecogniser.__init__(self, build, precision=precision)


def mobilefacenet(precision: str = "float32", *, side: int = SIZE) -> keras.Model:
    """The network: pixels in [0, 255], float (N, side, side, 3) -> unit vectors (N, 128).

    Args:
        precision: of the convolutions.
        side: 112 for aligned faces; 160 for the view `aligned`, whose `USUAL` landmarks are moved
            to the template.
    """
    conv, card = partial(_conv, precision=precision), read_card(Path(), "mobilefacenet")
    image = keras.Input((side, side, 3), name="image")
    x = image if side == ALIGNED else UsualCrop(dtype="float32", name="crop")(image)
    mean, deviation = np.array(card.mean), np.array(card.deviation)
    x = layers.Rescaling(1 / deviation, offset=-mean / deviation, dtype="float32")(x)
    x = conv(x, 64, 3, strides=2, activation="relu6")  # (N, 56, 56, 64)
    x = conv(x, None, 3, activation="relu")
    x = conv(x, 64, 1, activation="relu")
    for stage, (inside, filters, strides, count) in enumerate(BLOCKS, 1):
        for place in range(count):
            y = conv(x, inside, 1, activation="relu6")
            y = conv(y, None, 3, strides=1 if place else strides, activation="relu6")
            y = conv(y, filters, 1)
            x = layers.Add(dtype=precision)([x, y]) if y.shape == x.shape else y
        x = layers.Activation("linear", dtype=precision, name=f"stage_{stage}")(x)
    x = conv(x, 512, 1, activation="relu6")  # (N, 7, 7, 512)
    x = conv(x, None, 7, padding=0)
    x = layers.Conv2D(128, 1, dtype="float32")(x)
    x = layers.UnitNormalization(dtype="float32")(layers.Flatten(dtype="float32")(x))
    model = keras.Model(image, x, name="mobilefacenet")
    model.compile(jit_compile=keras.backend.backend() == "jax")
    model.trainable = False
    return model


def _conv(
    x: Any,
    filters: int | None,
    kernel: int,
    *,
    precision: str,
    strides: int = 1,
    padding: int | None = None,
    activation: str | None = None,
) -> Any:
    """A convolution; without `filters` one for each channel. Zeros are added on all sides alike."""
    margin = kernel // 2 if padding is None else padding
    if margin:
        x = layers.ZeroPadding2D(margin, dtype=precision)(x)
    shared = {"strides": strides, "activation": activation, "dtype": precision}
    if filters is None:
        return layers.DepthwiseConv2D(kernel, **shared)(x)
    return layers.Conv2D(filters, kernel, **shared)(x)


def read_weights(path: Path) -> list[np.ndarray]:
    """Kernels and biases of the convolutions of an ONNX file, in the order of the graph.

    Returns:
        Kernels as Keras has them, (H, W, in, out), or (H, W, channels, 1) where each channel has
        its own; each followed by its bias.
    """
    onnx = optional("onnx", "onnx")
    numpy_helper = optional("onnx.numpy_helper", "onnx")
    graph = onnx.load(str(path)).graph
    arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    weights = []
    for node in graph.node:
        if node.op_type == "Conv":
            kernel, bias = (arrays[name] for name in node.input[1:])
            weights += [kernel.transpose(2, 3, 1, 0), bias]
    return weights


def load_weights(model: keras.Model, weights: list[np.ndarray]) -> None:
    """Set the weights of `mobilefacenet` as `read_weights` gives them."""
    own = [layer for layer in model.layers if layer.weights]
    for layer, kernel, bias in zip(own, weights[::2], weights[1::2], strict=True):
        if isinstance(layer, layers.DepthwiseConv2D):
            kernel = kernel.transpose(0, 1, 3, 2)
        layer.set_weights([kernel, bias])
