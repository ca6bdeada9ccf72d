"""How unusual a signal is among images that look alike; needs no shadow models."""

import numpy as np
from sklearn.linear_model import RidgeCV

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.metrics.membership.gaussian import SMALL
from gan_inversion.metrics.membership.signals import TINY, in_unit_range, several

FEWEST_KNOWN = 20  # images that are known not to be members, for a regression to say anything
PENALTIES = np.logspace(-3, 3, 7)  # of ridge regression, chosen by leaving one image out


def quantile_regression(signal: np.ndarray, features: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The signal's place in the distribution that is expected of a non-member with such features.

    Bertran et al., "Scalable Membership Inference Attacks via Quantile Regression", NeurIPS 2023,
    whose Gaussian form this is; Tang et al., "Membership Inference Attacks on Diffusion Models via
    Quantile Regression", ICML 2024, on the error of reconstruction. Mean and logarithm of the
    variance are linear in the features, by ridge regression on images that are known not to be
    members: the attacker has photographs of his own, and no model but the target.

    Args:
        signal: float (N,) or (N, K).
        features: float (N, F), of the images, such as their embeddings.
        known: bool (N,), images that are known not to be members; their own scores mean nothing.

    Returns:
        float (N,), standard deviations above the mean; of several signals, their sum.

    Raises:
        UserError: fewer than 20 images are known.
    """
    if (count := int(known.sum())) < FEWEST_KNOWN:
        raise UserError(
            f"expected {FEWEST_KNOWN} images or more that are known not to be members, got {count}"
        )
    signal = several(signal)
    signal, _ = in_unit_range(signal, signal[:, None])
    signal = signal - signal[0]  # equal signals become 0, without a rounding error that tells them
    floor = SMALL * signal.var(axis=0) + TINY
    excess = np.zeros(len(signal))
    for values, least in zip(signal.T, floor, strict=True):
        mean = RidgeCV(PENALTIES, store_cv_results=True).fit(features[known], values[known])
        errors = mean.cv_results_[:, np.argmin(mean.cv_results_.mean(axis=0))]
        spread = RidgeCV(PENALTIES).fit(features[known], np.log(errors + least))
        excess += (values - mean.predict(features)) / np.exp(0.5 * spread.predict(features))
    return excess


def without_shadows(
    signals: np.ndarray, membership: np.ndarray, features: np.ndarray
) -> np.ndarray:
    """Run `quantile_regression` with each model in turn as the target.

    The attacker knows of half of the images that are not members that they are none, and is asked
    about the other half of all images; then the halves are exchanged.

    Args:
        signals: float (N, M) or (N, M, K).
        membership: bool (N, M).
        features: float (N, F).

    Returns:
        Scores, float (N, M).

    Raises:
        UserError: of some model fewer than 20 images are known not to be members.
    """
    inside = np.asarray(membership, bool)
    scores = np.empty(inside.shape)
    half = _half(inside)
    for place in range(inside.shape[1]):
        for asked in (half, ~half):
            given = ~asked & ~inside[:, place]
            scores[asked, place] = quantile_regression(signals[:, place], features, given)[asked]
    return scores


def _half(inside: np.ndarray) -> np.ndarray:
    """Half of the images, bool (N,), with enough non-members of each model in it and beside it.

    It is every second image, or drawn where members follow a pattern, such as every second image.
    """
    half = np.arange(len(inside)) % 2 == 0
    for draw in range(100):
        fewest = min((~inside[part]).sum(axis=0).min() for part in (half, ~half))
        if fewest >= FEWEST_KNOWN:
            break
        half = stream(0, "halves", draw).permutation(half)
    return half
