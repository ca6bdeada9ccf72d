"""The figures of a `documented` record, from the loss and the accuracy of each test image."""

import numpy as np

from gan_inversion.core.record import Metric, metric
from gan_inversion.metrics.intervals import bootstrap_mean


def figures(losses: np.ndarray, accuracies: np.ndarray, subjects: np.ndarray) -> dict[str, Metric]:
    """Mean test loss and accuracy; all arguments (N,), one for each test image."""
    return {
        f"test_{name}": metric(
            values.mean(dtype=float), ci=bootstrap_mean(values, subjects), n=len(values)
        )
        for name, values in (("loss", losses), ("accuracy", accuracies))
    }
