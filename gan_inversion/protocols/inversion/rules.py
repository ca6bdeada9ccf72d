"""The rules of the `inversion` protocol: the split of the subjects, and the false match rates."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import read_file
from gan_inversion.protocols.base import Protocol, near_duplicates

PARTS = ("train", "validation", "test")
PICTURES = "pictures_digest"  # in the `config` of a record: SHA-256 of its reconstructions


@dataclass(frozen=True)
class Split:
    """Images to train, validate and test on; no subject is in two of these parts.

    Attributes:
        train, validation, test: int (N,), sorted indices of images.
        hash: first 16 hexadecimal digits of the SHA-256 over the files of each part.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    hash: str

    def without(self, rejected: np.ndarray) -> "Split":
        """The split with some images, bool (N,), left out of their parts; the hash stays."""
        parts = {name: getattr(self, name) for name in PARTS}
        kept = {name: part[~rejected[part]] for name, part in parts.items()}
        return Split(**kept, hash=self.hash)

    def csv(self, files: Sequence[str]) -> str:
        """The split as CSV: `image,part`, one line for each of the N files."""
        part = np.empty(len(files), "U10")
        for name in PARTS:
            part[getattr(self, name)] = name
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["image", "part"])
        rows.writerows(zip(files, part.tolist(), strict=True))
        return text.getvalue()


def read_split(path: Path) -> dict[str, str]:
    """Read a split that `Split.csv` wrote: image -> part, in the order of the dataset.

    Raises:
        UserError: there is no such file, or it holds no split.
    """
    try:
        text = read_file(path).decode()
        return {row["image"]: row["part"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    except (UserError, KeyError, ValueError, csv.Error) as error:
        raise UserError(f"expected a split of images in {path}: {error}") from error


@dataclass(frozen=True)
class Inversion(Protocol):
    """Reconstruction of faces never seen: subjects are split, thresholds come from real impostors.

    Attributes:
        view: the part of a frame that the networks see, `whole` or `aligned`.
        resample: filter that resizes this part to 160x160 pixels.
        salt: text that is hashed with a subject's name to assign the subject to a part.
        shares: shares of the subjects for training, validation and test.
        near_duplicate: cosine above which two images count as the same photograph; their
            subjects go to the same part. LFW's were found by FaceNet, once for all victims.
        always_train: subjects that are in the training part whatever their hash.
        fmrs: false match rates at which thresholds are set.
        score: similarity of two embeddings.
    """

    view: str = "aligned"
    resample: str = "bilinear"
    salt: str = "gan_inversion"
    shares: tuple[float, float, float] = (0.7, 0.1, 0.2)
    near_duplicate: float = 0.98
    always_train: tuple[str, ...] = ("George_W_Bush",)
    fmrs: tuple[float, ...] = (1e-2, 1e-3, 1e-4)
    score: str = "cosine"

    def split(
        self, files: Sequence[str], embeddings: np.ndarray, duplicates: np.ndarray | None = None
    ) -> Split:
        """Assign every image to a part, by its subject.

        Args:
            files: N names, `subject/image`.
            embeddings: float32 (N, D), unit norm, to find near-duplicates; NaN in rows of
                images that have none.
            duplicates: known near-duplicates, int (P, 2), which are taken instead.

        Raises:
            UserError: too few subjects for three parts.
        """
        subjects = np.array([file.split("/")[0] for file in files])
        names, codes = np.unique(subjects, return_inverse=True)
        if duplicates is None:
            first, second = near_duplicates(embeddings, above=self.near_duplicate)
        else:
            first, second = duplicates.T
        graph = coo_matrix((np.ones(len(first)), (codes[first], codes[second])), 2 * (len(names),))
        _, group = connected_components(graph, directed=False)
        # A group goes where its first name goes, or to training if one of its subjects must.
        _, leader = np.unique(group, return_index=True)
        place = np.array([self._place(name) for name in names])[leader][group]
        place[np.isin(group, group[np.isin(names, self.always_train)])] = 0
        parts = [np.flatnonzero(place[codes] == part) for part in range(3)]
        for part, use in zip(parts, PARTS, strict=True):
            if len(np.unique(codes[part])) < 2:
                raise UserError(
                    f"expected at least 2 subjects for {use}, got {len(np.unique(codes[part]))} of "
                    f"{len(names)}: the data has too few, or its embeddings are nearly alike"
                )
        text = json.dumps([[files[i] for i in part.tolist()] for part in parts])
        train, validation, test = parts
        return Split(train, validation, test, hashlib.sha256(text.encode()).hexdigest()[:16])

    def _place(self, subject: str) -> int:
        """0 for training, 1 for validation, 2 for test."""
        digest = hashlib.sha256(f"{self.salt}/{subject}".encode()).digest()
        position = int.from_bytes(digest[:8], "big") / 2**64
        return int(np.searchsorted(np.cumsum(self.shares[:2]), position, side="right"))
