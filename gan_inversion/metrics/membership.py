"""Membership inference: was this image among those that an inverter was trained on?

An attack is given signals only, never a model. Signals are numbers that say how the audited
inverter (the *target model*) behaves on each image, and how other models do (the *shadow models*),
whose training images are known. Larger signals and larger scores mean "more likely a member". There
is one signal for each image, (N,) of the target and (N, M) of M shadows, or there are K of them,
(N, K) and (N, M, K).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

FEWEST = 2  # least number of shadows with an image, and without it: a variance needs two
SMALL, TINY = 1e-9, 1e-60  # least variance of a signal: relative to all images, and absolute
DIGITS = 12  # decimals kept of a log likelihood ratio: the others are rounding errors
LARGEST = 1e300  # size of a signal whose differences can still be computed

Attack = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def threshold(target: np.ndarray, shadows: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """The signal itself; several are divided by their deviation over the images and averaged.

    With the discriminator's logit as the signal this is LOGAN's attack (Hayes et al., PoPETs 2019).
    Yeom et al., "Privacy Risk in Machine Learning", CSF 2018. The reference thesis did it by eye.

    Args:
        target: float (N,) or (N, K).
        shadows: not used.
        membership: not used.

    Returns:
        float (N,).
    """
    target = _several(target)
    if target.shape[1] == 1:
        return target[:, 0]
    target, _ = _in_unit_range(target, target[:, None])
    return (target / np.sqrt(target.var(axis=0) + TINY)).mean(axis=1)


def shadow_classifier(
    target: np.ndarray, shadows: np.ndarray, membership: np.ndarray
) -> np.ndarray:
    """A classifier of members, trained on the shadows' signals of all images together.

    Shokri et al., "Membership Inference Attacks Against Machine Learning Models", IEEE S&P 2017;
    here a logistic regression on the signals' powers up to the third and their products. It has no
    intercept and gives members and non-members the same weight: otherwise the number of members
    among the shadows, which depends on that of the target, would shift the scores of one target
    against those of another, and all are pooled.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).

    Returns:
        float (N,), its logit.
    """
    target, shadows = _in_unit_range(_several(target), _several(shadows, axes=3))
    logistic = LogisticRegression(class_weight="balanced", fit_intercept=False)
    powers = PolynomialFeatures(3, include_bias=False)
    classifier = make_pipeline(StandardScaler(), powers, StandardScaler(), logistic)
    scores = np.empty(len(target))
    half = np.arange(len(target)) % 2 == 0
    # Each half of the images is scored by a classifier that was fitted to the other half.
    for scored, fitted in ((half, ~half), (~half, half)):
        classifier.fit(shadows[fitted].reshape(-1, target.shape[1]), membership[fitted].ravel())
        scores[scored] = classifier.decision_function(target[scored])
    return scores


def calibrated(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    difficulty: np.ndarray | None = None,
) -> np.ndarray:
    """The signal minus what is expected for an image of that difficulty.

    Shafran et al., "Membership Inference Attacks are Easier on Difficult Problems", ICCV 2021,
    subtract an error predicted from the image alone; Watson et al., "On the Importance of
    Difficulty Calibration", ICLR 2022, the signal of models that were not trained on it.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        difficulty: float (N,) or (N, K), the signal expected from the image alone; by default
            the mean over shadows that were not trained on it.

    Returns:
        float (N,).
    """
    if difficulty is None:
        beyond = _on_grid(_several(shadows, axes=3) - _several(target)[:, None])
        return threshold(-_mean(beyond, np.logical_not(membership)), shadows, membership)
    return threshold(_several(target) - _several(difficulty), shadows, membership)


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
    target, shadows = _in_unit_range(_several(target), _several(shadows, axes=3))
    # A model that memorises gives the same signal every time: its variance is 0.
    floor = SMALL * shadows.var(axis=(0, 1)) + TINY
    beyond = _on_grid(shadows - target[:, None])  # the target's own signal becomes 0
    moments = partial(_moments, beyond, floor=floor, fixed_variance=fixed_variance)
    mean, covariance = moments(np.logical_not(membership))
    if online:
        mean_in, covariance_in = moments(membership)
        ratio = _log_density(mean_in, covariance_in) - _log_density(mean, covariance)
        return ratio.round(DIGITS)
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))  # (N, K)
    excess = -mean / scale
    correlation = covariance / (scale[..., :, None] * scale[..., None, :])
    return excess.sum(axis=1) / np.sqrt(correlation.sum(axis=(-2, -1)))


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
    own = _several(target).sum(axis=1)
    beyond = _on_grid(_several(shadows, axes=3).sum(axis=2) - own[:, None])
    without = _log_mean(beyond, np.logical_not(membership))
    if online:
        within = _log_mean(beyond, membership)
    else:
        with np.errstate(divide="ignore"):  # for a = 1 the second term is log 0
            within = np.logaddexp(np.log(offline_a) + without, np.log1p(-offline_a) - own)
    ratio = np.log(2) - np.logaddexp(within, without)
    dominated = np.searchsorted(np.sort(ratio), ratio - np.log(gamma), side="left")
    return dominated / len(ratio)


ATTACKS: dict[str, Attack] = {
    "threshold": threshold,
    "shadow_classifier": shadow_classifier,
    "calibrated": calibrated,
    "lira_online": lira,
    "lira_online_fixed": partial(lira, fixed_variance=True),
    "lira_offline": partial(lira, online=False),
    "lira_offline_fixed": partial(lira, online=False, fixed_variance=True),
    "rmia_online": rmia,
    "rmia_offline": partial(rmia, online=False),
}


def _several(signal: np.ndarray, axes: int = 2) -> np.ndarray:
    """The signals with a last axis for their kind, in double precision."""
    signal = np.asarray(signal, "float64")
    return signal if signal.ndim == axes else signal[..., None]


def _in_unit_range(target: np.ndarray, shadows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Target (N, K) and shadows (N, M, K), each signal scaled so that no square overflows.

    The factor is a power of two: nothing is rounded.
    """
    largest = np.maximum(np.abs(target).max(axis=0), np.abs(shadows).max(axis=(0, 1)))
    exponent = -np.frexp(largest)[1]
    return np.ldexp(target, exponent), np.ldexp(shadows, exponent)


