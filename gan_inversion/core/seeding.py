"""Random streams: each random choice draws from its own generator, named after its purpose.

A stream depends on the run's seed and on its name only, so adding a random choice somewhere does
not change the others, and a resumed run draws what the uninterrupted one would have drawn.
"""

import hashlib

import numpy as np


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Generator for one purpose, e.g. `stream(0, "shuffle", epoch)`."""
    name = "/".join(str(part) for part in purpose)
    words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], dtype="<u4")
    return np.random.default_rng([seed, *words.tolist()])
