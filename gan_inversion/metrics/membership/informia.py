"""How much more information a model has about an image than about images on average."""

import numpy as np

from gan_inversion.metrics.membership.rmia import log_ratios


def informia(
    target: np.ndarray, shadows: np.ndarray, membership: np.ndarray, *, online: bool = True
) -> np.ndarray:
    """The log likelihood ratio of `rmia`, minus its mean over the population.

    Tao & Shokri, "Information-Theoretic Membership Inference for Granular Quantification of
    Memorization" (InfoRMIA), ICLR 2026: information gained about the image, corrected by the
    divergence of the population's distribution from that under the model. RMIA counts how many
    images are dominated; this score is continuous, and needs no threshold gamma.

    Args:
        target: float (N,) or (N, K).
        shadows: float (N, M) or (N, M, K).
        membership: bool (N, M).
        online: use the shadows that were trained on the image as well.

    Returns:
        float (N,).
    """
    ratio = log_ratios(target, shadows, membership, online=online)
    return ratio - ratio.mean()
