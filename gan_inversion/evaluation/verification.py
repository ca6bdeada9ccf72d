"""Verification: how well a recogniser tells same from different, and where its thresholds lie.

10-fold accuracy as in LFW's View 2 (Huang et al., 2007): the threshold of each fold is the one
that is best on the others. Error rates follow ISO/IEC 19795-1: FMR over impostor comparisons, TMR
over genuine ones; a comparison is accepted at `score >= threshold`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_inversion.evaluation.intervals import LEVEL
from gan_inversion.seeding import stream

BINS = 8192  # of the impostor histogram over [-1, 1]


@dataclass(frozen=True)
class Folds:
    """10-fold verification.

    Attributes:
        accuracies: (F,), one a fold.
        thresholds: (F,), the threshold used for each.
        mean: of the accuracies.
        ci: 95 % t-interval of the mean over folds.
    """

    accuracies: np.ndarray
    thresholds: np.ndarray
    mean: float
    ci: tuple[float, float]


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine of paired unit vectors: (N, D), (N, D) -> (N,)."""
    return np.einsum("nd,nd->n", first, second)


def k_fold(scores: np.ndarray, genuine: np.ndarray, fold: np.ndarray) -> Folds:
    """Accuracy with the threshold of each fold chosen on the others.

    Args:
        scores: float (N,), larger is more similar.
        genuine: bool (N,), same subject.
        fold: int (N,), fold of each pair.
    """
    numbers = np.unique(fold)
    accuracies, thresholds = [], []
    for number in numbers:
        held_out = fold == number
        threshold = best_threshold(scores[~held_out], genuine[~held_out])
        thresholds.append(threshold)
        accuracies.append(((scores[held_out] >= threshold) == genuine[held_out]).mean())
    mean, error = float(np.mean(accuracies)), stats.sem(accuracies)
    low, high = stats.t.interval(LEVEL, len(numbers) - 1, loc=mean, scale=max(error, 1e-12))
    return Folds(np.array(accuracies), np.array(thresholds), mean, (float(low), float(high)))


def best_threshold(scores: np.ndarray, genuine: np.ndarray) -> float:
    """Threshold with the highest accuracy; halfway between the two scores it separates."""
    order = np.argsort(scores)
    ordered, same = scores[order], genuine[order]
    # Cutting before position i rejects the i smallest: right are the impostors below and the
    # genuine pairs from there on.
    right = np.concatenate([[0], np.cumsum(~same)]) + np.concatenate(
        [np.cumsum(same[::-1])[::-1], [0]]
    )
    right[1:-1][ordered[1:] == ordered[:-1]] = -1  # no threshold parts equal scores
    cut = int(right.argmax())
    if cut == 0:
        return float(ordered[0])
    if cut == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float((ordered[cut - 1] + ordered[cut]) / 2)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: the chance that a positive outscores a negative (ties half)."""
    ranks = stats.rankdata(scores)
    n1 = int(positive.sum())
    n0 = len(scores) - n1
    return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def bootstrap_auc(
    scores: np.ndarray, positive: np.ndarray, fold: np.ndarray, *, resamples: int = 1000
) -> tuple[float, float]:
    """95 % percentile interval of the AUC, folds resampled: LFW's folds share no subject."""
    members = [np.flatnonzero(fold == number) for number in np.unique(fold)]
    draws = stream(0, "bootstrap").integers(len(members), size=(resamples, len(members)))
    values = []
    for draw in draws:
        chosen = np.concatenate([members[number] for number in draw])
        values.append(auc(scores[chosen], positive[chosen]))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Impostors:
    """All impostor scores of a set of embeddings, summarised.

    Attributes:
        histogram: (BINS,) counts over [-1, 1].
        thresholds: FMR -> smallest score at which no more than that share is accepted.
        count: number of impostor comparisons.
    """

    histogram: np.ndarray
    thresholds: dict[float, float]
    count: int


def impostors(
    embeddings: np.ndarray, subjects: np.ndarray, *, fmrs: Sequence[float], block: int = 1024
) -> Impostors:
    """Score every pair of images of different subjects, in blocks.

    Thresholds are exact: a first pass counts scores in bins, a second sorts those of the bins in
    which the thresholds lie.

    Args:
        embeddings: float32 (N, D), unit norm.
        subjects: (N,), subject of each.
        fmrs: false match rates wanted.
        block: rows scored at once.

    Returns:
        Thresholds; NaN for rates below 10 / comparisons, which the sample cannot resolve.
    """
    _, codes = np.unique(subjects, return_inverse=True)

    def blocks():
        for start in range(0, len(embeddings), block):
            rows = slice(start, start + block)
            scores = embeddings[rows] @ embeddings[start:].T
            later = np.triu(np.ones(scores.shape, bool), 1)
            yield scores[later & (codes[rows, None] != codes[None, start:])]

    def bins(scores: np.ndarray) -> np.ndarray:
        return np.clip(((scores + 1) * (BINS / 2)).astype(np.int32), 0, BINS - 1)

    histogram = np.zeros(BINS, np.int64)
    for scores in blocks():
        histogram += np.bincount(bins(scores), minlength=BINS)
    count = int(histogram.sum())
    from_top = np.cumsum(histogram[::-1])[::-1]  # scores in this bin or above

    wanted = {fmr: int(fmr * count) for fmr in fmrs if fmr * count >= 10}
    home = {fmr: int(np.flatnonzero(from_top > accepted)[-1]) for fmr, accepted in wanted.items()}
    members: dict[int, list[np.ndarray]] = {bin_: [] for bin_ in home.values()}
    for scores in blocks():
        place = bins(scores)
        for bin_, found in members.items():
            found.append(scores[place == bin_])
    thresholds = dict.fromkeys(fmrs, float("nan"))
    for fmr, accepted in wanted.items():
        inside = np.sort(np.concatenate(members[home[fmr]]))[::-1]
        above = int(from_top[home[fmr]] - histogram[home[fmr]])
        # The score at this rank is the first one that must be rejected.
        rejected = inside[accepted - above]
        thresholds[fmr] = float(np.nextafter(rejected, np.float32(np.inf)))
    return Impostors(histogram, thresholds, count)
