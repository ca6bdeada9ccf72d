"""Labeled Faces in the Wild, deep-funneled, from the public archive or an extracted folder.

Huang et al., "Learning to Align from Scratch", NIPS 2012. The content is verified against a
manifest digest that does not depend on how the archive was packed.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from gan_inversion.core.cache import cached_json
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import cache_dir, data_dir, manifest_digest, read_file, sha256
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.decode import decode_image, printable
from gan_inversion.data.views import FRAME

MANIFEST_DIGEST = "d74b84a8b052eb400a6d69dcce66460240bf4cd659d924c13bc90ce1fced9bce"
IMAGES = 13_233
ROOT = "lfw-deepfunneled"
LARGEST = 1_000_000  # bytes of a member of the archive at most; its images have some 10,000


class LFW(Dataset):
    """LFW deep-funneled, 13,233 images of 5,749 subjects, verified.

    Args:
        path: `lfw-deepfunneled.tgz`, the extracted `lfw-deepfunneled` folder, or a folder that
            holds either. Default: `data_dir()`.

    Raises:
        UserError: LFW is not there, or the archive is truncated or altered.
    """

    name = "lfw"
    digest = MANIFEST_DIGEST

    def __init__(self, path: Path | None = None):
        self.path = _find(path or data_dir())
        self.files = _verified_files(self.path)
        self.duplicates = _duplicates(self.files)

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        index = {file: i for i, file in enumerate(self.files)}
        for file, data in _read(self.path):
            frame = decode_image(data, file)
            if frame.shape != (FRAME, FRAME, 3):
                raise UserError(f"{file} must be {FRAME}x{FRAME} pixels, not {frame.shape[1::-1]}")
            yield index[file], frame


def _duplicates(files: Sequence[str]) -> np.ndarray:
    """Pairs of LFW's images whose FaceNet embeddings have a cosine above 0.98: int (P, 2).

    They are listed, so that the split into parts does not depend on the victim: others, such as
    dlib, have far higher cosines between images that are not alike.
    """
    listed = resources.files("gan_inversion.data").joinpath("lfw_near_duplicates.txt").read_text()
    index = {file: i for i, file in enumerate(files)}
    pairs = [[index.get(file, -1) for file in line.split("  ")] for line in listed.splitlines()]
    return np.array([pair for pair in pairs if min(pair) >= 0], int).reshape(-1, 2)


def _find(path: Path) -> Path:
    if path.is_file() or (path.is_dir() and path.name == ROOT and not (path / ROOT).is_dir()):
        return path
    for candidate in (path / f"{ROOT}.tgz", path / ROOT / ROOT, path / ROOT):
        if candidate.exists():  # some tools extract an archive into a folder of its name
            return candidate
    raise UserError(
        f"expected LFW as {path / f'{ROOT}.tgz'} or as a folder {ROOT} beside it, found neither: "
        "run `python -m experiments.fetch`, or set GAN_INVERSION_DATA to the folder that holds it"
    )


def _read(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (`subject/image.jpg`, content) of an archive or folder."""
    if path.is_dir():
        for file in _jpegs(path):
            name = file.relative_to(path).as_posix()
            yield name, read_file(file, name)
        return
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                parts = Path(member.name).parts
                if member.size > LARGEST:
                    raise UserError(
                        f"{path} is not an LFW archive: {printable(member.name)} has "
                        f"{member.size:,} bytes, more than {LARGEST:,}"
                    )
                if member.isfile() and len(parts) == 3 and _is_jpeg(*parts[1:]):
                    content = archive.extractfile(member)
                    if content is not None:
                        yield f"{parts[1]}/{parts[2]}", content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{path} is not a complete LFW archive: {error}") from error


def _verified_files(path: Path) -> list[str]:
    """Names of all images, after the manifest digest has been checked once per state of `path`.

    The check reads every byte (seconds); its result is kept under the sizes and times of the
    files, so that a second start only looks at those.
    """
    cache_file = cache_dir() / "lfw" / f"{_state(path)}.json"
    return cached_json(cache_file, list, lambda: _verify(path))


def _verify(path: Path) -> list[str]:
    digests = {
        file: sha256(data)
        for file, data in progress(_read(path), total=IMAGES, desc="verifying LFW", unit="image")
    }
    digest = manifest_digest(digests)
    if digest != MANIFEST_DIGEST:
        raise UserError(
            f"{path} is not the LFW deep-funneled release: expected {IMAGES} images with manifest "
            f"digest {MANIFEST_DIGEST[:12]}, got {len(digests)} with {digest[:12]}"
        )
    return sorted(digests, key=str.encode)


def _jpegs(path: Path) -> list[Path]:
    """The images of an extracted archive."""
    files = path.glob("*/*.jpg")
    return sorted(file for file in files if _is_jpeg(file.parent.name, file.name))


def _is_jpeg(folder: str, name: str) -> bool:
    """Whether a file is an image; hidden ones, as macOS leaves beside images, are not."""
    return name.endswith(".jpg") and not name.startswith(".") and not folder.startswith(".")


def _state(path: Path) -> str:
    members = [path] if path.is_file() else _jpegs(path)
    state = hashlib.sha256()
    for member in members:
        stat = member.stat()
        state.update(f"{member.resolve()} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return state.hexdigest()[:16]
