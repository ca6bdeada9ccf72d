"""Models as others use them: opened from a file, and run in blocks of one shape."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_inversion.core.errors import UserError


def open_network(path: Path) -> keras.Model:
    """A Keras model from a file; nothing that the file names is run.

    Raises:
        UserError: no such file, damaged, or it asks for code of its own.
    """
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what Keras raises depends on what is wrong
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"{path} is not a model that can be opened safely: {reason}") from error


def in_blocks(model: Any, inputs: Sequence[Any], size: int) -> np.ndarray:
    """A compiled Keras model's outputs for any number of inputs.

    Args:
        model: of one output, (B, ...).
        inputs: arrays (N, ...), one for each of the model's inputs; read and made float32 by block.
        size: B, rows a block; the last is filled up by repetition.

    Returns:
        float32 (N, ...).
    """
    count, found = len(inputs[0]), []
    for start in range(0, count, size):
        block = [np.asarray(part[start : start + size], "float32") for part in inputs]
        rows = len(block[0])
        if rows < size:
            block = [np.resize(part, (size, *part.shape[1:])) for part in block]
        outputs = model.predict_on_batch(block if len(block) > 1 else block[0])
        found.append(np.asarray(outputs, "float32")[:rows])
    return np.concatenate(found) if found else np.empty((0, *model.output_shape[1:]), "float32")
