"""The copy audit: are outputs nearer to a training image than unseen real images are?

After Meehan, Chaudhuri & Dasgupta, "A Non-Parametric Test to Detect Data-Copying in Generative
Models", AISTATS 2020: distances to the nearest training image, of outputs and of held-out real
images, compared by a Mann-Whitney test. Their samples are independent; images of one subject are
not, so each subject counts once, with the mean of its images.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from gan_inversion.metrics.attack import subject_mean

BLOCK = 1024  # rows compared at once


@dataclass(frozen=True)
class Copying:
    """Outcome of the audit.

    Attributes:
        nearer: chance that the outputs of a subject lie nearer to their training image than the
            held-out images of a subject do; 0.5 without copying, 1 for copies.
        p_value: one-sided, of the hypothesis that nothing is copied; small for copies.
        subjects: number of subjects whose outputs were compared.
    """

    nearer: float
    p_value: float
    subjects: int


def nearest(embeddings: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Cosine to the most similar training image.

    Args:
        embeddings: float32 (N, D), unit norm.
        training: float32 (T, D), unit norm.

    Returns:
        float32 (N,).
    """
    starts = range(0, len(embeddings), BLOCK)
    return np.concatenate(
        [(embeddings[start : start + BLOCK] @ training.T).max(axis=1) for start in starts]
    )


def copy_test(
    outputs: np.ndarray,
    output_subjects: np.ndarray,
    held_out: np.ndarray,
    held_out_subjects: np.ndarray,
) -> Copying:
    """Test whether outputs are nearer to training images than held-out images are.

    Args:
        outputs: float (N,), similarity of each output to the nearest training image.
        output_subjects: (N,), the subject of each output.
        held_out: float (M,), the same for real images that were neither trained on nor inverted.
        held_out_subjects: (M,), the subject of each held-out image.
    """
    _, first = subject_mean(outputs, output_subjects)
    _, second = subject_mean(held_out, held_out_subjects)
    test = stats.mannwhitneyu(first, second, alternative="greater")
    nearer = float(test.statistic) / (len(first) * len(second))
    return Copying(nearer, float(test.pvalue), len(first))
