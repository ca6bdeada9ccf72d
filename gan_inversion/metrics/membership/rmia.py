"""How many other images an image dominates in likelihood ratio."""

import numpy as np

from gan_inversion.metrics.membership.signals import log_mean, summed


def rmia(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    online: bool = True,
    offline_a: float = 1.0,
    gamma: float = 1.0,
) -> np.ndarray:
    """Share of the other images that an image dominates in likelihood ratio.

    Zarifzadeh et al., "Low-Cost High-Power Membership Inference Attacks" (RMIA), ICML 2024,
    equations 5 to 8, computed with logarithms throughout. A signal counts as a log likelihood,
    whose constant cancels: the log of a mean squared error is one up to a factor. Several signals
    are added. The population is all images of the matrix.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well.
        offline_a: offline, the likelihood under models trained on the image is taken as
            `a p + 1 - a`, p that under models that were not; other than 1 only for signals that
            are log probabilities.
        gamma: factor by which an image's ratio must exceed that of another.

    Returns:
        float (N,) in [0, 1].
    """
    ratio = log_ratios(target, shadows, membership, online=online, offline_a=offline_a)
    dominated = np.searchsorted(np.sort(ratio), ratio - np.log(gamma), side="left")
    return dominated / len(ratio)


def log_ratios(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    online: bool = True,
    offline_a: float = 1.0,
) -> np.ndarray:
    """Log likelihood of each image over that under the shadows, (N,); arguments as for `rmia`."""
    own, beyond = summed(target, shadows)
    without = log_mean(beyond, np.logical_not(membership))
    if online:
        within = log_mean(beyond, membership)
    else:
        with np.errstate(divide="ignore"):  # for a = 1 the second term is log 0
            within = np.logaddexp(np.log(offline_a) + without, np.log1p(-offline_a) - own)
    # log 2 - log(exp(within) + exp(without)), which keeps the digits of tiny ones
    highest, lowest = np.maximum(within, without), np.minimum(within, without)
    return -highest - np.log1p(np.expm1(lowest - highest) / 2)
