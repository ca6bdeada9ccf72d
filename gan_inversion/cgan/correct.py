"""Corrections at inversion: what the generator is given is moved by what its image lacks."""

from collections.abc import Callable

import numpy as np

from gan_inversion.core.run import to_uint8
from gan_inversion.data.views import SIZE

REJECTED = -2.0  # instead of the cosine of an image that the recogniser rejects


def back_projected(
    generate: Callable[[np.ndarray], np.ndarray],
    embed: Callable[[np.ndarray], np.ndarray],
    embeddings: np.ndarray,
    *,
    corrections: int,
    gain: float,
) -> np.ndarray:
    """Generate images, and correct them so that their embeddings are nearer to the given ones.

    Iterative back-projection (Irani & Peleg, "Improving resolution by image registration", CVGIP
    1991): an estimate is right if it reproduces what was observed, and is otherwise moved by the
    difference. The recogniser computes embeddings only, no gradients.

    Args:
        generate: float32 (N, D) -> images, float32 (N, 160, 160, 3) in [0, 1].
        embed: uint8 (N, 160, 160, 3) -> float32 (N, D) of unit norm.
        embeddings: to be inverted, float32 (N, D) of unit norm.
        corrections: how often the input of `generate` is moved.
        gain: share of the difference by which it is moved.

    Returns:
        For each embedding, the one of `corrections` + 1 images whose embedding is nearest.
    """
    given = embeddings
    best = np.zeros((len(embeddings), SIZE, SIZE, 3), "float32")
    nearest = np.full(len(embeddings), -np.inf, "float32")
    for _ in range(corrections + 1):
        pictures = generate(given)
        actual = embed(to_uint8(pictures))
        cosines = np.nan_to_num((actual * embeddings).sum(axis=1), nan=REJECTED)
        nearer = cosines > nearest
        best[nearer], nearest[nearer] = pictures[nearer], cosines[nearer]
        given = given + np.float32(gain) * np.nan_to_num(embeddings - actual)
    return best
