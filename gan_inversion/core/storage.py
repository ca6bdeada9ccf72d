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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.locks import hold_folder

T = TypeVar("T")

WRITING = ".writing-"  # what the names of folders of unfinished files begin with
MADE_BY = "gan_inversion"  # stands in the pictures and pages of this package
BYTES = 200_000_000  # of the largest file that is read at once

_TIDY: set[Path] = set()  # folders in which this process has removed what killed ones left


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
    with draft(path) as folder:
        temporary = folder / path.name
        yield temporary
        with temporary.open("r+b") as file:  # Windows makes only writable files durable
            os.fsync(file.fileno())  # before the move, or a crash could leave an empty file
        temporary.replace(path)


@contextlib.contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`, for what is moved there once it is finished.

    It is locked: another writer knows by that which of such folders a killed one has left, and
    removes those.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    release = None
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _tidy(path.parent)
            while release is None:
                folder = path.with_name(WRITING + secrets.token_hex(8))
                folder.mkdir()
                release = hold_folder(folder, anyway=True)
            yield folder
    finally:
        if release is not None:
            shutil.rmtree(folder, ignore_errors=True)
            release()


def _tidy(folder: Path) -> None:
    """Remove what killed writers left in a folder; once a process, since it may hold many files."""
    if folder in _TIDY:
        return
    _TIDY.add(folder)
    for left in folder.glob(f"{WRITING}*"):
        if release := hold_folder(left, anyway=False):
            shutil.rmtree(left, ignore_errors=True)
            release()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses while `path` is written into a `UserError`."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise UserError(
                f"cannot write {path}: {error.strerror}{_culprit(error, path)}"
            ) from error
        if "requested and" in str(error):  # by NumPy: numbers requested and numbers written
            raise UserError(f"cannot write {path}: the disk is full ({one_line(error)})") from error
        raise  # by a library about content, not by the file system


def _culprit(error: OSError, path: Path) -> str:
    """The file that could not be written, in brackets; empty if it is `path` or its draft."""
    culprit = Path(os.fsdecode(error.filename or path))
    own = culprit in (path, path.parent) or WRITING in str(culprit)
    return "" if own else f" ({culprit})"


def remove_unfinished(folder: Path) -> None:
    """Remove what killed writers left below `folder`, whose lock the caller must hold."""
    for left in folder.rglob(f"{WRITING}*"):
        shutil.rmtree(left, ignore_errors=True)


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
