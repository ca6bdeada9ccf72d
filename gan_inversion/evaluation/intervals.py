"""Confidence intervals: bootstrap over subjects, Clopper-Pearson for plain rates.

Images of one subject are not independent, so whole subjects are resampled (Efron & Tibshirani
1993, chapter 8); Clopper & Pearson, Biometrika 1934, for a count of independent trials.
"""

import numpy as np
from scipy import stats

from gan_inversion.seeding import stream

LEVEL = 0.95


def bootstrap_mean(
    values: np.ndarray, subjects: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile interval of the mean over images, subjects resampled.

    Args:
        values: float (N,), one an image.
        subjects: (N,), the subject of each image.
        resamples: bootstrap samples.
        seed: for the resampling.
    """
    names, group = np.unique(subjects, return_inverse=True)
    sums = np.bincount(group, weights=values)
    counts = np.bincount(group)
    draws = stream(seed, "bootstrap").multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=resamples
    )
    means = (draws @ sums) / (draws @ counts)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def clopper_pearson(successes: int, trials: int) -> tuple[float, float]:
    """Exact 95 % interval of a rate."""
    interval = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="exact")
    return float(interval.low), float(interval.high)
