"""Inverters by name, and what each costs; shared by the experiments that train."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np

from baselines import private
from baselines.controls import CONTROLS
from baselines.decoders import DECODERS
from baselines.inverter import DecoderInverter
from experiments.common import device
from experiments.own import is_own, load_object, open_inverter, plain_name
from gan_inversion.cgan import ConditionalGAN
from gan_inversion.config import FAMILY, named
from gan_inversion.embedders import Embedder
from gan_inversion.errors import UserError
from gan_inversion.evaluation.attack import one_each
from gan_inversion.inverter import Images, Inverter, check_reconstructions
from gan_inversion.progress import progress
from gan_inversion.run import Run, history
from gan_inversion.storage import read_json, write_text
from gan_inversion.thresholds import read_thresholds

BLOCK = 128  # embeddings inverted at once
KINDS = ("documented", "augmented")  # what the name of a decoder begins with
DONE = "trained.json"  # in a run's folder: what its training took, and on which device
RECORD = Path("inverter") / "record.json"  # in a run's folder: its own, with raw scores beside it
THRESHOLDS = "thresholds.json"  # in a run's folder: of the recogniser that it attacks
HYPOTHESES = 16  # pictures of one embedding, where an inverter has more than one


def build(
    method: str,
    *,
    targets: str,
    epochs: int,
    batch_size: int,
    recogniser: Embedder | None = None,
    smoke: bool = False,
) -> Inverter:
    """The inverter called `method`.

    Args:
        method: a control, a documented decoder, the same `augmented_`, `private_dense`,
            `cgan[_<variant>][_<preset>]`, or `file.py:name`.
        targets, epochs, batch_size: of a documented decoder.
        recogniser: the attacked one, which a conditional GAN may be trained through.
        smoke: a conditional GAN gets the sizes of a rehearsal.
    """
    if is_own(method):
        return open_inverter(method)
    if method in CONTROLS:
        return CONTROLS[method]()
    if method.split("_")[0] == FAMILY:
        return ConditionalGAN(named(method, smoke=smoke), recogniser=recogniser, name=method)
    options: dict[str, Any] = {"targets": targets, "epochs": epochs, "batch_size": batch_size}
    if method == private.NAME:
        return private.PrivateInverter(**options)
    if (chosen := decoder_of(method)) is None:
        decoders = [f"{kind}_{name}" for kind in KINDS for name in DECODERS]
        known = [*CONTROLS, *decoders, private.NAME, FAMILY]
        raise UserError(f"method must be one of {', '.join(known)} or file.py:name, not {method!r}")
    return DecoderInverter(**chosen, **options)


def decoder_of(method: str) -> dict[str, Any] | None:
    """What a decoder's name says of it, as options of `DecoderInverter`; None for other methods."""
    kind, _, decoder = method.partition("_")
    if decoder not in DECODERS or kind not in KINDS:
        return None
    return {"decoder": decoder, "augment": kind == "augmented"}


@dataclass(frozen=True)
class Trained:
    """An inverter that was trained before, opened.

    Attributes:
        folder: of its run.
        method: its name.
        inverter: ready to invert.
        config: the options of its run.
        thresholds: of the recogniser whose embeddings it takes, by false match rate.
    """

    folder: Path
    method: str
    inverter: Inverter
    config: Mapping[str, Any]
    thresholds: Mapping[float, float | None]

    @property
    def embedder(self) -> str:
        """Name of the recogniser whose embeddings it takes."""
        return self.config["embedder"]["name"]


def open_trained(folder: Path, *, own: str | None = None) -> Trained:
    """The inverter that a run of `experiments.train` or `inversion` saved in its folder.

    Nothing that a file names is ever imported: a user's own class comes from the command line.

    Args:
        folder: of the run.
        own: `file.py:name` of a user's own class, if the run was one of it.

    Raises:
        UserError: there is none, or its files are damaged.
    """
    config = trained_config(folder)
    method = str(config["method"])
    base = training_size(method)[0]
    if own is not None and plain_name(own) == method:
        kind = load_object(own)
        if not hasattr(kind, "load"):
            raise UserError(f"expected a class with save and load in {own}, got {kind!r}")
    elif is_own(method) or config.get("source_digest"):
        raise UserError(
            f"{folder} was trained by code of its own, {method}, which is not run for a file "
            "naming it: give the file.py:name that you trust as --own"
        )
    else:
        kind = type(build(base, targets="corrected", epochs=1, batch_size=1))
    try:
        inverter = kind.load(folder / "inverter")
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        EOFError,
        BadZipFile,
        AttributeError,
    ) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"{folder / 'inverter'} is not a readable trained inverter: {reason}"
        ) from error
    lines = read_thresholds(folder / THRESHOLDS)
    return Trained(folder, method, inverter, config, {line.fmr: line.threshold for line in lines})


