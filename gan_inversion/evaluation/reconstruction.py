"""Pixel figures of a reconstruction, one value an image."""

import numpy as np


def mse(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared error over pixels and channels.

    Args:
        originals: float (N, H, W, C).
        reconstructions: float (N, H, W, C), same range.

    Returns:
        float64 (N,).
    """
    return np.square(originals - reconstructions).mean(axis=(1, 2, 3), dtype="float64")


def channel_accuracy(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """What Keras makes of `accuracy` here: share of pixels whose largest channel is right.

    Given targets and outputs of the same shape (N, H, W, 3), Keras resolves "accuracy" to
    categorical accuracy over the last axis. Ties go to the first channel, as in Keras.

    Args:
        originals: (N, H, W, C).
        reconstructions: (N, H, W, C).

    Returns:
        float64 (N,).
    """
    return (originals.argmax(-1) == reconstructions.argmax(-1)).mean(axis=(1, 2))