def _on_grid(values: np.ndarray) -> np.ndarray:
    """Values (N, M, ...) rounded to 40 bits of the largest of their row.

    Sums over a row are then exact, whatever their order and number, and signals that are equal
    give scores that are equal. Otherwise the last bit of a mean tells the number of models.
    """
    exponent = np.frexp(np.abs(values).max(axis=1, keepdims=True))[1] - 40
    return np.ldexp(np.rint(np.ldexp(values, -exponent)), exponent)


def _mean(signals: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean (N, ...) of signals (N, M, ...) over the chosen models, bool (N, M)."""
    chosen = np.asarray(chosen, float)
    count = chosen.sum(axis=1).reshape(-1, *[1] * (signals.ndim - 2))
    return np.einsum("nm,nm...->n...", chosen, signals) / count


def _log_mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Logarithm (N,) of the mean of exp(values), (N, M), over the chosen models, bool (N, M)."""
    highest = np.where(chosen, values, -np.inf).max(axis=1)
    with np.errstate(over="ignore"):  # of models that are not chosen
        shares = np.where(chosen, np.exp(values - highest[:, None]), 0.0)
    return np.log(_mean(shares, chosen)) + highest


def _moments(
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
    mean = _mean(signals, chosen)
    deviation = signals - mean[:, None]
    covariance = np.einsum("nm,nmk,nml->nkl", chosen, deviation, deviation)
    if fixed_variance:
        covariance = covariance.sum(axis=0, keepdims=True) / chosen.sum()
    else:
        covariance /= chosen.sum(axis=1)[:, None, None]
    return mean, covariance + np.diag(floor)


def _log_density(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density of Gaussians at 0, (N,), up to a constant."""
    whitened = np.linalg.solve(covariance, mean[..., None])[..., 0]
    return -0.5 * ((mean * whitened).sum(axis=1) + np.linalg.slogdet(covariance)[1])
