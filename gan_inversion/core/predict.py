"""Opens a Keras model from a file, and runs a model in blocks of one shape."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_inversion.core.errors import UserError, one_line


def open_network(path: Path) -> keras.Model:
    """Open a Keras model from a file; code that the file names is never run.

    Raises:
        UserError: the file does not exist, is damaged, or needs custom code.
    """
    if not path.is_file():
        raise UserError(f"expected a Keras model in {path}, found none")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what Keras raises depends on what is wrong
        raise UserError(
            f"{path} is not a model that can be opened safely: {one_line(error)}"
        ) from error


def in_blocks(model: Any, inputs: Sequence[Any], size: int) -> np.ndarray:
    """Run a compiled Keras model on any number of inputs; return its outputs.

    Args:
        model: a compiled model with one output, (B, ...).
        inputs: arrays (N, ...), one for each of the model's inputs; read and made float32 by block.
        size: B, rows of a block, which is filled up by repeating its rows; fewer inputs than that
            are given a smaller one, of a power of two, 8 or more: each size compiles once.

    Returns:
        float32 (N, ...).
    """
    count, results = len(inputs[0]), []
    size = min(size, max(8, 1 << (count - 1).bit_length()))
    for start in range(0, count, size):
        block = [np.asarray(part[start : start + size], "float32") for part in inputs]
        rows = len(block[0])
        if rows < size:
            block = [np.resize(part, (size, *part.shape[1:])) for part in block]
        outputs = model.predict_on_batch(block if len(block) > 1 else block[0])
        results.append(np.asarray(outputs, "float32")[:rows])
    return np.concatenate(results) if results else np.empty((0, *model.output_shape[1:]), "float32")
