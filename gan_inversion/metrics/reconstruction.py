"""How near a reconstruction is to its original, one value for each image."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

DEVIATION, REACH = 1.5, 5  # of SSIM's window, pixels


def mse(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Mean squared error over pixels and channels.

    Args:
        originals: float (N, H, W, C).
        reconstructions: float (N, H, W, C), same range.

    Returns:
        float64 (N,).
    """
    return np.square(originals - reconstructions).mean(axis=(1, 2, 3), dtype="float64")


def contrast(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """How much nearer to an image its own reconstruction is than all reconstructions are.

    A loss that does not hang on how hard an image is, and needs no shadow models: difficulty
    calibration (Watson et al., ICLR 2022) by the model's own answers to other embeddings.

    Args:
        originals: float (N, H, W, C).
        reconstructions: the same shape and range.

    Returns:
        float64 (N,): logarithm of the mean squared error of the N reconstructions to the image,
        over that of its own.
    """
    images, outputs = (x.reshape(len(x), -1) for x in (originals, reconstructions))
    lengths = [np.square(x).mean(axis=1, dtype="float64") for x in (images, outputs)]
    products = images @ outputs.mean(axis=0, dtype="float64") / images.shape[1]
    every = lengths[0] + lengths[1].mean() - 2 * products
    return np.log(every) - np.log(mse(originals, reconstructions))


def channel_accuracy(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """What Keras computes as `accuracy` of images: share of pixels whose largest channel is right.

    Given targets and outputs of the same shape (N, H, W, 3), Keras resolves "accuracy" to
    categorical accuracy over the last axis. Ties go to the first channel, as in Keras.

    Args:
        originals: (N, H, W, C).
        reconstructions: (N, H, W, C).

    Returns:
        float64 (N,).
    """
    return (originals.argmax(-1) == reconstructions.argmax(-1)).mean(axis=(1, 2))


def psnr(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio in decibels, of images in [0, 1].

    Args:
        originals: float (N, H, W, C).
        reconstructions: float (N, H, W, C).

    Returns:
        float64 (N,); infinite where both images are equal.
    """
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse(originals, reconstructions))


def ssim(originals: np.ndarray, reconstructions: np.ndarray) -> np.ndarray:
    """Structural similarity of images in [0, 1], mean over pixels and channels.

    Gaussian window of 11 pixels and deviation 1.5, constants 0.01 and 0.03: Wang et al., IEEE
    Transactions on Image Processing 2004. It counts only where the window lies within the image.

    Args:
        originals: float (N, S, S, C).
        reconstructions: float (N, S, S, C).

    Returns:
        float64 (N,).
    """

    def smooth(planes: np.ndarray) -> np.ndarray:
        return gaussian_filter(planes, DEVIATION, radius=REACH, axes=(1, 2))

    x, y = originals.astype("float64"), reconstructions.astype("float64")
    mean_x, mean_y = smooth(x), smooth(y)
    variance = smooth(x * x) - mean_x**2 + smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
    likeness /= (mean_x**2 + mean_y**2 + 0.01**2) * (variance + 0.03**2)
    return likeness[:, REACH:-REACH, REACH:-REACH].mean(axis=(1, 2, 3))


def feature_distance(
    originals: Sequence[np.ndarray], reconstructions: Sequence[np.ndarray]
) -> np.ndarray:
    """Distance in the feature maps of a recogniser, mean over its stages and positions.

    Squared Euclidean distance between the features at a position, each of unit length: LPIPS
    without learned weights (Zhang et al., CVPR 2018, equation 1). Between 0 and 4.

    Args:
        originals: feature maps, float (N, H, W, C), one array for each stage.
        reconstructions: the same shapes.

    Returns:
        float64 (N,).
    """

    def unit(features: np.ndarray) -> np.ndarray:
        return features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), 1e-6)

    stages = [
        np.square(unit(first) - unit(second)).sum(axis=-1).mean(axis=(1, 2), dtype="float64")
        for first, second in zip(originals, reconstructions, strict=True)
    ]
    return np.mean(stages, axis=0)


# Metrics of an image and its reconstruction, float in [0, 1]: a new one is a line here.
PER_IMAGE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"psnr": psnr, "ssim": ssim}
