"""A black-box attack by translation: the victim's embeddings, mapped to a recogniser of one's own.

The attacker has photographs with the victim's embeddings, a recogniser of his own, and an inverter
that was trained, white box, on his own recogniser's embeddings. A linear map from the victim's
embeddings to his own is fitted on the photographs; then his inverter inverts what it gives. It
takes seconds for each new victim.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np

from gan_inversion.cgan.adapter_options import AdapterOptions
from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.run import Run
from gan_inversion.core.storage import (
    manifest_digest,
    read_json,
    sha256_file,
    write_arrays,
    write_text,
)
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.base import Inverter, check_fit, check_invert
from gan_inversion.inverters.families import FAMILIES
from gan_inversion.inverters.trained import RECORD, open_trained, trained_config
from gan_inversion.inverters.translation import LEAKS, Translation, leaked
from gan_inversion.metrics.attack import rejected
from gan_inversion.recognisers import embed_unnamed, open_recogniser

SAME = ("data_digest", "split", "seed")  # options of runs that must agree
# Smaller ones translate better, but to directions at which the victim, which accepts, does not look
# (docs/cgan.md).
PENALTIES = np.logspace(-4, 4, 9)


class Adapter(Inverter):
    """Translates the victim's embeddings to those of one's own recogniser, and inverts these.

    Args:
        options: the attacker's own recogniser, and the method of his inverter.
        name: of the method.
    """

    def __init__(self, options: AdapterOptions, *, name: str = "adapter"):
        self.options, self.name = options, name
        self.config: dict[str, Any] = asdict(options)
        self.inverter: Inverter | None = None
        self.family = ""
        self.translation: Translation | None = None

    @classmethod
    def made(cls, options: AdapterOptions, *, name: str, recogniser: Any = None) -> Self:
        return cls(options, name=name)

    @property
    def parameters(self) -> int:
        return self.inverter.parameters if self.inverter else 0

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        if run is None:
            raise UserError(f"{self.name} looks for its inverter beside its run: expected a run")
        own = open_recogniser(self.options.own)
        folder = self._beside(run, own.name, seed)
        opened = open_trained(folder)
        if opened.config["victim"].get("digest") != own.digest:
            raise UserError(f"{folder} inverts embeddings of another {own.name} than this one")
        self.inverter, self.family = opened.inverter, opened.config["family"]
        self.inverter.attack_by(own)
        files = [file for file in (folder / "inverter").iterdir() if file.stem != RECORD.stem]
        digests = {file.name: sha256_file(file) for file in files}
        self.config["generator_digest"] = manifest_digest(digests)
        theirs = embed_unnamed(own, images, kind="photographs")  # once for all leaks
        usable = ~rejected(theirs)
        known = leaked(embeddings[usable], self.options.leak)
        self.translation = Translation.learned(known, theirs[usable], penalties=PENALTIES)
        self.dimension = embeddings.shape[1]

    def _beside(self, run: Run, own: str, seed: int) -> Path:
        """The run of the attacker's inverter, on the same photographs and split.

        Raises:
            UserError: there is none.
        """
        mine = read_json(run.folder / "config.json", dict)
        wanted = {name: mine.get(name) for name in SAME}
        others = []
        for folder in sorted(run.folder.parent.glob(f"{self.options.generator}-*-s{seed}")):
            if (folder / "inverter").is_dir() and folder != run.folder:
                config = trained_config(folder)
                if config["victim"]["name"] == own and config["method"] == self.options.generator:
                    given = {name: config.get(name) for name in SAME}
                    if given == wanted:
                        return folder
                    others.append(f"; {folder} has {given}, expected {wanted}")
        method = self.options.generator
        raise UserError(
            f"{self.name} needs {method}, trained on {own}, in {run.folder.parent}: run `python -m "
            f"experiments.train {method} --victim {own} --seed {seed}`" + "".join(others)
        )

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        """Reconstruct float32 (N, 160, 160, 3) in [0, 1] from the victim's embeddings.

        One reconstruction each, also where the attacker's inverter could give several.

        Args:
            embeddings: float (N, D), whole: what is not leaked is not looked at.
        """
        if self.inverter is None or self.translation is None:
            raise UserError(f"{self.name} must be fitted or loaded before it inverts")
        check_invert(embeddings, int(self.dimension or 0))
        part = leaked(embeddings, self.options.leak)
        return self.inverter.invert(self.translation(part))

    def save(self, path: Path) -> None:
        if self.inverter is None or self.translation is None:
            raise UserError(f"{self.name} must be fitted before it is saved")
        self.inverter.save(path / "own")
        state = {"weights": self.translation.weights, "intercept": self.translation.intercept}
        write_arrays(path / "translation.npz", state)
        header = {"name": self.name, "family": self.family, "dimension": self.dimension}
        header |= self.config
        write_text(path / "inverter.json", json.dumps(header))

    @classmethod
    def load(cls, path: Path) -> Self:
        header = read_json(path / "inverter.json", dict)
        try:
            options = AdapterOptions(header["own"], header["generator"], header["leak"])
            adapter = cls(options, name=header["name"])
            adapter.family = header["family"]
            family, _ = FAMILIES[adapter.family], LEAKS[options.leak]
        except (KeyError, TypeError) as error:
            raise UserError(f"{path / 'inverter.json'} is not of this version: {error}") from error
        adapter.config["generator_digest"] = header.get("generator_digest")
        adapter.inverter = family.kind.load(path / "own")
        arrays = read_arrays(path / "translation.npz")
        probe = np.ones((1, header["dimension"]), "float32") if _is_size(header) else None
        if set(arrays) != {"weights", "intercept"} or probe is None:
            raise UserError(f"{path} holds no adapter: expected weights, intercept and a dimension")
        adapter.translation, adapter.dimension = Translation(**arrays), header["dimension"]
        if leaked(probe, options.leak).shape[1] != len(arrays["weights"]):
            count = adapter.dimension
            raise UserError(f"{path}: its map does not fit embeddings of {count} numbers")
        return adapter


def _is_size(header: dict[str, Any]) -> bool:
    """Whether a saved adapter says how many numbers the victim's embeddings have."""
    size = header.get("dimension")
    return isinstance(size, int) and 0 < size < 1_000_000
