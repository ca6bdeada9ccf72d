"""Likelihood ratio of two Gaussians."""

from functools import partial

import numpy as np

from gan_inversion.metrics.membership.gaussian import (
    DIGITS,
    centred,
    joint_excess,
    log_density,
    moments,
)


def lira(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    online: bool = True,
    fixed_variance: bool = False,
) -> np.ndarray:
    """Likelihood ratio of two Gaussians, fitted to the shadows with and without the image.

    Carlini et al., "Membership Inference Attacks From First Principles", IEEE S&P 2022: online
    algorithm 1, offline equation 4. Several signals are taken as jointly Gaussian;
    offline, their excesses in standard deviations are added.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well; otherwise those without it
            only, which an attacker can train before knowing whom to attack.
        fixed_variance: one covariance for all images; better with few shadows.

    Returns:
        float (N,): log likelihood ratio; offline, standard deviations above the mean.
    """
    beyond, floor = centred(target, shadows)
    fitted = partial(moments, beyond, floor=floor, fixed_variance=fixed_variance)
    mean, covariance = fitted(np.logical_not(membership))
    if online:
        mean_in, covariance_in = fitted(membership)
        ratio = log_density(mean_in, covariance_in) - log_density(mean, covariance)
        return ratio.round(DIGITS)
    return joint_excess(mean, covariance)
