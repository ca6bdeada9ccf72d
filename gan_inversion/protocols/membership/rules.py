"""The rules of the `membership` protocol: who is a member of which model, and who is audited."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.inverters.families import FAMILIES, MethodSpec
from gan_inversion.protocols.base import Protocol, near_duplicates

END = 100  # per cent of a training
USUAL = 10  # epochs after which an audited method has its plain name


@dataclass(frozen=True)
class Pool:
    """Rows of a membership matrix, and the images behind them.

    Attributes:
        membership: bool (R, M), whether a row is a member of a model.
        trained, trained_row: int (T,), images that models are trained on, and their rows.
            An image whose row is -1 is trained on by every model.
        audited, audited_row: int (A,), images that models are audited on, and their rows.
        shown, asked: int (T,) and (A,), the image whose pixels stand for each of `trained` and
            `audited`; of a canary it is another one's. None: its own.
    """

    membership: np.ndarray
    trained: np.ndarray
    trained_row: np.ndarray
    audited: np.ndarray
    audited_row: np.ndarray
    shown: np.ndarray | None = None
    asked: np.ndarray | None = None

    def members(self) -> np.ndarray:
        """Which model is trained on which of the images `trained`, bool (T, M)."""
        return self.membership[self.trained_row] | (self.trained_row < 0)[:, None]

    def of(self, candidates: np.ndarray) -> "Pool":
        """The same pool, its images as indices into a dataset: `candidates` (N,) are theirs."""
        return replace(
            self,
            trained=candidates[self.trained],
            audited=candidates[self.audited],
            shown=None if self.shown is None else candidates[self.shown],
            asked=None if self.asked is None else candidates[self.asked],
        )


@dataclass(frozen=True)
class Membership(Protocol):
    """Does an inverter remember whom it was trained on? Every model is in turn the target.

    Attributes:
        view: the part of a frame that the networks see, `whole` or `aligned`.
        resample: filter that resizes this part to 160x160 pixels.
        models: number of models for each unit. Every second model is trained on those images or
            subjects that the one before it is not, so that each is in half of the models.
        fprs: false positive rates at which true positive rates are computed; scores of all
            targets are pooled.
        shadows: which other models are a target's shadows. `matched`: where every image is in
            equally many models, one model of opposite membership is left out for each image. The
            number of shadows with an image then does not reveal whether the target has it.
        near_duplicate: cosine above which two images count as the same photograph.
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
        """Draw the images or subjects of a study, and the models that each is a member of.

        Of near-duplicates only the first is kept: the other would nearly be a member with it.

        Args:
            unit: `image`, `subject` or `canary`. A subject has two images or more, half of which
                are never trained on. A canary is an embedding with the image of somebody else,
                which only a model that was trained on it can know; half of the images that a model
                is trained on are canaries, and the other half is the same for all models.
            subjects: (N,), subject of each image that may be drawn.
            embeddings: float32 (N, D), unit norm, to find near-duplicates.
            size: approximate number of images to train each model on; by default half of all.
            seed: for every choice.

        Raises:
            UserError: there are too few images.
        """
        _, later = near_duplicates(embeddings, above=self.near_duplicate)
        kept = np.setdiff1d(np.arange(len(subjects)), later)
        random = stream(seed, "membership", unit, "pool")
        kept = random.permutation(kept)
        if unit == "canary":
            return self._canaries(kept, len(kept) // 2 if size is None else size, seed=seed)
        if unit == "image":
            drawn = np.sort(kept if size is None else kept[: 2 * size])
            wanted, rows = drawn, np.arange(len(drawn))
            audited, audited_row, membership = wanted, rows, self.images(len(drawn), seed=seed)
        else:
            # Each image's place among those of its subject, in random order.
            names, code = np.unique(subjects[kept], return_inverse=True)
            place = np.empty(len(kept), int)
            for person in range(len(names)):
                own = np.flatnonzero(code == person)
                place[own] = np.arange(len(own))
            counts = np.bincount(code)
            trained = (counts + 1) // 2
            people = random.permutation(np.flatnonzero(counts > 1))
            if size is not None:
                people = people[: np.searchsorted(np.cumsum(trained[people]), 2 * size) + 1]
            row = np.full(len(names), -1)
            row[people] = np.arange(len(people))
            in_pool = row[code] >= 0
            inside = place < trained[code]
            wanted, rows = kept[in_pool & inside], row[code[in_pool & inside]]
            audited, audited_row = kept[in_pool & ~inside], row[code[in_pool & ~inside]]
            membership = self.subjects(trained[people], seed=seed)
        if size is not None and len(wanted) < 2 * size:
            raise UserError(
                f"expected {2 * size} images to train on for {unit}s in and out, got {len(wanted)}"
            )
        return Pool(membership, wanted, rows, audited, audited_row)

    def _canaries(self, kept: np.ndarray, size: int, *, seed: int) -> "Pool":
        """As many canaries as images that each model is trained on, and half as many plain ones."""
        if len(kept) < size + size // 2:
            raise UserError(
                f"expected {size + size // 2} images for canaries and others, got {len(kept)}"
            )
        canaries, plain = kept[:size], kept[size : size + size // 2]
        rows = np.arange(size)
        pictures = np.roll(canaries, 1)
        return Pool(
            self.images(size, seed=seed),
            trained=np.concatenate([canaries, plain]),
            trained_row=np.concatenate([rows, np.full(len(plain), -1)]),
            audited=canaries,
            audited_row=rows,
            shown=np.concatenate([pictures, plain]),
            asked=pictures,
        )

    def images(self, count: int, *, seed: int) -> np.ndarray:
        """Membership of images, bool (count, models)."""
        return self._halves(np.arange(count), seed=seed, unit="image")

    def subjects(self, images: np.ndarray, *, seed: int) -> np.ndarray:
        """Membership of subjects, bool (S, models); halves are matched on the number of images.

        Args:
            images: int (S,), images of each subject.
            seed: for the order of subjects with equally many images.
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


def labels(spec: MethodSpec, epochs: Sequence[int], shares: Sequence[int] = ()) -> dict[int, str]:
    """Moment of an audit -> name of the method in its record.

    Moments are epochs of a family that is trained together; of all others, percentages of the
    training, of which there is always 100, the end.
    """
    if FAMILIES[spec.family].together:
        return {e: spec.name if e == USUAL else f"{spec.name}_e{e}" for e in epochs}
    return {share: f"{spec.name}_p{share}" for share in shares} | {END: spec.name}
