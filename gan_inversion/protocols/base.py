"""The base class of protocols: only figures under equal protocols may be compared."""

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np

BLOCK = 1024  # rows compared at once


@dataclass(frozen=True)
class Protocol:
    """Rules that two figures must share to be compared: the name, and all fields, of a protocol."""

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of name and fields."""
        text = json.dumps([self.name, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def near_duplicates(embeddings: np.ndarray, *, above: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of images whose cosine is above a bound: two arrays of indices, int (P,) each.

    Args:
        embeddings: float32 (N, D), unit norm.
        above: the bound.
    """
    rows, columns = [], []
    for start in range(0, len(embeddings), BLOCK):
        similar = embeddings[start : start + BLOCK] @ embeddings[start:].T > above
        row, column = np.nonzero(np.triu(similar, 1))
        rows.append(start + row)
        columns.append(start + column)
    return np.concatenate(rows), np.concatenate(columns)
