"""Verification pairs: LFW's own 6,000 (View 2), or drawn in the same manner from other data.

View 2 has ten folds of 300 genuine and 300 impostor pairs that share no subject: Huang et al.,
"Labeled Faces in the Wild", Technical Report 07-49, 2007.
"""

import re
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import data_dir, read_file, sha256
from gan_inversion.data.listing import numbered_rows, stripped

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


def read_pairs(files: Sequence[str], path: Path | None = None) -> Pairs:
    """Read LFW's `pairs.txt`, and verify it.

    Args:
        files: of the LFW data set, which the pairs are of.
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
    return read_listed(path, files)


def read_listed(path: Path, files: Sequence[str], *, folds: int = 10) -> Pairs:
    """Read a list of pairs of one's own images, in one of three forms.

    - LFW's `pairs.txt`: `name 1 2` for two images of one person, `name 1 other 3` for two people;
      image 1 of `name` is `name/name_0001` with any ending, or the first in the folder. A first
      line of two numbers says how many folds there are, and how many pairs of a kind each has; one
      number there is that of the pairs of a kind.
    - `path1 path2 1`, where 1 is one person and 0 are two (or True and False).
    - `1 path1 path2`.

    Columns are separated by tabs, commas, semicolons or spaces; cells may be quoted, and a header
    may name the columns. Of a path the last two parts count: `./name/image.jpg` and
    `/photos/name/image.jpg` are `name/image.jpg`.

    Args:
        path: the list.
        files: names of the images, `subject/image`.
        folds: number of folds, which are runs of equal length where the list says nothing.

    Raises:
        UserError: a line has none of these forms, or names an image that is not there.
    """
    rows = [(line, stripped(row)) for line, row in numbered_rows(path)]
    if rows and all(HEADER.fullmatch(cell) for cell in rows[0][1]):
        del rows[0]
    head = rows[0][1] if rows else []
    if len(head) in (1, 2) and all(map(_is_count, head)):  # folds, pairs of each kind
        folds = int(head[0]) if len(head) == 2 else folds
        del rows[0]
    if not 2 <= folds <= 100:
        raise UserError(f"{path}: expected 2 to 100 folds, got {folds}")
    listed = _pairs_of(path, rows, files)
    if len(listed) < folds or len({genuine for *_, genuine in listed}) < 2:
        raise UserError(
            f"{path}: expected at least {folds} pairs, of one person and of two, got {len(listed)}"
        )
    if repeated := len(listed) - len({frozenset(pair[:2]) for pair in listed}):
        print(f"{path}: {repeated} of {len(listed)} pairs are listed before", file=sys.stderr)
    first, second, genuine = (np.array(column) for column in zip(*listed, strict=True))
    return Pairs(first, second, genuine, folds_of(genuine, folds))


def _pairs_of(
    path: Path, rows: Sequence[tuple[int, list[str]]], files: Sequence[str]
) -> list[tuple[int, int, bool]]:
    """Places of the images of each line, and whether they show one person."""
    index = _index_of(files)
    listed = []
    truth: dict[frozenset[int], bool] = {}  # images of a pair -> whether they show one person
    for number, row in rows:
        names = _named(row)
        if names is None:
            raise UserError(
                f"{path}, line {number}: expected `name 1 2`, `name 1 other 3`, `path1 path2 1` or "
                f"`1 path1 path2`, got {' '.join(row)[:80]!r}"
            )
        places = []
        for name in map(_plain, names[:2]):
            if name not in index:
                raise UserError(f"{path}, line {number}: there is no image {name[:80]!r}")
            places.append(index[name])
        pair = frozenset(places)
        if len(pair) < 2:
            raise UserError(f"{path}, line {number}: expected two images, got one with itself")
        if truth.setdefault(pair, names[2]) != names[2]:
            raise UserError(
                f"{path}, line {number}: expected each pair to show one person or two, got "
                f"{names[0][:80]!r} and {names[1][:80]!r} as both"
            )
        listed.append((places[0], places[1], names[2]))
    return listed


def folds_of(genuine: np.ndarray, folds: int) -> np.ndarray:
    """The fold of each pair, int (N,): consecutive parts of the pairs of each kind.

    Args:
        genuine: bool (N,), whether a pair shows one person.
        folds: number of folds; each has pairs of both kinds, in whatever order they are listed,
            where there are as many of both as folds.
    """
    fold = np.arange(len(genuine)) * folds // len(genuine)
    if min(genuine.sum(), (~genuine).sum()) < folds:
        return fold
    for kind in (genuine, ~genuine):
        fold[kind] = np.arange(kind.sum()) * folds // kind.sum()
    return fold


TRUTH = {"1": True, "0": False, "true": True, "false": False, "-1": False}
TRUTH |= {"1.0": True, "0.0": False}  # as pandas writes a column with a gap
HEADER = re.compile(  # what columns of such lists are called
    r"(name|path|file|filename|image|img|imagenum|person|id|same|is_?same|genuine|match|label|fold)"
    r"_?\d?",
    re.IGNORECASE,
)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _plain(name: str) -> str:
    """The last two parts of a path, each accent joined to its letter: macOS separates them."""
    parts = unicodedata.normalize("NFC", name).replace("\\", "/").split("/")
    return "/".join(parts[-2:])


def _named(row: Sequence[str]) -> tuple[str, str, bool] | None:
    """The two images of a line, as `_index_of` names them, and whether they show one person."""
    if len(row) == 4 and _is_count(row[1]) and _is_count(row[3]) and row[0] != row[2]:
        return f"{row[0]} {int(row[1])}", f"{row[2]} {int(row[3])}", False
    if len(row) != 3:
        return None
    if row[2].lower() in TRUTH and not _is_count(row[1]):
        return row[0], row[1], TRUTH[row[2].lower()]
    if row[0].lower() in TRUTH and not _is_count(row[1]):
        return row[1], row[2], TRUTH[row[0].lower()]
    if _is_count(row[1]) and _is_count(row[2]):
        return f"{row[0]} {int(row[1])}", f"{row[0]} {int(row[2])}", True
    return None


def _index_of(files: Sequence[str]) -> dict[str, int]:
    """Where images are, by file name, with and without ending, and as `subject number`.

    The number is the one in the file's name; the place in the folder counts where no file of the
    subject has such a number.
    """
    index: dict[str, int] = {}
    numbered: dict[str, int] = {}
    counted: set[str] = set()  # subjects whose images have numbers
    others: dict[str, list[tuple[list[str | int], int]]] = {}  # subject -> names, places
    for place, file in enumerate(map(_plain, files)):
        subject, _, image = file.partition("/")
        stem = image.rpartition(".")[0] or image
        index.setdefault(file, place)
        index.setdefault(f"{subject}/{stem}", place)
        if _is_count(own := stem.removeprefix(f"{subject}_")):
            numbered.setdefault(f"{subject} {int(own)}", place)
            counted.add(subject)
        else:
            parts = re.split(r"(\d{1,18})", stem)  # every second one is a number: 2 before 10
            key = [int(part) if at % 2 else part for at, part in enumerate(parts)]
            others.setdefault(subject, []).append((key, place))
    for subject in others.keys() - counted:
        for number, (_, place) in enumerate(sorted(others[subject]), 1):
            numbered[f"{subject} {number}"] = place
    return numbered | index


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
