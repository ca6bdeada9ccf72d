"""Freed memory stays with the process, for the next step's tensors.

Fourth stage of the flow. A step allocates and frees gigabytes. By default glibc returns large
blocks to the system at once, and the system clears every page before it hands it out again;
TensorFlow lowers the limit further when a Python generator feeds it (`Memory patch applied` in its
log). On two cores that was more than half of a step of the conditional GAN.
"""

import ctypes

# Parameters of mallopt(3), with the largest values that any glibc takes last.
_SETTINGS = {
    -1: [2**31 - 1],  # M_TRIM_THRESHOLD, bytes
    -3: [2**30, 2**25],  # M_MMAP_THRESHOLD, bytes
    -8: [1],  # M_ARENA_MAX: other arenas give back what is above 64 MiB, whatever the thresholds
}


def keep_freed_memory() -> bool:
    """Tell the allocator to keep what is freed; False where it is not glibc's.

    The third setting reaches threads that have not allocated yet: call it early.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return False
    return all(
        any(mallopt(parameter, value) for value in values)
        for parameter, values in _SETTINGS.items()
    )
