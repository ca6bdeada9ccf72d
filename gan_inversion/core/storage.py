"""Where files live, how they are written, and how their content is named.

Every file appears whole or not at all: it is written in a folder of its own beside its place, made
durable, and moved there at the end. Content is named by SHA-256 digests. A file or
folder of the user's is never removed unless this package made it.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_inversion.core.errors import UserError, one_line

T = TypeVar("T")

WRITING = ".writing-"  # what the names of folders of unfinished files begin with
MADE_BY = "gan_inversion"  # stands in the pictures and pages of this package
BYTES = 200_000_000  # of the largest file that is read at once
POLL = 0.2  # seconds between two tries to get a lock


def data_dir() -> Path:
    """Folder of LFW, `pairs.txt` and recognisers: GAN_INVERSION_DATA or `~/.gan_inversion/data`."""
    return Path(os.environ.get("GAN_INVERSION_DATA") or _home() / "data")


def cache_dir() -> Path:
    """Folder for views and embeddings: GAN_INVERSION_CACHE or `~/.gan_inversion/cache`."""
    return Path(os.environ.get("GAN_INVERSION_CACHE") or _home() / "cache")


def _home() -> Path:
    """`.gan_inversion` in the user's home.

    Raises:
        UserError: the user has no home folder, as in a container that runs under any user id.
    """
    try:
        return Path.home() / ".gan_inversion"
    except RuntimeError as error:
        raise UserError(
            "expected a home folder for data and cache, found none: set HOME, or "
            "GAN_INVERSION_DATA and GAN_INVERSION_CACHE"
        ) from error


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the name of `path`; move it to `path` if the block succeeds.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    folder = path.with_name(WRITING + secrets.token_hex(8))
    temporary = folder / path.name
    try:
        with writing(path):
            folder.mkdir(parents=True)
            yield temporary
            with temporary.open("r+b") as file:  # Windows makes only writable files durable
                os.fsync(file.fileno())  # before the move, or a crash could leave an empty file
            temporary.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses while `path` is written into a `UserError`."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # raised by a library about content, not by the file system
            raise
        raise UserError(f"cannot write {path}: {error.strerror}{_culprit(error, path)}") from error


def _culprit(error: OSError, path: Path) -> str:
    """The file that could not be written, in brackets; empty if it is `path` or its draft."""
    culprit = Path(os.fsdecode(error.filename or path))
    own = culprit in (path, path.parent) or WRITING in str(culprit)
    return "" if own else f" ({culprit})"


def remove_unfinished(folder: Path) -> None:
    """Remove what killed writers left below `folder`, whose lock the caller must hold."""
    for left in folder.rglob(f"{WRITING}*"):
        shutil.rmtree(left, ignore_errors=True)


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


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 (H, W, 3), atomically, with the name of this package in it."""
    software = PngInfo()
    software.add_text("Software", MADE_BY)
    with atomic(path) as temporary:
        Image.fromarray(picture).save(temporary, pnginfo=software, comment=MADE_BY)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name as .npz, compressed, atomically."""
    with atomic(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def read_file(path: Path, name: str | None = None) -> bytes:
    """The content of a regular file of at most `BYTES` bytes; a pipe or device might never end.

    Args:
        path: of the file.
        name: what to call it in an error; its path by default.

    Raises:
        UserError: the path is no regular file, or the file is too large or not readable.
    """
    name = str(path) if name is None else name
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise UserError(f"{name} is no regular file")
        if state.st_size > BYTES:
            raise UserError(f"{name} has {state.st_size:,} bytes, more than {BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{name} is not readable: {error.strerror}") from error


def read_json(path: Path, kind: type[T]) -> T:
    """Read a JSON file that this package wrote.

    Args:
        path: the file.
        kind: expected type of the value, `dict` or `list`.

    Raises:
        UserError: the file is missing or not readable, or its value has another type.
    """
    try:
        value: Any = json.loads(read_file(path).decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a readable JSON file: {one_line(error)}") from error
    if not isinstance(value, kind):
        raise UserError(f"{path}: expected a JSON {kind.__name__}, got {type(value).__name__}")
    return value


def sha256(data: bytes | memoryview) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_digest(files: Mapping[str, str]) -> str:
    """Digest of a set of files, independent of how they were packed.

    Args:
        files: relative path -> SHA-256 of the content.

    Returns:
        SHA-256 of the lines `<sha256>  <path>\\n`, paths sorted bytewise.
    """
    names = sorted(files, key=os.fsencode)
    return sha256(
        b"".join(f"{files[name]}  ".encode() + os.fsencode(name) + b"\n" for name in names)
    )
