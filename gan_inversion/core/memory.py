"""Makes glibc keep freed memory in the process, for the tensors of the next training step.

A training step allocates and frees gigabytes. By default glibc returns large blocks to the
system at once, and the system clears every page before it hands it out again;
TensorFlow lowers the limit further when a Python generator feeds it (`Memory patch applied` in its
log). On two cores that took more than half the time of the conditional GAN's step.
"""

import ctypes

# Parameters of mallopt(3), and values to try in turn; every glibc takes the last one.
_SETTINGS = {
    -1: [2**31 - 1],  # M_TRIM_THRESHOLD, bytes
    -3: [2**30, 2**25],  # M_MMAP_THRESHOLD, bytes
    -8: [1],  # M_ARENA_MAX: other arenas give back what is above 64 MiB, whatever the thresholds
}


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep freed memory; False where there is another allocator.

    Call it early: the third setting only affects threads that have not allocated yet.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl; Windows
        return False
    return all(
        any(mallopt(parameter, value) for value in values)
        for parameter, values in _SETTINGS.items()
    )
