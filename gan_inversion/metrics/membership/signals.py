"""Arithmetic that attacks share: equal signals give equal scores, large ones no overflow."""

from collections.abc import Callable

import numpy as np

FEWEST = 2  # least number of shadows with an image, and without it: a variance needs two
LARGEST = 1e300  # size of a signal whose differences can still be computed
TINY = 1e-60  # least variance of a signal

Attack = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def several(signal: np.ndarray, axes: int = 2) -> np.ndarray:
    """The signals with a last axis for their kind, in double precision."""
    signal = np.asarray(signal, "float64")
    return signal if signal.ndim == axes else signal[..., None]


def in_unit_range(target: np.ndarray, shadows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Target (N, K) and shadows (N, M, K), each signal scaled so that no square overflows.

    The factor is a power of two: nothing is rounded.
    """
    largest = np.maximum(np.abs(target).max(axis=0), np.abs(shadows).max(axis=(0, 1)))
    exponent = -np.frexp(largest)[1]
    return np.ldexp(target, exponent), np.ldexp(shadows, exponent)


def summed(target: np.ndarray, shadows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The target's signals added up, (N,), and how far the shadows' lie beyond them, (N, M)."""
    own = several(target).sum(axis=1)
    return own, on_grid(several(shadows, axes=3).sum(axis=2) - own[:, None])


def on_grid(values: np.ndarray) -> np.ndarray:
    """Values (N, M, ...) rounded to 40 bits of the largest of their row.

    Sums over a row are then exact, whatever their order and number, and signals that are equal
    give scores that are equal. Otherwise the last bit of a mean tells the number of models.
    """
    exponent = np.frexp(np.abs(values).max(axis=1, keepdims=True))[1] - 40
    return np.ldexp(np.rint(np.ldexp(values, -exponent)), exponent)


def mean_over(signals: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean (N, ...) of signals (N, M, ...) over the chosen models, bool (N, M)."""
    chosen = np.asarray(chosen, float)
    count = chosen.sum(axis=1).reshape(-1, *[1] * (signals.ndim - 2))
    return np.einsum("nm,nm...->n...", chosen, signals) / count


def log_mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Logarithm (N,) of the mean of exp(values), (N, M), over the chosen models, bool (N, M).

    Values so small that exp(values) rounds to 1 keep their differences.
    """
    highest = np.where(chosen, values, -np.inf).max(axis=1)
    with np.errstate(over="ignore"):  # of models that are not chosen
        beyond = np.where(chosen, np.expm1(values - highest[:, None]), 0.0)
    return np.log1p(mean_over(beyond, chosen)) + highest
