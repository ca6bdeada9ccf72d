"""Gaussians fitted to the shadows of an image."""

import numpy as np

from gan_inversion.metrics.membership.signals import (
    TINY,
    in_unit_range,
    mean_over,
    on_grid,
    several,
)

SMALL = 1e-9  # least variance of a signal, relative to that over all images
DIGITS = 12  # decimals kept of a log likelihood ratio: the others are rounding errors


def least_variance(shadows: np.ndarray) -> np.ndarray:
    """Variance (K,) to add to any other: a model that memorises gives the same signal each time.

    Args:
        shadows: float (N, M, K).
    """
    return SMALL * shadows.var(axis=(0, 1)) + TINY


def centred(target: np.ndarray, shadows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the shadows' signals lie beyond the target's, (N, M, K), and their least variance.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
    """
    target, shadows = in_unit_range(several(target), several(shadows, axes=3))
    return on_grid(shadows - target[:, None]), least_variance(shadows)


def scattered(signals: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (N, K) and sum of squared deviations (N, K, K) over the chosen models.

    Args:
        signals: float (N, M, K).
        chosen: float (N, M), 0 or 1.
    """
    mean = mean_over(signals, chosen)
    deviation = signals - mean[:, None]
    return mean, np.einsum("nm,nmk,nml->nkl", chosen, deviation, deviation)


def moments(
    signals: np.ndarray, chosen: np.ndarray, *, floor: np.ndarray, fixed_variance: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (N, K) and covariance (N, K, K), or (1, K, K) if fixed, over the chosen models.

    Args:
        signals: float (N, M, K).
        chosen: bool (N, M).
        floor: added to the variance of each kind, (K,).
        fixed_variance: pool the deviations of all images.
    """
    chosen = np.asarray(chosen, float)
    mean, covariance = scattered(signals, chosen)
    if fixed_variance:
        covariance = covariance.sum(axis=0, keepdims=True) / chosen.sum()
    else:
        covariance /= chosen.sum(axis=1)[:, None, None]
    return mean, covariance + np.diag(floor)


def log_density(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density of Gaussians at 0, (N,), up to a constant."""
    whitened = np.linalg.solve(covariance, mean[..., None])[..., 0]
    return -0.5 * ((mean * whitened).sum(axis=1) + np.linalg.slogdet(covariance)[1])


def joint_excess(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """How far 0 lies above the mean, (N,), in standard deviations, added over the signals.

    Args:
        mean: float (N, K).
        covariance: float (N, K, K) or (1, K, K).
    """
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))  # (N, K)
    excess = -mean / scale
    correlation = covariance / (scale[..., :, None] * scale[..., None, :])
    return excess.sum(axis=1) / np.sqrt(correlation.sum(axis=(-2, -1)))
