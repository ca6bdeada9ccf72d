"""The signal itself as the score."""

import numpy as np

from gan_inversion.metrics.membership.signals import TINY, in_unit_range, several


def threshold(target: np.ndarray, shadows: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """The signal itself; several are divided by their deviation over the images and averaged.

    With the discriminator's logit as the signal this is LOGAN's attack (Hayes et al., PoPETs 2019).
    Yeom et al., "Privacy Risk in Machine Learning", CSF 2018. The reference thesis did it by eye.

    Args:
        target: float (N,) or (N, K).
        shadows: not used.
        membership: not used.

    Returns:
        float (N,).
    """
    target = several(target)
    if target.shape[1] == 1:
        return target[:, 0]
    target, _ = in_unit_range(target, target[:, None])
    return (target / np.sqrt(target.var(axis=0) + TINY)).mean(axis=1)
