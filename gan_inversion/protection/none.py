"""No protection: the embedding itself is stored, and compared by its cosine."""

import numpy as np

from gan_inversion.protection.scheme import Scheme


class Unprotected(Scheme):
    """The embedding is the template."""

    name = "none"

    def protect(self, embeddings: np.ndarray, *, key: int) -> np.ndarray:
        return embeddings

    def compare(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.einsum("nt,nt->n", first, second)
