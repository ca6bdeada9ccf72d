"""Files of the cache: made once, checked whenever they are opened, made again where damaged.

A cached array has its SHA-256 in a file beside it.
"""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.locks import exclusive
from gan_inversion.core.storage import atomic, read_json, sha256_file, write_text

T = TypeVar("T")


def cached_json(path: Path, kind: type[T], make: Callable[[], T]) -> T:
    """The value in a JSON file of the cache; made and written where it is absent or damaged.

    One process makes it while others wait.
    """
    with contextlib.suppress(UserError):
        return read_json(path, kind)
    with exclusive(path, wait=True):
        with contextlib.suppress(UserError):
            return read_json(path, kind)  # made by another process meanwhile
        value = make()
        write_text(path, json.dumps(value))
    return value


def cached_array(
    path: Path, shape: tuple[int, ...], dtype: str, fill: Callable[[np.ndarray], None]
) -> np.ndarray:
    """Memory-map `path` read-only; if it is absent or damaged, make it: `fill` writes its values.

    One process fills it while others wait. Disk space is reserved before the first value is
    written, because a memory map on a full disk kills the process instead of raising.
    """

    def write(temporary: Path) -> None:
        header = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
        size = temporary.stat().st_size
        del header
        with temporary.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
        array = np.lib.format.open_memmap(temporary, mode="r+")
        fill(array)
        array.flush()

    def fits(array: np.ndarray) -> bool:
        return array.shape == shape and array.dtype == np.dtype(dtype)

    return _cached(path, write, fits)


def cached_result(path: Path, count: int, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array of `count` rows in `path`; made and written where it is absent or damaged."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, make(), allow_pickle=False)

    return np.array(_cached(path, write, lambda array: len(array) == count))


def _cached(
    path: Path, write: Callable[[Path], None], fits: Callable[[np.ndarray], bool]
) -> np.ndarray:
    """The array in `path`, mapped read-only; written under a lock where it is absent or damaged."""
    if (cached := _whole(path)) is not None and fits(cached):
        return cached
    with exclusive(path, wait=True):
        if (cached := _whole(path)) is None or not fits(cached):  # nobody made it meanwhile
            with atomic(path) as temporary:
                write(temporary)
            write_text(_seal(path), f"{sha256_file(path)}\n{_state(path)}")
        array = _whole(path)
    if array is None:
        raise UserError(f"{path} changed while it was written: remove it, and try again")
    return array


def _seal(path: Path) -> Path:
    """The file beside a cached array that holds its SHA-256 and `_state` when that was checked."""
    return path.with_name(f"{path.name}.sha256")


def _state(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _whole(path: Path) -> np.ndarray | None:
    """A cached array, mapped read-only, if its content is what was written; None otherwise.

    All of it is read again only if the file's size or modification time has changed.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        digest, _, state = _seal(path).read_text(encoding="utf-8").partition("\n")
        if state != _state(path):
            if sha256_file(path) != digest:
                return None
            with contextlib.suppress(UserError):  # the cache may be read-only
                write_text(_seal(path), f"{digest}\n{_state(path)}")
    except (OSError, ValueError, EOFError):
        return None
    return array
