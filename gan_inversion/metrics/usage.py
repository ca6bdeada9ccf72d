"""What membership scores say of many images at once: of a folder, and of a person.

How large a share of a folder was trained on: Tong et al., "How Much of My Dataset Did You Use?
Quantitative Data Usage Inference" (DUCI), ICLR 2025. Whether anything of a person was: Tao &
Shokri, "Range Membership Inference Attacks" (RaMIA), 2024. Both are in Privacy Meter 2.
"""

from collections.abc import Sequence

import numpy as np

from gan_inversion.core.seeding import stream


def usage(scores: np.ndarray, fpr: float, tpr: float, threshold: float) -> float:
    """Estimate which share of a folder a model was trained on.

    An attack takes a share `tpr` of the members for members, and a share `fpr` of the others. From
    how many it takes for members in the folder, the share of the members follows.

    Args:
        scores: float (F,), the attack's scores of the images of the folder.
        fpr, tpr: the attack's rates at the threshold.
        threshold: images with larger scores are taken for members.

    Returns:
        The share, in [0, 1]; a half where the attack tells nothing.
    """
    if tpr <= fpr:
        return 0.5
    taken = float((np.asarray(scores) > threshold).mean())
    return float(np.clip((taken - fpr) / (tpr - fpr), 0, 1))


def best_threshold(scores: np.ndarray, membership: np.ndarray) -> tuple[float, float, float]:
    """False and true positive rate and the threshold at which they are furthest apart.

    Args:
        scores: float (N, M), of models whose members are known.
        membership: bool (N, M).
    """
    order = np.argsort(-scores, axis=None, kind="stable")
    values, member = scores.ravel()[order], membership.ravel()[order].astype(bool)
    tpr, fpr = (np.cumsum(kind) / kind.sum() for kind in (member, ~member))
    last = np.append(np.diff(values) != 0, True)  # of equal scores
    place = np.flatnonzero(last)[np.argmax((tpr - fpr)[last])]
    below = values[place + 1] if place + 1 < len(values) else -np.inf
    return float(fpr[place]), float(tpr[place]), float(below)


def usage_errors(
    scores: np.ndarray, membership: np.ndarray, *, size: int, folders: int, seed: int
) -> np.ndarray:
    """Errors of `usage` on folders whose share of members is drawn anew from 0 to 1.

    Always to say one half would have a mean error of 0.25.

    Args:
        scores: float (N, M), of an attack, every model being the target in turn.
        membership: bool (N, M).
        size: images of a folder; at most a half of the members of a model.
        folders: number of folders for each model.
        seed: for the folders.

    Returns:
        Absolute errors, float (M, folders).
    """
    inside = np.asarray(membership, bool)
    errors = np.empty((inside.shape[1], folders))
    for place, row in enumerate(errors):
        others = np.delete(np.arange(inside.shape[1]), place)
        rates = best_threshold(scores[:, others], inside[:, others])
        random = stream(seed, "usage", size, place)
        sides = [np.flatnonzero(inside[:, place]), np.flatnonzero(~inside[:, place])]
        for number in range(folders):
            members = int(random.integers(size + 1))
            counts = members, size - members
            chosen = [
                random.choice(s, c, replace=False) for s, c in zip(sides, counts, strict=True)
            ]
            estimate = usage(scores[np.concatenate(chosen), place], *rates)
            row[number] = abs(estimate - members / size)
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
