"""Time programs in turn, and measure the rate of a matrix product on this machine."""

import time
from collections.abc import Callable, Mapping
from functools import partial

import keras
import numpy as np

from gan_inversion.core.progress import progress
from gan_inversion.core.record import Metric, metric

MATRIX = 4096  # rows and columns


def take_turns(programs: Mapping[str, Callable[[], object]], turns: int) -> dict[str, np.ndarray]:
    """Run programs in turn; seconds of each, (turns,), without those of a first turn."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in progress(range(turns + 1), desc="turns"):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            if turn:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
    return {name: np.array(measured) for name, measured in seconds.items()}


def middle(values: np.ndarray) -> Metric:
    """Median over turns, with minimum and maximum."""
    return metric(np.median(values), ci=(values.min(), values.max()), n=len(values))


def matrix_rate(turns: int = 10, *, precision: str = "float32") -> float:
    """GFLOP/s of the fastest of several matrix products, called by Keras as recognisers are."""
    product = keras.layers.Dense(MATRIX, use_bias=False, dtype=precision)
    model = keras.Sequential([keras.Input((MATRIX,)), product])
    multiply = partial(model.predict_on_batch, np.ones((MATRIX, MATRIX), "float32"))
    seconds = take_turns({"matmul": multiply}, turns)["matmul"]
    return 2 * MATRIX**3 / 1e9 / seconds.min()
