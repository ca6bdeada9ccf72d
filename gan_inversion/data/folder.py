"""A user's own photographs: any tree `subject/image` of JPEG and PNG files.

Pictures of 250x250 pixels are taken as framed like LFW. Others are brought to that geometry by a
similarity transform that puts their landmarks where those of LFW's faces lie (`dlib` extra).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from gan_inversion import landmarks
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.decode import decode_image
from gan_inversion.data.views import FRAME
from gan_inversion.errors import UserError
from gan_inversion.progress import progress
from gan_inversion.storage import cache_dir, manifest_digest, sha256, write_text

# Median landmarks of 1,099 LFW deep-funneled frames (every twelfth image), by dlib's five-point
# predictor: corners of the right-hand eye, of the left-hand eye, base of the nose. x, y in pixels.
LFW_LANDMARKS = np.array([(153, 113), (137, 113), (96, 114), (112, 114), (125, 144)], float)
LARGE = 1000  # longer side above which a photo is reduced before a face is looked for


class Folder(Dataset):
    """Photographs in `path/subject/image`.

    Args:
        path: the tree; hidden files are ignored.
        min_images: images each subject must have; type-II figures need two.

    Attributes:
        not_found: files in which no face was found; they are left out.

    Raises:
        UserError: nothing there, a file is no RGB picture, a subject has too few images, or the
            pictures need landmarks and the `dlib` extra is not installed.
    """

    name = "folder"

    def __init__(self, path: Path | None, *, min_images: int = 2):
        if path is None or not path.is_dir():
            raise UserError(f"expected a folder of subject/image files, got {path}")
        self.path = path
        found = sorted(
            file.relative_to(path).as_posix()
            for file in path.glob("*/*")
            if file.is_file() and not file.name.startswith(".")
        )
        if not found:
            raise UserError(f"expected JPEG or PNG files as {path}/subject/image, found none")
        digests = {
            file: sha256((path / file).read_bytes())
            for file in progress(found, desc="reading", unit="image", leave=False)
        }
        self.digest = manifest_digest(digests)
        self._placing = self._place(found)
        self.not_found = [file for file in found if self._placing[file] is None]
        self.files = [file for file in found if self._placing[file] is not None]
        subjects, counts = np.unique(self.subjects, return_counts=True)
        few = subjects[counts < min_images]
        if not self.files:
            raise UserError(f"no face was found in any of the {len(found)} pictures of {path}")
        if len(few):
            faceless = f", {len(self.not_found)} pictures without a face left out"
            raise UserError(
                f"{path}: expected at least {min_images} images a subject, but {few[0]} and "
                f"{len(few) - 1} others have fewer{faceless if self.not_found else ''} "
                "(min_images=1 accepts them)"
            )

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        for index, file in enumerate(self.files):
            yield index, place(self._decode(file), np.array(self._placing[file]))

    def _decode(self, file: str) -> np.ndarray:
        return decode_image((self.path / file).read_bytes(), file)

    def _place(self, files: list[str]) -> dict[str, list | None]:
        """For each file the transform to LFW's geometry, or None without a face; cached."""
        known = cache_dir() / "folder" / f"{self.digest}.json"
        if not known.exists():
            placing = {
                file: find_transform(self._decode(file))
                for file in progress(files, desc="finding faces", unit="image")
            }
            write_text(known, json.dumps(placing))
        return json.loads(known.read_text())


def find_transform(photo: np.ndarray) -> list[list[float]] | None:
    """Similarity transform from a photo to LFW's frame.

    Args:
        photo: uint8 (H, W, 3).

    Returns:
        2x3 matrix that maps (x, y, 1) in the photo to (x, y) in the frame; None without a face.
    """
    if photo.shape == (FRAME, FRAME, 3):
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    factor = max(1, -(-max(photo.shape[:2]) // LARGE))
    small = np.asarray(Image.fromarray(photo).reduce(factor))
    box = landmarks.largest_face(small)
    if box is None:
        return None
    found = landmarks.points(landmarks.landmarks(small, box)) * factor
    # Least squares for x' = a x - b y + c, y' = b x + a y + d.
    rows = []
    for x, y in found:
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
    a, b, c, d = np.linalg.lstsq(np.array(rows), LFW_LANDMARKS.reshape(-1), rcond=None)[0]
    return [[float(a), float(-b), float(c)], [float(b), float(a), float(d)]]


def place(photo: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Apply a transform of `find_transform`: uint8 (H, W, 3) -> uint8 (250, 250, 3).

    What lies outside the photo is black, as in LFW's deep-funneled frames.
    """
    if photo.shape == (FRAME, FRAME, 3):
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
