"""A linear map from the embeddings of one recogniser to those of another, learned from pairs."""

from collections.abc import Callable
from typing import Self

import numpy as np
from sklearn.linear_model import RidgeCV

from gan_inversion.core.errors import UserError

# The one with the least leave-one-out error is taken. The least ones are for directions in which
# embeddings hardly vary: of FaceNet's 512, most have deviations below 1e-4, and yet they tell
# people apart.
PENALTIES = np.logspace(-8, 4, 13)
FEWEST = 2  # pairs


def _int8(embeddings: np.ndarray) -> np.ndarray:
    return np.round(127 * embeddings / np.abs(embeddings).max(axis=1, keepdims=True))


# What of an embedding is leaked: name -> function of float (N, D).
LEAKS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "whole": lambda embeddings: embeddings,
    "half": lambda embeddings: embeddings[:, ::2],
    "quarter": lambda embeddings: embeddings[:, ::4],
    "int8": _int8,
    "sign": np.sign,
}


def leaked(embeddings: np.ndarray, kind: str) -> np.ndarray:
    """The part of embeddings (N, D) that is leaked, scaled to unit norm again: float32 (N, E)."""
    part = LEAKS[kind](np.asarray(embeddings, "float32"))
    return (part / np.linalg.norm(part, axis=1, keepdims=True)).astype("float32")


class Translation:
    """A ridge regression from unit vectors to unit vectors, with an intercept.

    With fewer pairs than dimensions the penalty alone makes it unique.

    Args:
        weights: float32 (D, E).
        intercept: float32 (E,).

    Raises:
        UserError: they have other shapes or types, or are not finite.
    """

    def __init__(self, weights: np.ndarray, intercept: np.ndarray):
        fits = weights.ndim == 2 and intercept.shape == weights.shape[1:]
        if not fits or not all(a.dtype.kind == "f" for a in (weights, intercept)):
            raise UserError(
                f"expected weights (D, E) and an intercept (E,) of floats, got {weights.dtype} "
                f"{weights.shape} and {intercept.dtype} {intercept.shape}"
            )
        if not (np.isfinite(weights).all() and np.isfinite(intercept).all()):
            raise UserError("expected finite weights, got NaN or infinity")
        self.weights, self.intercept = weights, intercept

    @classmethod
    def learned(
        cls, first: np.ndarray, second: np.ndarray, *, penalties: np.ndarray = PENALTIES
    ) -> Self:
        """Learn the map from pairs.

        Args:
            first: float (N, D).
            second: float (N, E), of the same images.
            penalties: of the ridge regression, to choose from.

        Raises:
            UserError: there are fewer than two pairs, numbers differ, or values are not finite.
        """
        if np.ndim(first) != 2 or np.ndim(second) != 2 or len(first) != len(second):
            raise UserError(
                f"expected pairs of vectors, got {np.shape(first)} and {np.shape(second)}"
            )
        if len(first) < FEWEST:
            raise UserError(
                f"expected {FEWEST} pairs of embeddings or more to learn from, got {len(first)}"
            )
        if not (np.isfinite(first).all() and np.isfinite(second).all()):
            raise UserError("expected finite embeddings to learn from, got NaN or infinity")
        ridge = RidgeCV(alphas=penalties).fit(np.asarray(first, float), np.asarray(second, float))
        coefficients = np.atleast_2d(ridge.coef_)
        return cls(coefficients.T.astype("float32"), np.asarray(ridge.intercept_, "float32"))

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Translate float32 (N, D) to float32 (N, E), of unit norm."""
        out = np.asarray(vectors, "float32") @ self.weights + self.intercept
        return out / np.linalg.norm(out, axis=1, keepdims=True)
