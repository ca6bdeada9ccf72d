"""A user's own photographs: any tree of image files `subject/image`.

Images that are framed like LFW's stay as they are. Others are aligned by a similarity transform
that moves their landmarks to where those of LFW's faces lie (needs the `dlib` extra).
"""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import cache_dir, manifest_digest, read_file, sha256
from gan_inversion.data import landmarks
from gan_inversion.data.alignment import similarity
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.decode import decode_image, printable
from gan_inversion.data.views import FRAME, SIZE, VIEWS, render

Align = Literal["auto", "always", "never"]

# Median landmarks of 1,099 LFW deep-funneled frames (every twelfth image), by dlib's five-point
# predictor: corners of the right-hand eye, of the left-hand eye, base of the nose. x, y in pixels.
LFW_LANDMARKS = np.array([(153, 113), (137, 113), (96, 114), (112, 114), (125, 144)], float)
LARGE = 1000  # longer side above which a photo is reduced before a face is looked for
NEAR = 5  # largest mean offset from LFW's landmarks of an image framed like LFW, in pixels
UNREADABLE = 0.05  # largest share of unreadable files in a folder that is accepted

Transform = list[list[float]]

_LEFT, _TOP, _RIGHT, _ = VIEWS["aligned"]
_SHARE = (_RIGHT - _LEFT) / SIZE
# Transforms of images that are framed like LFW's frame or its aligned view, by side in pixels.
FRAMED_LIKE: dict[int, Transform] = {
    FRAME: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    SIZE: [[_SHARE, 0.0, float(_LEFT)], [0.0, _SHARE, float(_TOP)]],
}


class Folder(Dataset):
    """Photographs in `path/subject/image`.

    Files that cannot be read and images without a face are left out.

    Args:
        path: the tree; hidden files and folders are ignored.
        min_images: images each subject must have; type-II figures need two.
        align: as for `find_transform`.

    Attributes:
        left_out: file -> reason why it is left out.
        report: what was done with the files, in a sentence.

    Raises:
        UserError: there are no images, over 5 % of the files are not readable, a subject has too
            few images, or images need landmarks and the `dlib` extra is not installed.
    """

    name = "folder"

    def __init__(self, path: Path | None, *, min_images: int = 2, align: Align = "auto"):
        if path is None or not path.is_dir():
            raise UserError(f"expected a folder of subject/image files, got {path}")
        self._paths, elsewhere = _files(path)
        note = f"; {elsewhere} files outside of subjects' folders are left out" if elsewhere else ""
        if not self._paths:
            raise UserError(f"expected images as {path}/subject/image, found none{note}")
        self.left_out: dict[str, str] = {}
        self._placing: dict[str, Transform] = {}
        digests = self._place(align)
        self._leave_out_alone(min_images)
        if not self._placing:
            why = next(iter(self.left_out.values()))
            raise UserError(
                f"{path}: expected images, but all {len(self._paths)} files are left out: "
                f"{why}{note}"
            )
        self.files = list(self._placing)
        self.digest = manifest_digest({file: digests[file] for file in self.files})
        if align != "auto":  # the pixels of the frames differ
            self.digest = sha256(f"{self.digest} {align}".encode())
        kept = sum(transform in FRAMED_LIKE.values() for transform in self._placing.values())
        out = f", {len(self.left_out)} left out" if self.left_out else ""
        self.report = (
            f"{path}: {len(self.files)} images, of which {len(self.files) - kept} are aligned by "
            f"landmarks and {kept} taken as they are{out}{note}"
        )
        subjects, counts = np.unique(self.subjects, return_counts=True)
        few = subjects[counts < min_images]
        if len(few):
            raise UserError(
                f"{path}: expected at least {min_images} images a subject, but {few[0]} and "
                f"{len(few) - 1} others have fewer{out} (--min-images 1 accepts them)"
            )

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        for index, file in enumerate(self.files):
            photo = decode_image(read_file(self._paths[file], file), file)
            yield index, place(photo, np.array(self._placing[file]))

    def _leave_out_alone(self, least: int) -> None:
        """Leave out what remains of subjects who had enough files, but lost some of them."""
        given = Counter(file.split("/")[0] for file in self._paths)
        kept = Counter(file.split("/")[0] for file in self._placing)
        for file in [*self._placing]:
            subject = file.split("/")[0]
            if kept[subject] < least <= given[subject]:
                del self._placing[file]
                self.left_out[file] = f"{file} is left out with other images of {subject}"

    def _place(self, align: Align) -> dict[str, str]:
        """Find each file's transform or the reason for none; return digests of readable files."""
        transforms = Transforms(align)
        digests: dict[str, str] = {}
        unreadable = 0
        for file in progress(self._paths, desc="finding faces", unit="image"):
            try:
                data = read_file(self._paths[file], file)
                digests[file] = sha256(data)
                transform = transforms.of(digests[file], data, file)
            except UserError as error:
                self.left_out[file] = str(error)
                unreadable += 1
                continue
            if transform is None:
                self.left_out[file] = f"{file} shows no face that was found"
            else:
                self._placing[file] = transform
        if unreadable > len(self._paths) * UNREADABLE:
            reasons = "; ".join(list(self.left_out.values())[:3])
            raise UserError(
                f"expected images, but {unreadable} of {len(self._paths)} files are not readable "
                f"ones: {reasons}"
            )
        return digests


