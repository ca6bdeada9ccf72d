"""Freed memory stays with the process, for the next step's tensors.

Fourth stage of the flow. A step allocates and frees gigabytes. By default glibc returns large
blocks to the system at once, and the system clears every page before it hands it out again;
TensorFlow lowers the limit further when a Python generator feeds it (`Memory patch applied` in its
log). On two cores that was more than half of a step of the conditional GAN.
"""

import ctypes

# Parameters of mallopt(3), with the largest values that any glibc takes last.
_SETTINGS = {-1: [2**31 - 1], -3: [2**30, 2**25]}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD: bytes


def keep_freed_memory() -> bool:
    """Tell the allocator to keep what is freed; False where it is not glibc's."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return False
    return all(
        any(mallopt(parameter, value) for value in values)
        for parameter, values in _SETTINGS.items()
    )
