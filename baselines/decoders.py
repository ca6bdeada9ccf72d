"""The three decoders of the reference thesis, layer by layer.

Tassinari, "Analisi della sicurezza dei modelli per il riconoscimento facciale" (2023). Each maps a
512-d FaceNet embedding (N, 512) to an image (N, 160, 160, 3) through a sigmoid. Given another
dimension, they are our generalisation: the first layer takes as many numbers as there are, and
convolutions see them laid out as a rectangle twice as wide as high. All else stays the same.
"""

import math

import keras
from keras import layers

from gan_inversion.core.errors import UserError

EMBEDDING = 512  # components of FaceNet's embeddings
PIXELS = 160 * 160 * 3


def dense(dimension: int = EMBEDDING) -> keras.Model:
    """Decoder 1, fully connected: 20,131,584 parameters."""
    return decoder(2, 512, dimension)


def decoder(depth: int, width: int, dimension: int = EMBEDDING) -> keras.Model:
    """A fully connected decoder; the thesis' search varies its depth.

    Args:
        depth: hidden layers, each half as wide as the one before.
        width: of the first.
        dimension: components of the embeddings.
    """
    hidden = [layers.Dense(width >> place, activation="relu") for place in range(depth)]
    output = [layers.Dense(PIXELS, activation="sigmoid"), layers.Reshape((160, 160, 3))]
    return keras.Sequential([keras.Input((dimension,)), *hidden, *output], name="dense")


def conv(dimension: int = EMBEDDING) -> keras.Model:
    """Decoder 2, convolutions over the embedding laid out as 16x32: 40,015,872 parameters."""
    stack = [keras.Input((dimension,)), layers.Reshape((*rectangle(dimension), 1))]
    for filters in (32, 64, 128):
        stack += [_conv3(filters), layers.MaxPooling2D(2)]  # (8, 16), (4, 8), (2, 4)
    stack += [layers.Flatten(), layers.Dense(512, activation="relu")]
    stack += [layers.Dense(PIXELS, activation="sigmoid"), layers.Reshape((160, 160, 3))]
    return keras.Sequential(stack, name="conv")


def conv_bn(dimension: int = EMBEDDING) -> keras.Model:
    """Decoder 3, two convolutions a block, batch normalisation, dropout: 40,213,472 parameters."""
    stack = [keras.Input((dimension,)), layers.Reshape((*rectangle(dimension), 1))]
    for filters in (32, 64, 128):
        stack += [_conv3(filters), layers.BatchNormalization()]
        stack += [_conv3(filters), layers.BatchNormalization()]
        stack += [layers.MaxPooling2D(2), layers.Dropout(0.25)]
    stack += [layers.Flatten(), layers.Dense(512, activation="relu")]
    stack += [layers.BatchNormalization(), layers.Dropout(0.5)]
    stack += [layers.Dense(PIXELS, activation="sigmoid"), layers.Reshape((160, 160, 3))]
    return keras.Sequential(stack, name="conv_bn")


def rectangle(dimension: int) -> tuple[int, int]:
    """Height and width in which an embedding is laid out: (16, 32) for 512 components.

    Raises:
        UserError: there is none that three poolings can halve.
    """
    height = math.isqrt(dimension // 2)
    if 2 * height**2 != dimension or height % 8:
        raise UserError(
            f"expected embeddings of 128, 512, 1152 or 2048 numbers for convolutions, which see "
            f"them as a rectangle, got {dimension}"
        )
    return height, 2 * height


def _conv3(filters: int) -> layers.Layer:
    return layers.Conv2D(filters, 3, activation="relu", padding="same")


DECODERS = {"dense": dense, "conv": conv, "conv_bn": conv_bn}
