"""Membership inference: was this image among those that an inverter was trained on?

Fifth stage of the flow. An attack sees signals only, never a model: how the attacked model (the
*target*) behaves on each image, and how other models do (the *shadows*), of which it is known what
they were trained on. Larger signals and larger scores mean more likely a member. A signal is one
figure an image, (N,) and (N, M), or several, (N, K) and (N, M, K).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from gan_inversion.errors import UserError

FEWEST = 2  # shadows with and shadows without an image: a variance needs them
SMALL, TINY = 1e-9, 1e-60  # least variance of an image's signal: share of all images', absolute

Attack = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def threshold(target: np.ndarray, shadows: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """The signal itself; several count alike, in standard deviations over the images.

    With a discriminator's logit for a signal this is LOGAN's attack (Hayes et al., PoPETs 2019).
    Yeom et al., "Privacy Risk in Machine Learning", CSF 2018; what the reference thesis did by eye.

    Args:
        target: float (N,) or (N, K).
        shadows: not looked at.
        membership: not looked at.

    Returns:
        float (N,).
    """
    target = _several(target)
    if target.shape[1] == 1:
        return target[:, 0]
    return (target / np.sqrt(target.var(axis=0) + TINY)).mean(axis=1)


def shadow_classifier(
    target: np.ndarray, shadows: np.ndarray, membership: np.ndarray
) -> np.ndarray:
    """A classifier of members, trained on the signals of the shadows, all images alike.

    Shokri et al., "Membership Inference Attacks Against Machine Learning Models", IEEE S&P 2017;
    here a logistic regression on the signals' powers up to the third and their products.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).

    Returns:
        float (N,), its logit.
    """
    target, shadows = _several(target), _several(shadows, axes=3)
    powers = PolynomialFeatures(3, include_bias=False)
    steps = (StandardScaler(), powers, StandardScaler(), LogisticRegression())
    classifier = make_pipeline(*steps)
    classifier.fit(shadows.reshape(-1, target.shape[1]), membership.ravel())
    return classifier.decision_function(target)


def calibrated(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    difficulty: np.ndarray | None = None,
) -> np.ndarray:
    """The signal beyond what the image's difficulty lets expect.

    Shafran et al., "Membership Inference Attacks are Easier on Difficult Problems", ICCV 2021,
    subtract an error predicted from the image alone; Watson et al., "On the Importance of
    Difficulty Calibration", ICLR 2022, the signal of models that were not trained on it.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        difficulty: float (N,) or (N, K), the signal that the image alone lets expect; by default
            the mean over shadows without it.

    Returns:
        float (N,).
    """
    if difficulty is None:
        difficulty = _mean(_several(shadows, axes=3), np.logical_not(membership))
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
    algorithm 1, offline equation 4. Several signals are jointly Gaussian; offline their excesses,
    in standard deviations each, are added.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well; otherwise those without it
            only, which an attacker has before he knows whom he will attack.
        fixed_variance: one covariance for all images; better with few shadows.

    Returns:
        float (N,): log likelihood ratio; offline, standard deviations above the mean.
    """
    target, shadows = _several(target), _several(shadows, axes=3)
    moments = partial(_moments, shadows, fixed_variance=fixed_variance)
    mean, covariance = moments(np.logical_not(membership))
    if online:
        mean_in, covariance_in = moments(membership)
        return _log_density(target, mean_in, covariance_in) - _log_density(target, mean, covariance)
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))  # (N, K)
    excess = (target - mean) / scale
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
    equations 5 to 8. A signal counts as a log likelihood, whose constant cancels: the log of a mean
    squared error is one up to a factor. Several signals are added. The population are all images
    of the matrix.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well.
        offline_a: offline, the likelihood of a trained image is taken as `a p + 1 - a`, p that of
            the same image untrained; other than 1 only for signals that are log probabilities.
        gamma: by how much an image must exceed another.

    Returns:
        float (N,) in [0, 1].
    """
    likelihood = _several(shadows, axes=3).sum(axis=2)
    highest = 0.0 if offline_a < 1 else likelihood.max(axis=1, keepdims=True)
    likelihood = np.exp(likelihood - highest)  # only ratios count
    without = _mean(likelihood, np.logical_not(membership))
    within = _mean(likelihood, membership) if online else offline_a * without + 1 - offline_a
    expected = np.log((within + without) / 2) + np.ravel(highest)
    ratio = _several(target).sum(axis=1) - expected
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


def every_target(attack: Attack, signals: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """Every model in turn the target, all others its shadows.

    Args:
        attack: of one target.
        signals: float (N, M) or (N, M, K).
        membership: bool (N, M).

    Returns:
        Scores, float (N, M).

    Raises:
        UserError: see `check_matrices`.
    """
    check_matrices(signals, membership)
    columns = []
    for place in range(membership.shape[1]):
        others = np.arange(membership.shape[1]) != place
        columns.append(attack(signals[:, place], signals[:, others], membership[:, others]))
    return np.stack(columns, axis=1)


def check_matrices(signals: np.ndarray, membership: np.ndarray) -> None:
    """Raise `UserError` unless signals and membership are matrices that attacks can be run on."""
    if membership.ndim != 2 or signals.shape[:2] != membership.shape or signals.ndim > 3:
        raise UserError(
            "expected signals and membership of the same shape (images, models), got "
            f"{signals.shape} and {membership.shape}"
        )
    if not np.isin(membership, (0, 1)).all():
        raise UserError("expected membership of 0 and 1 only, got other values")
    if not np.isfinite(signals).all():
        count = int((~np.isfinite(signals)).sum())
        raise UserError(f"expected finite signals, got {count} that are not")
    for name, known in (("members", membership), ("non-members", membership == 0)):
        if empty := np.flatnonzero(~known.any(axis=0)).tolist():
            raise UserError(f"expected {name} in every model, got none in model {empty[0]}")
    members = membership.astype(int).sum(axis=1)
    for name, count in (("in", members), ("out", membership.shape[1] - members)):
        # One model is the target: it is not among its own shadows.
        if (short := int((count < FEWEST + 1).sum())) > 0:
            raise UserError(
                f"expected at least {FEWEST} shadows with each image {name} beside the target, got "
                f"fewer for {short} of {len(count)} images"
            )


def _several(signal: np.ndarray, axes: int = 2) -> np.ndarray:
    """The signals with a last axis for their kind, in double precision."""
    signal = np.asarray(signal, "float64")
    return signal if signal.ndim == axes else signal[..., None]


def _mean(signals: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean (N, ...) of signals (N, M, ...) over the chosen models, bool (N, M)."""
    return np.einsum("nm,nm...->n...", chosen / chosen.sum(axis=1, keepdims=True), signals)


def _moments(
    signals: np.ndarray, chosen: np.ndarray, *, fixed_variance: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (N, K) and covariance (N, K, K), or (1, K, K) if fixed, over the chosen models.

    Args:
        signals: float (N, M, K).
        chosen: bool (N, M).
        fixed_variance: pool the deviations of all images.
    """
    mean = _mean(signals, chosen)
    deviation = signals - mean[:, None]
    if fixed_variance:
        pooled = chosen / chosen.sum()
        covariance = np.einsum("nm,nmk,nml->kl", pooled, deviation, deviation)[None]
    else:
        weight = chosen / chosen.sum(axis=1, keepdims=True)
        covariance = np.einsum("nm,nmk,nml->nkl", weight, deviation, deviation)
    # A model that memorises gives the same signal every time.
    floor = SMALL * signals.var(axis=(0, 1)) + TINY
    return mean, covariance + np.diag(floor)


def _log_density(values: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log density of Gaussians, (N,), but for the constant."""
    deviation = values - mean
    whitened = np.linalg.solve(covariance, deviation[..., None])[..., 0]
    return -0.5 * ((deviation * whitened).sum(axis=1) + np.linalg.slogdet(covariance)[1])
