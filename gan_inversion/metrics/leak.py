"""What the scores of a membership attack leak: ROC curve, its area, and TPR at low FPR.

Averages over all images hide who is at risk, so true positive rates (TPR) are read at low false
positive rates (FPR): Carlini et al., IEEE S&P 2022. Scores of several target models are pooled. The
intervals resample subjects, since images of one subject are not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from gan_inversion.core.seeding import stream
from gan_inversion.metrics.attack import subject_mean
from gan_inversion.metrics.intervals import clopper_pearson, percentiles
from gan_inversion.metrics.verification import draws

FPRS = (1e-1, 1e-2, 1e-3)
AT_ONCE = 60_000  # scores of resamples in one block: more leave the processor's cache
ROUNDING = 1e-12  # by which a rate may exceed its limit
RESOLVED = 10  # false positives that a rate needs at least
CUTS = 199  # thresholds that the audit of epsilon chooses from
# Targets in which two images are hardly alike by chance, even where every other target is the
# complement of the one before it.
ENOUGH = 32


@dataclass(frozen=True)
class Leak:
    """Figures of one membership attack.

    Attributes:
        auc: chance that a member outscores a non-member (ties half), with its 95 % interval.
        balanced: highest mean of true positive and true negative rate over all thresholds, and
            the interval of that mean at the threshold where it is highest.
        tpr: FPR -> true positive rate at the lowest threshold with no more false positives than
            that, and its interval; None where the sample does not resolve it.
        curve: false and true positive rates, float (2, P), as from `roc`.
        members, others: how many scores are of members, and of non-members.
    """

    auc: tuple[float, tuple[float, float]]
    balanced: tuple[float, tuple[float, float]]
    tpr: dict[float, tuple[float, tuple[float, float]] | None]
    curve: np.ndarray
    members: int
    others: int


def roc(scores: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates, from (0, 0) to (1, 1), one point for each distinct score.

    Args:
        scores: float (N,).
        member: bool (N,).
    """
    _, counts = _ordered(scores, member)
    fpr, tpr = counts / counts[:, -1:]
    return fpr, tpr


