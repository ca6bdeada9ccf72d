"""Likelihood ratio against the mean over all shadows."""

import numpy as np

from gan_inversion.metrics.membership.signals import log_mean, summed


def base(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    online: bool = True,
    scale: float = 1.0,
) -> np.ndarray:
    """Log likelihood minus the logarithm of the mean likelihood under the shadows.

    Lassila et al., "Practical Bayes-Optimal Membership Inference Attacks" (BASE), NeurIPS 2025:
    the decision that minimises the expected error, if the likelihood is that of the loss. It ranks
    the images of one target as `rmia` does with gamma = 1; over several targets they differ, since
    RMIA compares with the other images of the same target. A signal counts as a log likelihood, as
    there. Several signals are added.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well.
        scale: offline, factor of what is subtracted, which makes up for the shadows with the image
            that are missing; other than 1 only for signals that are log probabilities.

    Returns:
        float (N,).
    """
    own, beyond = summed(target, shadows)
    if online:
        return -log_mean(beyond, np.ones_like(beyond, bool))
    return (1 - scale) * own - scale * log_mean(beyond, np.logical_not(membership))
