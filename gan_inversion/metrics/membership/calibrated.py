"""The signal minus what is expected of an image like this one."""

import numpy as np

from gan_inversion.metrics.membership.signals import mean_over, on_grid, several
from gan_inversion.metrics.membership.threshold import threshold


def calibrated(
    target: np.ndarray,
    shadows: np.ndarray,
    membership: np.ndarray,
    *,
    difficulty: np.ndarray | None = None,
) -> np.ndarray:
    """The signal minus what is expected for an image of that difficulty.

    Shafran et al., "Membership Inference Attacks are Easier on Difficult Problems", ICCV 2021,
    subtract an error predicted from the image alone; Watson et al., "On the Importance of
    Difficulty Calibration", ICLR 2022, the signal of models that were not trained on it.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        difficulty: float (N,) or (N, K), the signal expected from the image alone; by default
            the mean over shadows that were not trained on it.

    Returns:
        float (N,).
    """
    if difficulty is None:
        beyond = on_grid(several(shadows, axes=3) - several(target)[:, None])
        return threshold(-mean_over(beyond, np.logical_not(membership)), shadows, membership)
    return threshold(several(target) - several(difficulty), shadows, membership)
