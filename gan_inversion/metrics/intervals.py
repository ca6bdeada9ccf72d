"""Confidence intervals: bootstrap over subjects, Clopper-Pearson for plain rates.

Images of one subject are not independent, so whole subjects are resampled (Efron & Tibshirani
1993, chapter 8); Clopper & Pearson, Biometrika 1934, for a count of independent trials.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

from gan_inversion.core.seeding import stream

LEVEL = 0.95


def bootstrap_mean(
    values: np.ndarray, subjects: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the mean over images, subjects resampled.

    Args:
        values: float (N,), one for each image.
        subjects: (N,), the subject of each image.
        resamples: bootstrap samples.
        seed: for the resampling.
    """
    names, group = np.unique(subjects, return_inverse=True)
    sums = np.bincount(group, weights=values)
    counts = np.bincount(group)
    draws = _draws(len(names), resamples, seed)
    return percentiles((draws @ sums) / (draws @ counts))


def bootstrap_quantile(
    values: np.ndarray,
    subjects: np.ndarray,
    quantile: float,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of a quantile over images, subjects resampled.

    Args:
        values: float (N,), one for each image.
        subjects: (N,), the subject of each image.
        quantile: between 0 and 1.
        resamples: bootstrap samples.
        seed: for the resampling.
    """
    names, group = np.unique(subjects, return_inverse=True)
    order = np.argsort(values)
    quantiles = []
    for draw in _draws(len(names), resamples, seed):
        below = np.cumsum(draw[group[order]])
        quantiles.append(values[order[np.searchsorted(below, quantile * below[-1])]])
    return percentiles(np.array(quantiles))


def bootstrap_rate(hits: np.ndarray, subjects: np.ndarray) -> tuple[float, float]:
    """95 % interval of a rate over images, subjects resampled.

    Where all or none of the images are hits, resampling shows no uncertainty; the interval is then
    Clopper and Pearson's with the subjects, not the images, as independent trials.

    Args:
        hits: bool (N,), or rates, float (N,).
        subjects: (N,), the subject of each.
    """
    count = len(np.unique(subjects))
    for extreme in (0, 1):
        if (hits == extreme).all():
            return clopper_pearson(extreme * count, count)
    return bootstrap_mean(hits, subjects)


def clopper_pearson(successes: Any, trials: int) -> tuple[Any, Any]:
    """Exact 95 % interval of a rate: two floats, or two arrays (N,) for successes (N,)."""
    tail = (1 - LEVEL) / 2
    missed = trials - np.asarray(successes)
    # Without successes, or failures, one beta distribution does not exist: the bound is 0 or 1.
    low = np.nan_to_num(stats.beta.ppf(tail, successes, missed + 1), nan=0.0)
    high = np.nan_to_num(stats.beta.isf(tail, np.asarray(successes) + 1, missed), nan=1.0)
    return (float(low), float(high)) if np.ndim(successes) == 0 else (low, high)


@lru_cache(4)  # every figure of a record resamples the same subjects
def _draws(count: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of `count` subjects is drawn: whole numbers, as float64 (resamples, count)."""
    shares = np.full(count, 1 / count)
    # Products of integers would take ten times as long, and are the same.
    return stream(seed, "bootstrap").multinomial(count, shares, size=resamples).astype("float64")


def percentiles(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """95 % interval of bootstrapped values."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