def _files(path: Path) -> tuple[dict[str, Path], int]:
    """Printable names and paths of the files `subject/image`, and the number of other files."""
    paths: dict[str, Path] = {}
    elsewhere = 0
    for folder, names, files in os.walk(path, followlinks=True):
        place = Path(folder).relative_to(path)
        names[:] = [name for name in names if not name.startswith(".")]
        files = [name for name in files if not name.startswith(".")]
        if len(place.parts) == 1:
            # Links from here on may lead in circles.
            names[:] = [name for name in names if not (Path(folder) / name).is_symlink()]
            paths |= {printable(f"{place}/{name}"): Path(folder) / name for name in files}
        else:
            elsewhere += len(files)
    return {name: paths[name] for name in sorted(paths, key=str.encode)}, elsewhere


class Transforms:
    """The transforms found so far, by the digest of the image, kept on disk.

    Each is written as soon as it is found, so that an interrupted search can go on.

    Args:
        align: as for `find_transform`.
    """

    def __init__(self, align: Align):
        self.align: Align = align
        self._path = cache_dir() / "folder" / "main_faces.jsonl"
        self._known: dict[str, Transform | None] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._path.open("a+", encoding="utf-8", errors="replace")
            self._log.seek(0)
            lines = self._log.read().split("\n")
        except OSError as error:
            raise UserError(f"cannot write {self._path}: {error.strerror}") from error
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, RecursionError):  # cut short by a kill
                how, digest, transform = json.loads(line)
                if how == align:
                    self._known[digest] = transform

    def of(self, digest: str, data: bytes, name: str) -> Transform | None:
        """The transform of an image, computed if it is new; None if no face is found.

        Args:
            digest: SHA-256 of its content.
            data: its content.
            name: what to call it in an error.
        """
        if digest not in self._known:
            transform = find_transform(decode_image(data, name), align=self.align)
            self._known[digest] = transform
            try:
                self._log.write("\n" + json.dumps([self.align, digest, transform]) + "\n")
                self._log.flush()
            except OSError as error:
                raise UserError(f"cannot write {self._path}: {error.strerror}") from error
        return self._known[digest]


def find_transform(photo: np.ndarray, *, align: Align = "auto") -> Transform | None:
    """Similarity transform from a photo to LFW's frame.

    Args:
        photo: uint8 (H, W, 3).
        align: `auto`: an image that is framed like LFW (250x250 pixels) or like its aligned view
            (160x160) stays as it is, and any other is aligned by its landmarks; `always`: every
            image is aligned; `never`: none is, and no face is looked for.

    Returns:
        2x3 matrix that maps (x, y, 1) in the photo to (x, y) in the frame;
        None if no face is found.

    Raises:
        UserError: `align` is `never`, and the size is another.
    """
    height, width = photo.shape[:2]
    framed = FRAMED_LIKE.get(width) if height == width else None
    if align == "never":
        if framed is None:
            raise UserError(
                f"expected {FRAME}x{FRAME} or {SIZE}x{SIZE} pixels, framed like LFW, where nothing "
                f"is to be aligned, got {width}x{height}"
            )
        return framed
    factor = max(1, -(-max(height, width) // LARGE))
    small = np.asarray(Image.fromarray(photo).reduce(factor))
    box = landmarks.main_face(small)
    if box is None:
        return None
    points = landmarks.points(landmarks.landmarks(small, box)) * factor
    if align == "auto" and framed is not None:
        there = points @ np.array(framed)[:, :2].T + np.array(framed)[:, 2]
        if np.abs(there - LFW_LANDMARKS).mean() < NEAR:
            return framed
    return similarity(points, LFW_LANDMARKS).tolist()


def aligned_view(photo: np.ndarray, *, align: Align = "auto") -> tuple[np.ndarray, bool] | None:
    """The aligned view of a photo, and whether it was aligned by landmarks; None without a face.

    Args:
        photo: uint8 (H, W, 3).
        align: as for `find_transform`.

    Returns:
        The view, uint8 (160, 160, 3), and the flag; or None.
    """
    transform = find_transform(photo, align=align)
    if transform is None:
        return None
    if transform == FRAMED_LIKE[SIZE]:
        return photo, False
    view = render(place(photo, np.array(transform)), view="aligned")
    return view, transform not in FRAMED_LIKE.values()


def place(photo: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Apply a transform of `find_transform`: uint8 (H, W, 3) -> uint8 (250, 250, 3).

    What lies outside the photo is black, as in LFW's deep-funneled frames.
    """
    if photo.shape == (FRAME, FRAME, 3) and transform.tolist() == FRAMED_LIKE[FRAME]:
        return photo
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    factor = max(1, int(1 / scale))  # low-pass first: the transform itself samples single pixels
    image = Image.fromarray(photo).reduce(factor)
    square = np.vstack([transform, [0, 0, 1]]) @ np.diag([factor, factor, 1])
    inverse = np.linalg.inv(square)[:2].reshape(-1)
    return np.asarray(
        image.transform(
            (FRAME, FRAME), Image.Transform.AFFINE, inverse.tolist(), Image.Resampling.BICUBIC
        )
    )
