"""Verification pairs: LFW's own 6,000 (View 2), or drawn in the same manner from other data.

View 2 has ten folds of 300 genuine and 300 impostor pairs that share no subject: Huang et al.,
"Labeled Faces in the Wild", Technical Report 07-49, 2007.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import data_dir, sha256
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.decode import read_file

DIGEST = "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592"


@dataclass(frozen=True)
class Pairs:
    """Pairs of images.

    Attributes:
        first, second: int (N,), indices into the dataset's files.
        genuine: bool (N,), same subject.
        fold: int (N,).
    """

    first: np.ndarray
    second: np.ndarray
    genuine: np.ndarray
    fold: np.ndarray


def read_pairs(dataset: Dataset, path: Path | None = None) -> Pairs:
    """Read LFW's `pairs.txt`, and verify it.

    Args:
        dataset: the LFW data set, whose files the pairs are of.
        path: the file, default `data_dir()/pairs.txt`.

    Raises:
        UserError: the file is missing or altered.
    """
    path = path or data_dir() / "pairs.txt"
    if not path.is_file():
        raise UserError(
            f"expected LFW's pairs in {path}: run `python -m experiments.fetch`, or put it there"
        )
    # Editors and version control may change line endings, and add a byte-order mark.
    content = read_file(path, str(path)).removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if (digest := sha256(content)) != DIGEST:
        raise UserError(
            f"{path} is not LFW's pairs.txt: expected SHA-256 {DIGEST[:12]}, got {digest[:12]}; "
            "remove it, and run `python -m experiments.fetch`"
        )
    index = {file: i for i, file in enumerate(dataset.files)}
    rows = [line.split("\t") for line in content.decode().splitlines()]
    folds, size = int(rows[0][0]), 2 * int(rows[0][1])
    first, second, genuine = [], [], []
    for row in rows[1:]:
        name, number, other, other_number = row if len(row) == 4 else (*row[:2], row[0], row[2])
        first.append(index[f"{name}/{name}_{int(number):04d}.jpg"])
        second.append(index[f"{other}/{other}_{int(other_number):04d}.jpg"])
        genuine.append(len(row) == 3)
    fold = np.repeat(np.arange(folds), size)
    return Pairs(np.array(first), np.array(second), np.array(genuine), fold)


def draw_pairs(subjects: np.ndarray, *, folds: int = 10, seed: int = 0) -> Pairs:
    """Draw pairs in folds that share no subject: a genuine and an impostor pair of each subject.

    Args:
        subjects: (N,), subject of each image; those with one image are not used.
        folds: number of folds.
        seed: of the random choices.

    Raises:
        UserError: fewer than two subjects a fold have two images.
    """
    names, counts = np.unique(subjects, return_counts=True)
    names = names[counts > 1]
    if len(names) < 2 * folds:
        raise UserError(
            f"expected at least {2 * folds} subjects with two images to draw {folds} folds of "
            f"pairs from, got {len(names)}"
        )
    generator = stream(seed, "pairs")
    rows = []
    for number, members in enumerate(np.array_split(generator.permutation(names), folds)):
        for name, other in zip(members, np.roll(members, 1), strict=True):
            first, second = generator.choice(np.flatnonzero(subjects == name), 2, replace=False)
            stranger = generator.choice(np.flatnonzero(subjects == other))
            rows += [(first, second, True, number), (first, stranger, False, number)]
    return Pairs(*(np.array(column) for column in zip(*rows, strict=True)))
