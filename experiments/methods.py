"""Inverters by name, and what each costs; shared by the experiments that train."""

import json
import re
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from baselines import private
from baselines.controls import CONTROLS
from baselines.decoders import DECODERS
from baselines.inverter import DecoderInverter
from experiments.common import device
from experiments.own import is_own, open_inverter
from gan_inversion.cgan import ConditionalGAN
from gan_inversion.config import FAMILY, named
from gan_inversion.embedders import Embedder
from gan_inversion.errors import UserError
from gan_inversion.evaluation.attack import one_each
from gan_inversion.inverter import Images, Inverter, check_reconstructions
from gan_inversion.progress import progress
from gan_inversion.record import Record
from gan_inversion.run import Run, history
from gan_inversion.storage import write_text

BLOCK = 128  # embeddings inverted at once
KINDS = ("documented", "augmented")  # what the name of a decoder begins with
DEVICE = "device.txt"  # in a run's folder: what it was trained on
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


def open_trained(folder: Path) -> Inverter:
    """The inverter that a run of `experiments.inversion` saved in its folder.

    Raises:
        UserError: there is none.
    """
    method = trained_config(folder)["method"]
    kind = type(build(training_size(method)[0], targets="corrected", epochs=1, batch_size=1))
    return kind.load(folder / "inverter")


def trained_config(folder: Path) -> dict[str, Any]:
    """The options of a run that saved an inverter.

    Raises:
        UserError: there is none.
    """
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "method" not in config or not (folder / "inverter").is_dir():
        raise UserError(f"expected a run with a trained inverter in {folder}, found none")
    return config


def attacked(folder: Path) -> str:
    """Name of the recogniser whose embeddings a run's inverter takes.

    Raises:
        UserError: the run has no record yet.
    """
    path = folder / "inverter" / "record.json"
    if not path.exists():
        raise UserError(f"expected the record of a finished run in {path}, found none")
    return Record.read(path).embedder


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
    write_text(run.folder / DEVICE, device())
    if hasattr(inverter, "save"):  # a user's own need not have it
        inverter.save(run.folder / "inverter")
    return logged_seconds(run) or seconds


def trained_on(run: Run) -> str:
    """The device that ended a run's training, which may be another than the one that examines."""
    path = run.folder / DEVICE
    return path.read_text(encoding="utf-8") if path.exists() else device()


def logged_seconds(run: Run) -> float:
    """What training took by its logs, also of what came before it, a surrogate for one."""
    logs = sorted([run.folder / "log.jsonl", *run.folder.glob("[!.]*/log.jsonl")])
    return sum(line["seconds"] for log in logs for line in history(log) if "seconds" in line)


def is_trained(run: Run) -> bool:
    """Whether a run was trained to its end, with a log: then only its record can be missing."""
    ended = (run.folder / "inverter").is_dir() and not run.checkpoint.exists()
    return ended and logged_seconds(run) > 0


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


def parameters(inverter: Inverter) -> int:
    """Trainable and fixed parameters of an inverter; 0 for one without a network."""
    model = getattr(inverter, "model", None)
    return model.count_params() if isinstance(model, keras.Model) else 0
