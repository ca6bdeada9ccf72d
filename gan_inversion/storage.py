"""Where files live, how they are written, and how their content is named.

Every file appears whole or not at all: it is written under a temporary name in its own folder and
renamed at the end. Content is named by SHA-256 digests.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from gan_inversion.errors import UserError


def data_dir() -> Path:
    """Folder of LFW, `pairs.txt` and FaceNet's arrays: `GAN_INVERSION_DATA` or a home folder."""
    return Path(os.environ.get("GAN_INVERSION_DATA") or Path.home() / ".gan_inversion" / "data")


def cache_dir() -> Path:
    """Folder for decoded views and embeddings: `GAN_INVERSION_CACHE` or a home folder."""
    return Path(os.environ.get("GAN_INVERSION_CACHE") or Path.home() / ".gan_inversion" / "cache")


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    temporary = path.with_name(f".{os.getpid()}-{path.name}")  # suffix kept: some writers read it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:  # raised by a library about content, not by the file system
            raise
        culprit = Path(error.filename or path)
        place = "" if culprit in (path, temporary) else f" ({culprit})"
        raise UserError(f"cannot write {path}: {error.strerror}{place}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """A new folder, which takes the place of `path` once it is complete."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 (H, W, 3), atomically."""
    with atomic(path) as temporary:
        Image.fromarray(picture).save(temporary)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name as .npz, compressed, atomically."""
    with atomic(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def cached_array(
    path: Path, shape: tuple[int, ...], dtype: str, fill: Callable[[np.ndarray], None]
) -> np.ndarray:
    """Memory-map `path` read-only; if it is absent, create it and let `fill` write its values.

    Disk space is reserved before the first value is written, because a memory map on a full disk
    kills the process instead of raising.
    """
    if not path.exists():
        with atomic(path) as temporary:
            header = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
            size = temporary.stat().st_size
            del header
            with temporary.open("r+b") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
            array = np.lib.format.open_memmap(temporary, mode="r+")
            fill(array)
            array.flush()
    return np.load(path, mmap_mode="r")


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
    return sha256("".join(f"{files[name]}  {name}\n" for name in names).encode())
