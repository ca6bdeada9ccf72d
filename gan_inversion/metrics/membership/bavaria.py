"""Likelihood ratio of two Gaussians whose variances are not known for sure."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, polygamma

from gan_inversion.metrics.membership.gaussian import (
    DIGITS,
    centred,
    joint_excess,
    log_density,
    scattered,
)

STRENGTHS = (1e-3, 1e6)  # least and most shadows that the other images may count for


def bavaria(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    online: bool = True,
    student: bool = True,
) -> np.ndarray:
    """As `lira`, but the variances of all images are the prior of that of one.

    With few shadows the variance of an image is hardly known, and LiRA has to choose between it
    and one variance for all. Brännvall, "Exponential-Family Membership Inference: From LiRA and
    RMIA to BaVarIA", 2026, takes a conjugate normal-inverse-gamma prior instead. Here the prior of
    the mean is flat, and how many shadows that of the variance counts for follows from how much
    the variances of the images differ (`prior_strength`): nothing is left to choose. Of several
    signals the covariance has an inverse Wishart prior.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well.
        student: integrate over the variance, which gives Student's t about the mean of the shadows
            (whose own uncertainty is left out); otherwise a Gaussian with the same scale. Offline
            there is no difference.

    Returns:
        float (N,): log likelihood ratio; offline, standard deviations above the mean.
    """
    beyond, floor = centred(target, shadows)
    mean, covariance, freedom = posterior(beyond, np.logical_not(membership), floor)
    if not online:
        return joint_excess(mean, covariance)
    mean_in, covariance_in, freedom_in = posterior(beyond, membership, floor)
    if student:
        ratio = log_student(mean_in, covariance_in, freedom_in)
        ratio -= log_student(mean, covariance, freedom)
    else:
        ratio = log_density(mean_in, covariance_in) - log_density(mean, covariance)
    return ratio.round(DIGITS)


def posterior(
    signals: np.ndarray, chosen: np.ndarray, floor: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (N, K), covariance (N, K, K) and its degrees of freedom (N,) over the chosen models.

    Args:
        signals: float (N, M, K).
        chosen: bool (N, M).
        floor: added to the variance of each kind, (K,).
    """
    chosen = np.asarray(chosen, float)
    spare = chosen.sum(axis=1) - 1  # degrees of freedom of the image's own variance
    mean, scatter = scattered(signals, chosen)
    pooled = scatter.sum(axis=0) / max(spare.sum(), 1.0) + np.diag(floor)
    strength = prior_strength(np.diagonal(scatter, axis1=1, axis2=2), spare, floor)
    if np.isinf(strength):  # nothing may depend on the number of shadows
        return mean, pooled[None], np.full(len(spare), np.inf)
    freedom = strength + spare
    covariance = (strength * pooled + scatter) / freedom[:, None, None]
    return mean, covariance, freedom


def prior_strength(scatter: np.ndarray, spare: np.ndarray, floor: np.ndarray) -> float:
    """How many shadows the variances of all images count for, as a prior of that of one.

    If variances are drawn from a scaled inverse chi-squared distribution with this many degrees of
    freedom, the logarithms of the sample variances have the variance psi'(strength / 2) +
    psi'(spare / 2). Smyth, "Linear models and empirical Bayes methods", 2004, section 6.2.

    Args:
        scatter: float (N, K), sums of squared deviations.
        spare: float (N,), their degrees of freedom.
        floor: least variance, (K,).

    Returns:
        Degrees of freedom; infinite where the variances differ no more than by chance.
    """
    known = spare > 0
    if not known.any():
        return np.inf
    logarithms = np.log(scatter[known] / spare[known, None] + floor)
    expected = polygamma(1, spare[known] / 2).mean()
    excess = logarithms.var(axis=0).mean() - expected
    least, most = STRENGTHS
    if excess >= polygamma(1, least / 2):
        return least
    if excess <= polygamma(1, most / 2):  # they differ no more than by chance
        return np.inf
    return float(2 * brentq(lambda half: polygamma(1, half) - excess, least / 2, most / 2))


def log_student(mean: np.ndarray, covariance: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Log density of multivariate t distributions at 0, (N,), up to the constant of a Gaussian."""
    if np.isinf(freedom).all():
        return log_density(mean, covariance)
    kinds = mean.shape[1]
    whitened = np.linalg.solve(covariance, mean[..., None])[..., 0]
    distance = (mean * whitened).sum(axis=1) / freedom
    normalised = gammaln((freedom + kinds) / 2) - gammaln(freedom / 2)
    normalised -= 0.5 * (kinds * np.log(freedom / 2) + np.linalg.slogdet(covariance)[1])
    return normalised - 0.5 * (freedom + kinds) * np.log1p(distance)
