"""Verification: how well a recogniser tells subjects apart, and where its thresholds lie.

10-fold accuracy as in LFW's View 2 (Huang et al., 2007): the threshold of each fold is the one
that is best on the others. Error rates follow ISO/IEC 19795-1: FMR over impostor comparisons, TMR
over genuine ones; a comparison is accepted at `score >= threshold`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_inversion.core.seeding import stream
from gan_inversion.metrics.intervals import LEVEL, percentiles

BINS = 8192  # of the impostor histogram over [-1, 1]


@dataclass(frozen=True)
class Folds:
    """10-fold verification.

    Attributes:
        accuracies: (F,), one for each fold.
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
    # Cutting before position i rejects the i smallest scores: correct are the impostor pairs among
    # them and the genuine pairs among the others.
    right = np.concatenate([[0], np.cumsum(~same)]) + np.concatenate(
        [np.cumsum(same[::-1])[::-1], [0]]
    )
    right[1:-1][ordered[1:] == ordered[:-1]] = -1  # no threshold separates equal scores
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
    scores: np.ndarray, positive: np.ndarray, weights: Iterable[np.ndarray]
) -> tuple[float, float]:
    """95 % percentile interval of the AUC; NaN where no resample has pairs of both kinds.

    Args:
        scores: float (N,).
        positive: bool (N,).
        weights: for each resample, how often each score counts, (N,): `by_group` where groups share
            no subject, `by_subject` where every image is compared with every other.
    """
    _, rank = np.unique(scores, return_inverse=True)
    values = []
    for weight in weights:
        positives = np.bincount(rank, weights=weight * positive)
        negatives = np.bincount(rank, weights=weight * ~positive)
        if not positives.any() or not negatives.any():
            continue  # a resample without pairs of one kind has no AUC
        outscored = np.cumsum(negatives) - negatives / 2  # ties half
        values.append(positives @ outscored / (positives.sum() * negatives.sum()))
    return percentiles(values or [np.nan])


def by_group(group: np.ndarray, *, resamples: int = 1000, seed: int = 0) -> Iterator[np.ndarray]:
    """Weights when whole groups (folds, subjects), given for each score (N,), are resampled."""
    names, codes = np.unique(group, return_inverse=True)
    for draw in draws(len(names), resamples=resamples, seed=seed):
        yield draw[codes]


def by_subject(
    first: np.ndarray, second: np.ndarray, *, resamples: int = 1000, seed: int = 0
) -> Iterator[np.ndarray]:
    """Weights of pairs when subjects are resampled.

    A genuine pair counts as often as its subject is drawn, an impostor pair as often as its two
    subjects meet (the pigeonhole bootstrap: Owen, Annals of Applied Statistics 2007). Where a
    subject has few pairs, that overstates the variance, up to threefold.

    Args:
        first: (N,), subject of the first image of each pair.
        second: (N,), subject of the second.
        resamples: bootstrap samples.
        seed: for the resampling.
    """
    names, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    first, second = codes.reshape(2, -1)
    for draw in draws(len(names), resamples=resamples, seed=seed):
        yield np.where(first == second, draw[first], draw[first] * draw[second])


