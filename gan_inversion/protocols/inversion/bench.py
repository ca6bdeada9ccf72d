"""The faces, their split, and the recognisers that reconstructions are shown to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.own import is_own
from gan_inversion.core.record import Selection
from gan_inversion.core.storage import write_text
from gan_inversion.core.thresholds import Threshold
from gan_inversion.data import Dataset, Subset
from gan_inversion.data.source import Source
from gan_inversion.metrics.attack import rejected
from gan_inversion.protection import SCHEMES
from gan_inversion.protocols.inversion.rules import Inversion, Split
from gan_inversion.protocols.verification.thresholds import borrowed_thresholds, set_thresholds
from gan_inversion.recognisers import Recogniser, embed_view, name_of, open_recogniser


@dataclass(frozen=True)
class Setting:
    """The options of a `Bench`: plain data, which can be sent to a worker on another machine.

    Attributes:
        source: where the faces come from.
        victim: the attacked recogniser, by name or as `file.py:name`.
        judges: independent recognisers, given like the victim.
        results: folder that holds the threshold registry and the splits.
        part: the subjects to examine on, `test` or `validation`.
        thresholds: a registry of thresholds set on other data; None to set them on this data.
    """

    source: Source
    victim: str
    judges: tuple[str, ...] = ()
    results: Path = Path("results")
    part: str = "test"
    thresholds: Path | None = None

    @property
    def selection(self) -> Selection:
        """Which records are made with these options."""
        return Selection(self.source.dataset, self.part, name_of(self.victim))


@dataclass(frozen=True)
class Judge:
    """A recogniser that reconstructions are shown to.

    Attributes:
        recogniser: the recogniser.
        embeddings: float32 (N, D), of all images of the dataset.
        thresholds: false match rate -> threshold, set on pairs of real impostors.
    """

    recogniser: Recogniser
    embeddings: np.ndarray
    thresholds: Mapping[float, Threshold]

    @property
    def accepts_from(self) -> dict[float, float | None]:
        """False match rate -> least accepted score; None where too few pairs resolve the rate."""
        return {fmr: line.threshold for fmr, line in self.thresholds.items()}

    @property
    def impostors(self) -> str:
        """Subjects and data set whose impostor pairs set the thresholds, in words."""
        line = next(iter(self.thresholds.values()))
        return f"{line.subjects}, {line.dataset} {line.data_digest[:12]}"


@dataclass(frozen=True)
class Bench:
    """All that an examination of reconstructions needs, whichever inverter made them.

    Attributes:
        protocol: the rules.
        dataset: the faces.
        images: uint8 (N, 160, 160, 3), the faces in the protocol's view.
        split: images to train, validate and test on; those that the victim rejects are in no part.
        judges: the victim first, independent recognisers after it.
        test_images: int (A,), indices of all test images, those that the victim rejects included.
        part: the subjects that `split.test` holds, `test` or `validation`.
        protection: scheme that protects the embeddings, a key of `protection.SCHEMES`.
    """

    protocol: Inversion
    dataset: Dataset
    images: np.ndarray
    split: Split
    judges: Sequence[Judge]
    test_images: np.ndarray
    part: str = "test"
    protection: str = "none"

    @property
    def victim(self) -> Judge:
        """The recogniser whose embeddings are inverted."""
        return self.judges[0]

    @property
    def templates(self) -> np.ndarray:
        """Template of each image: what the victim's system stores, and an attacker inverts."""
        return SCHEMES[self.protection].protect(self.victim.embeddings, key=0)

    @property
    def subjects(self) -> np.ndarray:
        """Subject of each test image."""
        return self.dataset.subjects[self.split.test]

    @property
    def originals(self) -> Subset:
        """The test images."""
        return Subset(self.images, self.split.test)


def open_bench(setting: Setting) -> Bench:
    """Open the data, split it, and set the thresholds before any reconstruction is seen."""
    protocol, dataset = Inversion(), setting.source.open()
    framing = {"view": protocol.view, "resample": protocol.resample}
    attacked = open_recogniser(setting.victim)
    victim_embeddings = embed_view(attacked, dataset, **framing)
    split = protocol.split(dataset.files, victim_embeddings, dataset.duplicates)
    path = setting.results / "splits" / f"{dataset.name}-{split.hash}.csv"
    write_text(path, split.csv(dataset.files))
    judges: list[Judge] = []
    names = [name_of(judge) for judge in setting.judges]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"expected judges with names of their own, got {twice[0]} twice")
    given = [*zip(setting.judges, names, strict=True)]
    for judge, name in given:
        if name == attacked.name and judge != setting.victim and is_own(judge):
            raise UserError(f"expected judges with names of their own, got {judge} as the victim's")
    others = [judge for judge, name in given if name != attacked.name]
    for recogniser in (attacked, *map(open_recogniser, others)):
        embeddings = (
            victim_embeddings
            if recogniser is attacked
            else embed_view(recogniser, dataset, **framing)
        )
        if setting.thresholds is not None:
            thresholds = borrowed_thresholds(
                setting.thresholds, recogniser, dataset, protocol=protocol
            )
        else:
            thresholds = set_thresholds(
                setting.results / "thresholds.json",
                recogniser,
                dataset,
                embeddings,
                protocol=protocol,
                split=split,
            )
        judges.append(Judge(recogniser, embeddings, thresholds))
    # Images without an embedding cannot be inverted; the examination counts them.
    if setting.part == "validation":
        split = replace(split, test=split.validation)
    usable = split.without(rejected(judges[0].embeddings))
    images = dataset.view(protocol.view, resample=protocol.resample)
    return Bench(protocol, dataset, images, usable, judges, split.test, setting.part)