def leak(
    scores: np.ndarray,
    member: np.ndarray,
    subjects: np.ndarray,
    *,
    fprs: Sequence[float] = FPRS,
    resamples: int = 500,
    seed: int = 0,
) -> Leak:
    """Measure how well the scores of a membership attack tell members from non-members.

    Args:
        scores: float (N,), or (N, M) of several targets, which are pooled; NaN for no score.
        member: bool, of the same shape.
        subjects: (N,), the subject of each image.
        fprs: false positive rates at which true positive rates are read.
        resamples: bootstrap samples.
        seed: for the resampling.
    """
    names, group = np.unique(np.repeat(subjects, scores.size // len(scores)), return_inverse=True)
    scored = ~np.isnan(scores.ravel())
    scores, member = scores.ravel()[scored], member.ravel()[scored].astype(bool)
    group = group[scored]
    sides, counts = _ordered(scores, member)
    others, members = (len(side) for side in sides)
    resolved = [fpr for fpr in fprs if fpr * others >= RESOLVED]
    curve = counts / counts[:, -1:]
    best = int(np.argmax(curve[1] - curve[0]))
    falling, own = (-scores[side] for side in sides)
    above, upto = np.searchsorted(falling, own), np.searchsorted(falling, own, "right")
    figures = partial(
        _figures,
        sides=[group[side] for side in sides],
        ranks=[above] if (above == upto).all() else [above, upto],
        counts=counts,
        best=best,
        limits=resolved,
    )
    weights = _resampled(len(names), resamples, seed)
    parts = np.array_split(weights, min(resamples, 1 + resamples * len(scores) // AT_ONCE))
    resampled = np.concatenate([figures(part) for part in parts], axis=1)
    values = figures(np.ones((1, len(names)), int))[:, 0].tolist()
    estimates = [(value, percentiles(row)) for value, row in zip(values, resampled, strict=True)]
    rates = dict(zip(resolved, estimates[2:], strict=True))
    tprs = {fpr: rates.get(fpr) for fpr in fprs}
    return Leak(estimates[0], estimates[1], tprs, curve, members, others)


def _figures(
    weights: np.ndarray,
    *,
    sides: Sequence[np.ndarray],
    ranks: Sequence[np.ndarray],
    counts: np.ndarray,
    best: int,
    limits: Sequence[float],
) -> np.ndarray:
    """AUC, balanced accuracy and true positive rates, float (F, R), where subjects are weighted.

    Args:
        weights: int (R, S), how often each subject counts. Floats would take six times as long.
        sides: subjects of the others, and of the members, by falling score.
        ranks: for each member, how many others score more; and how many at least as much, if that
            is not the same.
        counts, best: points of the curve from `_ordered`, and the point of the balanced accuracy.
        limits: false positive rates.
    """
    wrong = np.zeros((len(weights), len(sides[0]) + 1), int)  # others that score most
    np.cumsum(np.take(weights, sides[0], axis=1), axis=1, out=wrong[:, 1:])
    own = np.take(weights, sides[1], axis=1)
    others, members = wrong[:, -1], own.sum(axis=1)
    lost = sum(np.einsum("rn,rn->r", own, np.take(wrong, rank, axis=1)) for rank in ranks)
    area = 1 - lost / (len(ranks) * others * members)  # a tie is half lost
    fpr = wrong[:, counts[0, best]] / others
    rates = [own[:, : counts[1, best]].sum(axis=1) / members]
    for limit in limits:
        most = (limit + ROUNDING) * others
        last = [np.searchsorted(*pair, "right") - 1 for pair in zip(wrong, most, strict=True)]
        kept = counts[1, np.searchsorted(counts[0], last, "right") - 1]
        right = np.cumsum(own[:, : max(1, kept.max())], axis=1)[np.arange(len(own)), kept - 1]
        rates.append(right * (kept > 0) / members)
    return np.stack([area, (1 + rates[0] - fpr) / 2, *rates[1:]])


def audited_epsilon(
    scores: np.ndarray,
    member: np.ndarray,
    subjects: np.ndarray,
    *,
    delta: float,
    seed: int = 0,
) -> float:
    """A lower bound on epsilon, proven by an attack's success at 95 % confidence.

    Differential privacy bounds every attack: TPR <= e^epsilon FPR + delta, and the same for the
    images taken for non-members (Kairouz et al., ICML 2015; Jagielski et al., NeurIPS 2020,
    algorithm 2). The threshold is chosen on half of the subjects, and the rates are counted on the
    other half, with Clopper-Pearson bounds, as if scores of several targets were independent.
    `without_copies` leaves out rows that repeat others.

    Args:
        scores: float (N,), or (N, M) of several targets; NaN for no score.
        member: bool, of the same shape.
        subjects: (N,), the subject of each image.
        delta: of the guarantee that is audited.
        seed: for the choice of the halves.
    """
    scores, member, subjects = without_copies(scores, member, subjects)
    first = half_of(subjects, seed)
    known, inside = ~np.isnan(scores), member.astype(bool)
    selection, evaluation = (
        [np.sort(scores[part][kind[part]]) for kind in (known & inside, known & ~inside)]
        for part in (first, ~first)
    )
    cuts = np.quantile(np.concatenate(selection), np.linspace(0.001, 0.999, CUTS))
    bounds = _proven(selection, cuts, delta)  # (2, CUTS)
    side, place = np.unravel_index(bounds.argmax(), bounds.shape)
    return max(0.0, float(_proven(evaluation, cuts[place : place + 1], delta)[side, 0]))


def without_copies(
    scores: np.ndarray, member: np.ndarray, subjects: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row, the mean score, for each subject whose images are all members of the same targets.

    Such images, as copies of one, are in or out together: they are one piece of evidence, not many.
    The images of all other subjects stay as they are. Where the targets are so few that two images
    of a subject may be members of the same ones by chance, two count as one only if their scores
    are equal too, as those of one image that stands twice.

    Args:
        scores: float (N,), or (N, M) of several targets.
        member: bool, of the same shape.
        subjects: (N,), the subject of each image.
    """
    _, first, inverse, counts = np.unique(
        subjects, return_index=True, return_inverse=True, return_counts=True
    )
    differs = (member != member[first[inverse]]).reshape(len(member), -1).any(axis=1)
    alike = (np.bincount(inverse, weights=differs) == 0) & (counts > 1)
    if member.ndim < 2 or member.shape[1] < ENOUGH:
        values = np.nan_to_num(scores)
        apart = (values != values[first[inverse]]).reshape(len(scores), -1).any(axis=1)
        alike &= (counts > 2) | (np.bincount(inverse, weights=apart) == 0)
    if not alike.any():
        return scores, member, subjects
    columns = scores.reshape(len(scores), -1).T
    means = np.stack([subject_mean(column, inverse)[1] for column in columns], axis=1)
    kept, merged = ~alike[inverse], first[alike]
    kept[merged] = True
    scores = np.array(scores, float)
    scores[merged] = means[alike].reshape(-1, *scores.shape[1:])
    return scores[kept], member[kept], subjects[kept]


def half_of(subjects: np.ndarray, seed: int) -> np.ndarray:
    """Which images, bool (N,), are of a half of the subjects: on these a threshold is chosen."""
    names = np.unique(subjects)
    chosen = stream(seed, "audit").permutation(names)[: len(names) // 2]
    return np.isin(subjects, chosen)


def _proven(sides: list[np.ndarray], cuts: np.ndarray, delta: float) -> np.ndarray:
    """Bounds on epsilon at each cut, (2, cuts): by images taken for members, and for others.

    Args:
        sides: sorted scores of members and of others.
        cuts: thresholds; an image that scores at least so much is taken for a member.
        delta: of the guarantee that is audited.
    """
    counts = [len(side) for side in sides]
    below = [np.searchsorted(side, cuts) for side in sides]
    hits, false = (count - under for count, under in zip(counts, below, strict=True))
    bounds = []
    for right, own, wrong, others in (
        (hits, counts[0], false, counts[1]),
        (below[1], counts[1], below[0], counts[0]),
    ):
        low, high = clopper_pearson(right, own)[0], clopper_pearson(wrong, others)[1]
        ratio = np.maximum(low - delta, 0) / high
        bounds.append(np.log(np.maximum(ratio, 1e-300)))
    return np.stack(bounds)


def _ordered(
    scores: np.ndarray, member: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """The indices of others and of members by falling score, and the points of the ROC curve.

    Returns:
        The indices, and how many of either kind lie above each threshold, int (2, P), from none to
        all. Of equal scores, of whichever kind, none is a threshold but the last.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(0, 1 + np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)))
    inside = member[order].astype(bool)
    counts = np.stack([np.append(0, np.cumsum(kind))[ends] for kind in (~inside, inside)])
    return (order[~inside], order[inside]), counts


@lru_cache(2)  # every attack on a unit resamples the same subjects
def _resampled(count: int, resamples: int, seed: int) -> np.ndarray:
    """How often each of `count` subjects is drawn, int (resamples, count)."""
    return np.stack([*draws(count, resamples=resamples, seed=seed)])
