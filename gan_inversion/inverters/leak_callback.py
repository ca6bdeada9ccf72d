"""A callback for any Keras model: how well a threshold on the loss tells members from others.

Yeom et al., "Privacy Risk in Machine Learning", CSF 2018.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score


class LeakCallback(keras.callbacks.Callback):
    """Adds `leak_auc` to the logs of each epoch: 0.5 if losses reveal nothing, 1 if everything.

    Put it before callbacks that write the logs somewhere.

    Args:
        members: inputs and targets that the model is trained on, N first in each.
        others: inputs and targets that it is never trained on.
        loss: targets and outputs, float32 -> losses, N first; other axes are averaged. A loss that
            gives a single number for a batch is called sample by sample.
        batch_size: samples per forward pass, which is made with `training=False`.

    Example:
        model.fit(x, y, callbacks=[LeakCallback((x, y), (x_unseen, y_unseen))])
    """

    def __init__(
        self,
        members: tuple[Any, Any],
        others: tuple[Any, Any],
        *,
        loss: Callable[[Any, Any], Any] = keras.losses.mean_squared_error,
        batch_size: int = 64,
    ):
        super().__init__()
        self.sides, self.loss, self.batch_size = (members, others), loss, batch_size

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        members, others = (self.losses(*side) for side in self.sides)
        losses = np.concatenate([members, others])
        is_member = np.repeat([True, False], [len(members), len(others)])
        # Where training diverges the figure is NaN; stopping it is not this callback's task.
        valid = np.isfinite(losses).all() and 0 < len(members) < len(losses)
        if logs is not None:
            logs["leak_auc"] = float(roc_auc_score(is_member, -losses)) if valid else float("nan")

    def losses(self, inputs: Any, targets: Any) -> np.ndarray:
        """Loss of each sample, (N,)."""
        parts = []
        for start in range(0, len(targets), self.batch_size):
            block = slice(start, start + self.batch_size)
            batch = keras.tree.map_structure(lambda x, block=block: x[block], inputs)
            outputs = self.model(batch, training=False)
            if not hasattr(outputs, "shape") or isinstance(targets, list | tuple | dict):
                raise ValueError(
                    "expected a model with one output, and targets in one array, got "
                    f"{type(outputs).__name__} and {type(targets).__name__}"
                )
            outputs = keras.ops.cast(outputs, "float32")
            wanted = keras.ops.cast(targets[block], "float32")
            if tuple(outputs.shape) == (*wanted.shape, 1):  # else each would meet every other
                wanted = keras.ops.expand_dims(wanted, -1)
            loss = self._numpy(self.loss(wanted, outputs))
            if loss.shape[:1] != (len(wanted),) or loss.ndim == 0:  # reduced over the batch
                loss = np.stack(
                    [
                        self._numpy(self.loss(wanted[row : row + 1], outputs[row : row + 1]))
                        for row in range(len(wanted))
                    ]
                )
            parts.append(loss.reshape(len(loss), -1).mean(axis=1))
        return np.concatenate(parts) if parts else np.zeros(0)

    @staticmethod
    def _numpy(values: Any) -> np.ndarray:
        return keras.ops.convert_to_numpy(keras.ops.cast(values, "float32"))