def trained_config(folder: Path) -> dict[str, Any]:
    """The options of a run that saved an inverter.

    Raises:
        UserError: there is none.
    """
    path = folder / "config.json"
    if not path.exists() or not (folder / "inverter").is_dir():
        raise UserError(f"expected a run with a trained inverter in {folder}, found none")
    config = read_json(path, dict)
    embedder = config.get("embedder")
    if "method" not in config or not isinstance(embedder, dict) or "name" not in embedder:
        raise UserError(
            f"{path}: expected the method and the embedder of a run of experiments.inversion"
        )
    return config


def training_size(method: str) -> tuple[str, int | None]:
    """Split `ridge_pca_n500` into `ridge_pca` and 500; None without a size."""
    found = re.fullmatch(r"(.+)_n([1-9]\d*)", method)
    return (found[1], int(found[2])) if found and not is_own(method) else (method, None)


def train(
    inverter: Inverter, embeddings: np.ndarray, images: Images, *, seed: int, run: Run
) -> float:
    """Fit an inverter and save it in the run's folder; seconds, those before a resume included."""
    start = time.perf_counter()
    inverter.fit(embeddings, images, seed=seed, run=run)
    seconds = time.perf_counter() - start
    seconds = logged_seconds(run) or seconds
    if hasattr(inverter, "save"):  # a user's own need not have it
        inverter.save(run.folder / "inverter")
        # Written last: whoever finds it finds all of the inverter.
        done = {"seconds": seconds, "device": device()}
        write_text(run.folder / DONE, json.dumps(done) + "\n")
    return seconds


def training_of(run: Run) -> tuple[float, str] | None:
    """Seconds of a run's training, and the device that ended it; None if it did not end."""
    path = run.folder / DONE
    if not path.exists():
        return None
    try:
        done = read_json(path, dict)
        return float(done["seconds"]), str(done["device"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: remove it, and the run is trained anew") from error


def logged_seconds(run: Run) -> float:
    """What training took by its logs, also of what came before it, a surrogate for one."""
    logs = sorted([run.folder / "log.jsonl", *run.folder.glob("[!.]*/log.jsonl")])
    return sum(line["seconds"] for log in logs for line in history(log) if "seconds" in line)


def reconstruct(
    inverter: Inverter, embeddings: np.ndarray, **options: int
) -> tuple[np.ndarray, float]:
    """Invert embeddings, float32 (N, D): uint8 (N, 160, 160, 3), and milliseconds a picture."""
    pictures, seconds = [], 0.0
    with progress(total=len(embeddings), desc="inverting", unit="image") as bar:
        for start in range(0, len(embeddings), BLOCK):
            block = embeddings[start : start + BLOCK]
            clock = time.perf_counter()
            found = inverter.invert(block, **options)
            seconds += time.perf_counter() - clock
            pictures.append(check_reconstructions(found, len(block)))
            bar.update(len(block))
    return np.concatenate(pictures), 1000 * seconds / len(embeddings)


def has_hypotheses(inverter: Inverter) -> bool:
    """Whether an inverter has several pictures to give for one embedding."""
    return isinstance(inverter, ConditionalGAN) and inverter.settings.noise > 0


def invert_again(
    inverter: Inverter, embeddings: np.ndarray, subjects: np.ndarray
) -> np.ndarray | None:
    """Several reconstructions of one image of each subject that has two; None if there are none.

    Args:
        inverter: fitted.
        embeddings: float32 (N, D).
        subjects: (N,), subject of each.

    Returns:
        uint8 (K, S, 160, 160, 3).
    """
    if not has_hypotheses(inverter):
        return None
    chosen = embeddings[one_each(subjects)]
    return np.stack([reconstruct(inverter, chosen, hypothesis=k)[0] for k in range(HYPOTHESES)])


def dimension_of(inverter: Inverter) -> int | None:
    """Components of the embeddings that a fitted inverter takes; None where it does not say."""
    model = getattr(inverter, "model", None)
    if isinstance(model, keras.Model):
        return int(model.inputs[0].shape[-1])
    found = getattr(inverter, "dimension", None)
    return None if found is None else int(found)


def parameters(inverter: Inverter) -> int:
    """Trainable and fixed parameters of an inverter; 0 for one without a network."""
    model = getattr(inverter, "model", None)
    return model.count_params() if isinstance(model, keras.Model) else 0