def draws(count: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield, for each resample, how often each of `count` units is drawn: int (count,)."""
    generator = stream(seed, "bootstrap")
    for _ in range(resamples):
        yield np.bincount(generator.integers(count, size=count), minlength=count)


@dataclass(frozen=True)
class Impostors:
    """All impostor scores of a set of embeddings, summarised.

    Attributes:
        histogram: (BINS,) counts over [-1, 1].
        thresholds: FMR -> smallest score at which no more than that share is accepted; NaN for
            rates below 10 / comparisons, which the sample cannot resolve.
        intervals: FMR -> 95 % interval of the threshold over other samples of subjects.
        count: number of impostor comparisons.
    """

    histogram: np.ndarray
    thresholds: dict[float, float]
    intervals: dict[float, tuple[float, float]]
    count: int


def impostors(
    embeddings: np.ndarray, subjects: np.ndarray, *, fmrs: Sequence[float], block: int = 1024
) -> Impostors:
    """Score every pair of images of different subjects, in blocks.

    Thresholds are exact: a first pass counts scores in bins, a second sorts the highest ones.
    Their intervals invert those of the FMR (Woodruff, JASA 1952), on a log scale.

    Args:
        embeddings: float32 (N, D), unit norm.
        subjects: (N,), subject of each.
        fmrs: false match rates whose thresholds are wanted.
        block: rows scored at once.
    """
    _, codes = np.unique(subjects, return_inverse=True)

    def blocks() -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        for start in range(0, len(embeddings), block):
            scores = embeddings[start : start + block] @ embeddings[start:].T
            later = np.triu(np.ones(scores.shape, bool), 1)
            yield start, scores, later & (codes[start : start + block, None] != codes[start:])

    def bins(scores: np.ndarray) -> np.ndarray:
        return np.clip(((scores + 1) * (BINS / 2)).astype(np.int32), 0, BINS - 1)

    histogram = np.zeros(BINS, np.int64)
    for _, scores, compared in blocks():
        histogram += np.bincount(bins(scores[compared]), minlength=BINS)
    count = int(histogram.sum())
    thresholds = dict.fromkeys(fmrs, float("nan"))
    intervals: dict[float, tuple[float, float]] = {}
    resolved = [fmr for fmr in fmrs if fmr * count >= 10]
    if not resolved:
        return Impostors(histogram, thresholds, intervals, count)

    # Ten times what the thresholds accept leaves room for their intervals.
    enough = min(count, max(10_000, 10 * max(resolved) * count))
    lowest = int(np.flatnonzero(np.cumsum(histogram[::-1])[::-1] >= enough)[-1])
    candidates = []
    for start, scores, compared in blocks():
        row, column = np.nonzero(compared & (bins(scores) >= lowest))
        candidates.append((scores[row, column], codes[start + row], codes[start + column]))
    top, first, second = (np.concatenate(parts) for parts in zip(*candidates, strict=True))
    order = np.argsort(-top)
    top, first, second = top[order], first[order], second[order]

    def threshold(fmr: float) -> float:
        first_rejected = top[min(int(fmr * count), len(top) - 1)]
        return float(np.nextafter(first_rejected, np.float32(np.inf)))

    images = np.bincount(codes)
    for fmr in resolved:
        accepted = int(fmr * count)
        error = rate_error(first[:accepted], second[:accepted], images)
        ratio = np.exp(stats.norm.ppf((1 + LEVEL) / 2) * error / fmr)
        thresholds[fmr] = threshold(fmr)
        intervals[fmr] = (threshold(fmr * ratio), threshold(fmr / ratio))
    return Impostors(histogram, thresholds, intervals, count)


def rate_error(first: np.ndarray, second: np.ndarray, images: np.ndarray) -> float:
    """Standard error of a rate over all comparisons between different subjects.

    Comparisons that share a subject are dependent: the dyadic-robust variance (Fafchamps &
    Gubert, Journal of Development Economics 2007) adds their covariances, each of them once.
    Resampling subjects counts the scatter between pairs of subjects three times and gives
    intervals up to 1.7 times too wide where accepted pairs are few.

    Args:
        first: int (A,), one subject of each accepted comparison.
        second: int (A,), the other.
        images: int (S,), number of images of each subject.

    Returns:
        Standard error of A / (number of comparisons).
    """
    images = images.astype(float)
    total, squares = images.sum(), np.square(images).sum()
    count = (total**2 - squares) / 2
    rate = len(first) / count
    of_subject = np.bincount(np.concatenate([first, second]), minlength=len(images))
    excess = of_subject - rate * images * (total - images)
    pairs, accepted = np.unique(
        [np.minimum(first, second), np.maximum(first, second)], axis=1, return_counts=True
    )
    compared = images[pairs[0]] * images[pairs[1]]
    every_pair = (squares**2 - (images**4).sum()) / 2  # sum of squared comparisons of all pairs
    within = (accepted**2 - 2 * rate * accepted * compared).sum() + rate**2 * every_pair
    return float(np.sqrt(max(np.square(excess).sum() - within, within)) / count)
