"""Declared protocols. Each has a name and a hash that stands in every record made under it."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gan_inversion.errors import UserError
from gan_inversion.seeding import stream

BLOCK = 1024  # rows compared at once
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Protocol:
    """What must be equal for two figures to be compared."""

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of name and fields."""
        text = json.dumps([self.name, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Documented(Protocol):
    """The reference thesis' protocol (Tassinari 2023): a random split of images, pixel losses.

    Attributes:
        view: what the networks see of a frame.
        resample: filter from 250 to 160 pixels.
        test_share: share of the images held out.
        optimizer: at its Keras default learning rate.
        loss: between pixels in the target range.
        batch_size: images a step.
        epochs: passes over the training images.
    """

    view: str = "whole"
    resample: str = "bilinear"
    test_share: float = 0.2
    optimizer: str = "adam"
    loss: str = "mse"
    batch_size: int = 32
    epochs: int = 10

    def split(self, count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Training and test indices of `count` images, drawn without regard to subjects."""
        order = stream(seed, "documented", "split").permutation(count)
        held_out = round(count * self.test_share)
        return np.sort(order[held_out:]), np.sort(order[:held_out])


@dataclass(frozen=True)
class Verification(Protocol):
    """Same or different person.

    Attributes:
        pairs: `lfw_view2` (the 6,000 pairs of Huang et al. 2007), `drawn` in the same manner, or
            `all` pairs of the images.
        folds: the threshold of each fold comes from the others.
        score: similarity of two embeddings; larger is more similar.
        fmrs: false match rates at which thresholds are set, on all impostor pairs of the images
            that occur in the protocol.
    """

    pairs: str = "lfw_view2"
    folds: int = 10
    score: str = "cosine"
    fmrs: tuple[float, ...] = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Pool:
    """Rows of a membership matrix, and the images behind them.

    Attributes:
        membership: bool (R, M), which row is a member of which model.
        trained, trained_row: int (T,), images that models are trained on, and their rows.
        asked, asked_row: int (A,), images that attacks look at, and their rows.
    """

    membership: np.ndarray
    trained: np.ndarray
    trained_row: np.ndarray
    asked: np.ndarray
    asked_row: np.ndarray

    def members(self) -> np.ndarray:
        """Which model is trained on which of the images `trained`, bool (T, M)."""
        return self.membership[self.trained_row]


@dataclass(frozen=True)
class Membership(Protocol):
    """Does an inverter remember whom it was trained on? Every model is in turn the target.

    Attributes:
        view: what the networks see of a frame.
        resample: filter from 250 to 160 pixels.
        models: trained for each unit; the images or subjects of one are those that its neighbour
            was not trained on, so that each is in half of them.
        fprs: false positive rates at which true positives are counted, scores of all targets
            pooled.
        shadows: of each target; `matched`: where every image is in equally many models, one model
            of the other kind is left out beside the target, image by image, so that how many
            shadows hold an image does not tell whether the target does.
        near_duplicate: cosine above which two images are one photograph.
    """

    view: str = "aligned"
    resample: str = "bilinear"
    models: int = 16
    shadows: str = "matched"
    near_duplicate: float = 0.98
    fprs: tuple[float, ...] = (1e-1, 1e-2, 1e-3)

    def pool(
        self,
        unit: str,
        subjects: np.ndarray,
        embeddings: np.ndarray,
        *,
        size: int | None = None,
        seed: int,
    ) -> "Pool":
        """Draw who may be a member, and who is one of which model.

        An image that is nearly another's duplicate is left out: it would be half a member.

        Args:
            unit: `image`, or `subject`: one with two images or more, of which half are never
                trained on.
            subjects: (N,), of the images that may be drawn.
            embeddings: float32 (N, D), unit norm, that near-duplicates are found by.
            size: images that a model is trained on, nearly; default: half of what there is.
            seed: for every choice.

        Raises:
            UserError: there are too few.
        """
        _, later = near_duplicates(embeddings, above=self.near_duplicate)
        kept = np.setdiff1d(np.arange(len(subjects)), later)
        random = stream(seed, "membership", unit, "pool")
        kept = random.permutation(kept)
        if unit == "image":
            found = np.sort(kept if size is None else kept[: 2 * size])
            wanted, rows = found, np.arange(len(found))
            asked, asked_row, membership = wanted, rows, self.images(len(found), seed=seed)
        else:
            # Each image's place among those of its subject, in random order.
            names, code = np.unique(subjects[kept], return_inverse=True)
            order = np.argsort(code, kind="stable")
            starts = np.searchsorted(code[order], np.arange(len(names)))
            place = np.empty(len(kept), int)
            place[order] = np.arange(len(kept)) - starts[code[order]]
            counts = np.bincount(code)
            trained = (counts + 1) // 2
            people = random.permutation(np.flatnonzero(counts > 1))
            if size is not None:
                people = people[: np.searchsorted(np.cumsum(trained[people]), 2 * size) + 1]
            row = np.full(len(names), -1)
            row[people] = np.arange(len(people))
            known = row[code] >= 0
            inside = place < trained[code]
            wanted, rows = kept[known & inside], row[code[known & inside]]
            asked, asked_row = kept[known & ~inside], row[code[known & ~inside]]
            membership = self.subjects(trained[people], seed=seed)
        if size is not None and len(wanted) < 2 * size:
            raise UserError(
                f"expected {2 * size} images to train on for {unit}s in and out, got {len(wanted)}"
            )
        return Pool(membership, wanted, rows, asked, asked_row)

    def images(self, count: int, *, seed: int) -> np.ndarray:
        """Membership of images, bool (count, models)."""
        return self._halves(np.arange(count), seed=seed, unit="image")

    def subjects(self, images: np.ndarray, *, seed: int) -> np.ndarray:
        """Membership of subjects, bool (S, models); halves are matched on the number of images.

        Args:
            images: int (S,), images of each subject.
            seed: for the choice among subjects with as many.
        """
        order = np.lexsort((stream(seed, "membership", "ties").permutation(len(images)), images))
        return self._halves(order, seed=seed, unit="subject")

    def _halves(self, order: np.ndarray, *, seed: int, unit: str) -> np.ndarray:
        """Of two neighbours in `order` one is in, the other out; model 2k + 1 is 2k's opposite."""
        if self.models % 2 or self.models < 6:
            raise UserError(f"expected an even number of models from 6 on, got {self.models}")
        membership = np.empty((len(order), self.models), bool)
        for pair in range(self.models // 2):
            random = stream(seed, "membership", unit, pair)
            neighbours = order if unit == "subject" else random.permutation(order)
            coin = random.integers(2, size=(len(order) + 1) // 2).repeat(2)[: len(order)]
            inside = (np.arange(len(order)) + coin) % 2 == 0
            membership[neighbours, 2 * pair] = inside
            membership[neighbours, 2 * pair + 1] = ~inside
        return membership


@dataclass(frozen=True)
class Faces(Protocol):
    """What the photographs are like.

    Attributes:
        view: of the frame.
        resample: filter from 250 to 160 pixels.
    """

    view: str = "aligned"
    resample: str = "bilinear"


@dataclass(frozen=True)
class Search(Protocol):
    """Which options an inverter should have, by Keras Tuner.

    Attributes:
        tuner: its class there.
        objective: figure that a trial is judged by.
        direction: `min` or `max`.
        split: whether `images` or `subjects` are held out.
        view: what the networks see of a frame.
        trials: options that are tried.
        executions: trainings of each, with different seeds; figures are their means.
        epochs: passes over the training images; for a conditional GAN steps.
        resample: filter from 250 to 160 pixels.
    """

    tuner: str
    objective: str
    direction: str
    split: str
    view: str
    trials: int
    executions: int
    epochs: int
    resample: str = "bilinear"


@dataclass(frozen=True)
class Speed(Protocol):
    """Images per second, everyone in turn on the same machine; intervals are minimum and maximum.

    Attributes:
        images: pictures embedded a turn.
        turns: turns counted, after one that warms up.
    """

    images: int = 192
    turns: int = 5


@dataclass(frozen=True)
class Split:
    """Images of a dataset by use; no subject is in two of them.

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
        """The split as a text: `image,part`, a line for each of the N files."""
        part = np.empty(len(files), "U10")
        for name in PARTS:
            part[getattr(self, name)] = name
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["image", "part"])
        rows.writerows(zip(files, part.tolist(), strict=True))
        return text.getvalue()


def read_split(path: Path) -> dict[str, str]:
    """The images of a split that `Split.csv` wrote, in the order of the dataset, and their parts.

    Raises:
        UserError: no such file, or no split.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row["image"]: row["part"] for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"expected a split of images in {path}: {error}") from error


@dataclass(frozen=True)
class Inversion(Protocol):
    """Reconstruction of faces never seen: subjects are split, thresholds come from real impostors.

    Attributes:
        view: what the networks see of a frame.
        resample: filter from 250 to 160 pixels.
        salt: of the hash that assigns a subject.
        shares: of subjects for training, validation and test.
        near_duplicate: cosine above which two images are one photograph; their subjects stay on
            one side.
        always_train: subjects that are trained on whatever their hash.
        fmrs: false match rates at which reconstructions are judged.
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

    def split(self, files: Sequence[str], embeddings: np.ndarray) -> Split:
        """Assign every image, by subject.

        Args:
            files: N names, `subject/image`.
            embeddings: float32 (N, D), unit norm, that near-duplicates are found by; NaN in rows
                of images without one.

        Raises:
            UserError: too few subjects for three parts.
        """
        subjects = np.array([file.split("/")[0] for file in files])
        names, codes = np.unique(subjects, return_inverse=True)
        first, second = near_duplicates(embeddings, above=self.near_duplicate)
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


def near_duplicates(embeddings: np.ndarray, *, above: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of images more similar than a cosine: indices, int (P,) each.

    Args:
        embeddings: float32 (N, D), unit norm.
        above: the cosine.
    """
    rows, columns = [], []
    for start in range(0, len(embeddings), BLOCK):
        similar = embeddings[start : start + BLOCK] @ embeddings[start:].T > above
        row, column = np.nonzero(np.triu(similar, 1))
        rows.append(start + row)
        columns.append(start + column)
    return np.concatenate(rows), np.concatenate(columns)
