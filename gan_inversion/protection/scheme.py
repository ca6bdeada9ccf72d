"""The interface of a protection scheme."""

from abc import ABC, abstractmethod

import numpy as np


class Scheme(ABC):
    """Turns embeddings into templates, and compares templates.

    Attributes:
        name: short name for records, e.g. `none`.
    """

    name: str

    @abstractmethod
    def protect(self, embeddings: np.ndarray, *, key: int) -> np.ndarray:
        """Templates, float32 (N, T), of embeddings, float32 (N, D).

        Args:
            embeddings: of unit norm; NaN in rows without an embedding, which stay so.
            key: the secret that the system protects with.
        """

    @abstractmethod
    def compare(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Scores (N,) of paired templates, (N, T) each; larger is more similar."""
