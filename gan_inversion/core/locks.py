"""Locks of files and folders among processes; the system frees those of killed ones."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from gan_inversion.core.errors import UserError

POLL = 0.2  # seconds between two tries to get a lock


@contextlib.contextmanager
def exclusive(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of a file or folder, `.<name>.lock` beside it, among all processes.

    Args:
        path: the file or folder to lock; it need not exist.
        wait: whether to wait while another process holds the lock; otherwise raise.

    Raises:
        UserError: another process holds it, or the folder cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    while True:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("a")
        except OSError as error:
            raise UserError(f"cannot write {lock}: {error.strerror}") from error
        with file:
            if _lock(file.fileno()) and _is_at(file.fileno(), lock):
                try:
                    yield
                finally:
                    with contextlib.suppress(OSError):
                        lock.unlink()
                return
        if not wait:
            raise UserError(f"another process is writing {path}: wait until it has ended")
        time.sleep(POLL)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`; its holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _lock(descriptor: int) -> bool:
    """Try to lock an open file until it is closed; the system frees those of killed processes."""
    if os.name == "nt":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: names are random, and the last writer wins
        return True
    return True


def hold_folder(folder: Path, *, anyway: bool) -> Callable[[], None] | None:
    """Lock a folder until the returned function is called; None if another process holds it.

    Args:
        folder: to lock.
        anyway: whether to return a function where folders cannot be locked.
    """
    if os.name == "nt":
        return (lambda: None) if anyway else None
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # removed before it was locked
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = _is_at(descriptor, folder)
    except BlockingIOError:
        held = False
    except OSError:
        held = anyway
    if held:
        return partial(os.close, descriptor)
    os.close(descriptor)
    return None
