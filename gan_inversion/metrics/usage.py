"""What membership scores say of many images at once: of a folder, and of a person.

How large a share of a folder was trained on: Tong et al., "How Much of My Dataset Did You Use?
Quantitative Data Usage Inference" (DUCI), ICLR 2025. Whether anything of a person was: Tao &
Shokri, "Range Membership Inference Attacks" (RaMIA), 2024. Both are in Privacy Meter 2.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from gan_inversion.core.seeding import stream
from gan_inversion.metrics.leak import roc

SHARES = np.linspace(0, 1, 101)  # that are considered


def usage(taken: int, size: int, fprs: np.ndarray, tprs: np.ndarray) -> float:
    """Estimate which share of a folder a model was trained on.

    An attack takes some share of the members for members (TPR), and a share of the others (FPR).
    From how many it takes for members in the folder, the share of the members follows, up to
    chance, and up to the rates, which are not the same for every model. The estimate is the mean
    of the posterior, where every share is as likely before: it is a half where the attack tells
    nothing.

    Args:
        taken: images of the folder that the attack takes for members.
        size: images of the folder.
        fprs, tprs: float (J,), the attack's rates on each of J models whose members are known.
    """
    predicted = np.outer(1 - SHARES, fprs) + np.outer(SHARES, tprs)  # (shares, J)
    likelihood = stats.binom.pmf(taken, size, np.clip(predicted, 1e-6, 1 - 1e-6)).mean(axis=1)
    total = likelihood.sum()
    return float(likelihood @ SHARES / total) if total > 0 else 0.5


def best_threshold(scores: np.ndarray, membership: np.ndarray) -> float:
    """The score above which members are furthest ahead of others.

    Args:
        scores: float (N, M), of models whose members are known; NaN for no score.
        membership: bool (N, M).
    """
    scores, membership = (values[~np.isnan(scores)] for values in (scores, membership))
    fpr, tpr = roc(scores, membership)
    count = 1 + int(np.argmax((tpr - fpr)[1:]))  # of the largest distinct scores
    values = np.unique(scores)[::-1]
    return float(values[count]) if count < len(values) else -np.inf


def usage_errors(
    scores: np.ndarray, membership: np.ndarray, *, size: int, folders: int, seed: int
) -> np.ndarray:
    """Errors of `usage` on folders whose share of members is drawn anew from 0 to 1.

    Always to say one half would have a mean error of 0.25.

    Args:
        scores: float (N, M), of an attack, every model being the target in turn; NaN for none.
        membership: bool (N, M).
        size: images of a folder; at most a half of the members of a model.
        folders: number of folders for each model.
        seed: for the folders.

    Returns:
        Absolute errors, float (M, folders).
    """
    scored = ~np.isnan(scores)
    inside, outside = np.asarray(membership, bool) & scored, ~np.asarray(membership, bool) & scored
    errors = np.empty((inside.shape[1], folders))
    for place, row in enumerate(errors):
        others = np.delete(np.arange(inside.shape[1]), place)
        threshold = best_threshold(scores[:, others], inside[:, others])
        taken = scores > threshold
        fprs, tprs = (
            (taken & kind)[:, others].sum(axis=0) / kind[:, others].sum(axis=0)
            for kind in (outside, inside)
        )
        random = stream(seed, "usage", size, place)
        sides = [np.flatnonzero(inside[:, place]), np.flatnonzero(outside[:, place])]
        for number in range(folders):
            members = int(random.integers(size + 1))
            counts = members, size - members
            chosen = [
                random.choice(s, c, replace=False) for s, c in zip(sides, counts, strict=True)
            ]
            count = int(taken[np.concatenate(chosen), place].sum())
            row[number] = abs(usage(count, size, fprs, tprs) - members / size)
    return errors


def of_ranges(scores: np.ndarray, rows: np.ndarray, *, kept: float = 0.5) -> np.ndarray:
    """Score of each range, such as all photographs of a person: the mean of its largest scores.

    Only some images of a range can be near to a member; the others would drown them.

    Args:
        scores: float (Q, M), of each query.
        rows: int (Q,), the range of each.
        kept: share of the queries of a range whose scores are averaged, one at least.

    Returns:
        float (R, M), in the order of the ranges' numbers.
    """
    ranges: Sequence[np.ndarray] = [scores[rows == row] for row in np.unique(rows)]
    means = []
    for own in ranges:
        count = max(1, round(kept * len(own)))
        means.append(np.sort(own, axis=0)[-count:].mean(axis=0))
    return np.stack(means)
