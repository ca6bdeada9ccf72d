"""The figures of a `search` record that its raw scores give."""

from collections.abc import Mapping

import numpy as np

from gan_inversion.core.record import Metric, metric
from gan_inversion.metrics.intervals import bootstrap_mean

LOSS = "validation_loss"


def figures(scores: Mapping[str, np.ndarray], subjects: np.ndarray) -> dict[str, Metric]:
    """Mean of each score of each trial, and by how much the second best trial is worse.

    The latter compares the two smallest validation losses image by image; it is left out where
    fewer than two trials have this loss.

    Args:
        scores: `<trial>/<name>`: float (trainings, images held out).
        subjects: (images held out,), the subject of each.
    """
    means = {name: own.mean(axis=0) for name, own in scores.items()}
    metrics = {
        name: metric(own.mean(), ci=bootstrap_mean(own, subjects), n=len(subjects))
        for name, own in means.items()
    }
    losses = sorted((own for name, own in means.items() if name.endswith(f"/{LOSS}")), key=np.mean)
    if len(losses) > 1:
        more = losses[1] - losses[0]
        ci = bootstrap_mean(more, subjects)
        metrics[f"runner_up/{LOSS}"] = metric(more.mean(), ci=ci, n=len(subjects))
    return metrics
