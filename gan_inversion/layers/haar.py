"""The Haar transform: a picture as four pictures of half the side, and back.

Gal et al., "SWAGAN: A Style-based Wavelet-driven Generative Model", SIGGRAPH 2021. A network that
draws or reads wavelet coefficients works on a quarter of the positions, and the high frequencies
have channels of their own. The transform is orthonormal.
"""

import keras
from keras import ops

# Rows: mean, horizontal, vertical and diagonal detail, over the pixels of a 2x2 square.
SIGNS = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))


@keras.saving.register_keras_serializable("gan_inversion")
class HaarAnalysis(keras.layers.Layer):
    """(B, H, W, C) -> (B, H/2, W/2, 4C); H and W must be even."""

    def call(self, images):
        pixels = [images[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
        return ops.concatenate(_mix(pixels), axis=-1)

    def compute_output_shape(self, shape):
        batch, height, width, channels = shape
        return batch, height // 2, width // 2, 4 * channels


@keras.saving.register_keras_serializable("gan_inversion")
class HaarSynthesis(keras.layers.Layer):
    """(B, H, W, 4C) -> (B, 2H, 2W, C): the inverse, which is the transpose."""

    def call(self, coefficients):
        height, width, channels = coefficients.shape[1:]
        pixels = ops.stack(_mix(ops.split(coefficients, 4, axis=-1)), axis=3)  # (B, H, W, 4, C)
        squares = ops.reshape(pixels, (-1, height, width, 2, 2, channels // 4))
        rows = ops.transpose(squares, (0, 1, 3, 2, 4, 5))  # (B, H, 2, W, 2, C)
        return ops.reshape(rows, (-1, 2 * height, 2 * width, channels // 4))

    def compute_output_shape(self, shape):
        batch, height, width, channels = shape
        return batch, 2 * height, 2 * width, channels // 4


def _mix(parts: list) -> list:
    """The four sums of four tensors that the transform and its inverse both consist of."""
    return [
        sum(sign * part for sign, part in zip(signs, parts, strict=True)) / 2 for signs in SIGNS
    ]
