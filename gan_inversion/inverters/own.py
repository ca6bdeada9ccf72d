"""A user's own inverter: a class with `fit` and `invert`, or a function."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.own import load_object, source_digest
from gan_inversion.core.run import Run
from gan_inversion.core.storage import read_file, write_text
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.base import Inverter, check_fit
from gan_inversion.inverters.families import MethodSpec, own_name

FAMILY = "own"
FITTED = "dimension.txt"  # beside what the user's own code saved


@dataclass(frozen=True)
class Own:
    """Where a user's own inverter is defined.

    Attributes:
        source: `file.py:name`, from the command line alone.
        source_digest: SHA-256 of the file.
        knowledge: `black_box` or `white_box`, as in `Inverter`.
    """

    source: str
    source_digest: str
    knowledge: str = "black_box"


def own_spec(source: str, *, knowledge: str = "black_box") -> MethodSpec:
    """The spec of the inverter in `file.py:name`."""
    load_object(source)  # a missing file is reported before any work
    options = Own(source, source_digest(source), knowledge)
    return MethodSpec(own_name(source), FAMILY, options, preset=FAMILY)


class OwnInverter(Inverter):
    """A user's class, or function, as an inverter.

    Args:
        name: for records.
        wrapped: an object with `fit` and `invert`, or a function from float32 (N, D) to images,
            which was trained elsewhere.
    """

    def __init__(self, name: str, wrapped: Any):
        self.name, self._own = name, wrapped
        self._trains = all(hasattr(wrapped, part) for part in ("fit", "invert"))
        if not self._trains and not callable(wrapped):
            raise UserError(f"expected a function or an inverter under {name}, got {wrapped!r}")
        self.saves = self._trains and hasattr(wrapped, "save") and hasattr(type(wrapped), "load")
        self.knowledge = getattr(wrapped, "knowledge", "black_box")
        self._fitted: int | None = None  # components of the embeddings that it was fitted on

    @property
    def config(self) -> Mapping[str, Any]:  # type: ignore[override]
        return getattr(self._own, "config", {})

    @property
    def dimension(self) -> int | None:  # type: ignore[override]
        return getattr(self._own, "dimension", self._fitted)

    @classmethod
    def made(cls, options: Own, *, name: str, recogniser: Any = None) -> "OwnInverter":
        definition = load_object(options.source)
        inverter = cls(name, definition() if isinstance(definition, type) else definition)
        inverter.knowledge = options.knowledge
        return inverter

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        self._fitted = embeddings.shape[1]
        if self._trains:
            self._own.fit(embeddings, images, seed=seed, run=run)

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        return np.asarray((self._own.invert if self._trains else self._own)(embeddings))

    def save(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._own.save(path)
        if self._fitted is not None:
            write_text(path / FITTED, f"{self._fitted}\n")

    def reopened(self, path: Path) -> Inverter:
        return _opened(self.name, type(self._own), path)

    @classmethod
    def load(cls, path: Path) -> Self:
        raise UserError(f"{path}: expected the file.py:name of its class")


def load_own(source: str, path: Path) -> OwnInverter:
    """Load what the inverter in `file.py:name` saved in a folder.

    Raises:
        UserError: it has no save and load.
    """
    kind = load_object(source)
    if not hasattr(kind, "load"):
        raise UserError(f"expected a class with save and load in {source}, got {kind!r}")
    return _opened(own_name(source), kind, path)


def _opened(name: str, kind: Any, path: Path) -> OwnInverter:
    inverter = OwnInverter(name, kind.load(path))
    if (path / FITTED).exists():  # not in the runs of older versions
        inverter._fitted = int(read_file(path / FITTED))
    return inverter
