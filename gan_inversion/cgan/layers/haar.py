"""The Haar transform: an image as four images of half the side, and back.

Gal et al., "SWAGAN: A Style-based Wavelet-driven Generative Model", SIGGRAPH 2021. A network that
writes or reads wavelet coefficients works on a quarter of the positions, and the high frequencies
have channels of their own. The transform is orthonormal: its inverse is its transpose.
"""

import keras
import numpy as np
from keras import ops

# Rows: mean, horizontal, vertical and diagonal detail, over the pixels of a 2x2 square.
SIGNS = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))


@keras.saving.register_keras_serializable("gan_inversion")
class HaarAnalysis(keras.layers.Layer):
    """(B, H, W, C) -> (B, H/2, W/2, 4C); H and W must be even."""

    def call(self, images):
        return ops.conv(images, _kernel(images.shape[-1], images.dtype), strides=2)

    def compute_output_shape(self, shape):
        batch, height, width, channels = shape
        return batch, height // 2, width // 2, 4 * channels


@keras.saving.register_keras_serializable("gan_inversion")
class HaarSynthesis(keras.layers.Layer):
    """(B, H, W, 4C) -> (B, 2H, 2W, C)."""

    def call(self, coefficients):
        kernel = _kernel(coefficients.shape[-1] // 4, coefficients.dtype)
        return ops.conv_transpose(coefficients, kernel, strides=2)

    def compute_output_shape(self, shape):
        batch, height, width, channels = shape
        return batch, 2 * height, 2 * width, channels // 4


def _kernel(channels: int, dtype: str):
    """Both transforms as one kernel (2, 2, C, 4C): every channel has its own four coefficients."""
    signs = np.reshape(SIGNS, (4, 2, 2)) / 2
    kernel = np.einsum("krs,io->rsiko", signs, np.eye(channels))
    return ops.convert_to_tensor(kernel.reshape(2, 2, channels, -1), dtype)
