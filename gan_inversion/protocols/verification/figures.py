"""The figures of a `verification` record, from the scores of its pairs."""

from collections.abc import Mapping

import numpy as np

from gan_inversion.core.record import Metric, at, metric
from gan_inversion.metrics import verification
from gan_inversion.metrics.intervals import clopper_pearson


def figures(
    scores: np.ndarray,
    genuine: np.ndarray,
    fold: np.ndarray,
    thresholds: Mapping[float, float | None],
) -> dict[str, Metric]:
    """Accuracy over folds, AUC, and the true match rate at each threshold.

    Args:
        scores: float (P,), one for each pair.
        genuine: bool (P,), whether both images are of one subject.
        fold: int (P,), the fold of each pair.
        thresholds: false match rate -> threshold, None where it is not resolved.
    """
    folds = verification.k_fold(scores, genuine, fold)
    ci = verification.bootstrap_auc(scores, genuine, verification.by_group(fold))
    metrics = {
        "accuracy": metric(folds.mean, ci=folds.ci, n=len(scores)),
        "auc": metric(verification.auc(scores, genuine), ci=ci, n=len(scores)),
    }
    for number, accuracy in enumerate(folds.accuracies):
        size = int((fold == number).sum())
        ci = clopper_pearson(round(accuracy * size), size)
        metrics[f"accuracy@fold={number}"] = metric(accuracy, ci=ci, n=size)
        metrics[f"threshold@fold={number}"] = metric(folds.thresholds[number], n=len(scores) - size)
    positives = scores[genuine]
    for fmr, threshold in thresholds.items():
        accepted = int((positives >= (np.nan if threshold is None else threshold)).sum())
        metrics[at("tmr", fmr=fmr)] = metric(
            accepted / len(positives),
            ci=clopper_pearson(accepted, len(positives)),
            n=len(positives),
        )
    return metrics | of_pairs(scores, genuine)


def of_pairs(scores: np.ndarray, genuine: np.ndarray) -> dict[str, Metric]:
    """The true match rate at a threshold that is set on the impostor pairs of the protocol alone.

    Others report it in this way. Of LFW's 3,000 impostor pairs, three decide the rate 0.1 %.
    """
    positives, negatives = scores[genuine], np.sort(scores[~genuine])[::-1]
    metrics = {}
    for fmr in (1e-2, 1e-3):
        allowed = int(fmr * len(negatives))
        accepted = int((positives > negatives[allowed]).sum()) if len(negatives) else 0
        ci = clopper_pearson(accepted, len(positives))
        rate = accepted / len(positives)
        metrics[at("tmr_pairs", fmr=fmr)] = metric(rate, ci=ci, n=len(positives))
    return metrics
