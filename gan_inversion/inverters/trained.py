"""Trained inverters in the folders of their runs: training, saving, loading, inverting."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.device import device
from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.older import todays_run
from gan_inversion.core.progress import progress
from gan_inversion.core.run import Run, history
from gan_inversion.core.storage import read_json, write_text
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.base import Inverter, check_reconstructions
from gan_inversion.inverters.families import FAMILIES, own_name
from gan_inversion.inverters.own import FAMILY as OWN
from gan_inversion.inverters.own import load_own
from gan_inversion.metrics.reconstruction import channel_accuracy, mse

BLOCK = 128  # embeddings inverted at once
DONE = "trained.json"  # in a run's folder: how long its training took, and on which device
RECORD = Path("inverter") / "record.json"  # in a run's folder: its own, with raw scores beside it
THRESHOLDS = "thresholds.json"  # in a run's folder: of the recogniser that it attacks
HYPOTHESES = 16  # reconstructions of one embedding, where an inverter gives several


@dataclass(frozen=True)
class Trained:
    """A trained inverter, loaded from the folder of its run.

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
    def victim(self) -> str:
        """Name of the recogniser whose embeddings it takes."""
        return self.config["victim"]["name"]


def open_trained(folder: Path, *, own: str | None = None) -> Trained:
    """The inverter that a run of `experiments.train` or `inversion` saved in its folder.

    Code that a file names is never imported: a user's own class comes from the command line.

    Args:
        folder: of the run.
        own: `file.py:name` of a user's own class, if the run was one of it.

    Raises:
        UserError: there is no such inverter, or its files are damaged.
    """
    config = trained_config(folder)
    method = str(config["method"])
    family = config["family"]
    if family == OWN and (own is None or own_name(own) != method):
        raise UserError(
            f"{folder} was trained by code of its own, {method}, which is not run for a file "
            "naming it: give the file.py:name that you trust as --own"
        )
    if family != OWN and family not in FAMILIES:
        raise UserError(f"{folder}: expected a family of {', '.join(FAMILIES)}, got {family!r}")
    try:
        place = folder / "inverter"
        inverter = load_own(str(own), place) if family == OWN else FAMILIES[family].kind.load(place)
    except UserError:
        raise
    except Exception as error:  # damaged files may raise anything
        raise UserError(
            f"{folder / 'inverter'} is not a readable trained inverter: {one_line(error)}"
        ) from error
    lines = read_thresholds(folder / THRESHOLDS)
    victim = config["victim"]
    for line in lines:
        theirs = {"name": line.recogniser, "digest": line.recogniser_digest}
        if any(victim.get(name, value) != value for name, value in theirs.items()):
            raise UserError(
                f"{folder / THRESHOLDS}: expected thresholds of {victim['name']}, whose embeddings "
                f"are inverted, got those of {line.recogniser} {line.recogniser_digest[:12]}"
            )
    return Trained(folder, method, inverter, config, {line.fmr: line.threshold for line in lines})


def trained_config(folder: Path) -> dict[str, Any]:
    """The options of a run that saved an inverter.

    Raises:
        UserError: there is none.
    """
    path = folder / "config.json"
    if not path.exists():
        raise UserError(f"expected a run with a trained inverter in {folder}, found none")
    config = todays_run(read_json(path, dict))
    if not (folder / "inverter").is_dir():
        raise UserError(
            f"expected a run with a trained inverter in {folder}, whose run saved none: its "
            "training is not finished, or it is code of its own without save and load"
        )
    victim = config.get("victim")
    texts = [config.get("method"), config.get("family")]
    texts.append(victim.get("name") if isinstance(victim, dict) else None)
    if not all(isinstance(text, str) for text in texts):
        raise UserError(
            f"{path}: expected the method and the victim of a run of experiments.inversion"
        )
    return config


def train(
    inverter: Inverter, embeddings: np.ndarray, images: Images, *, seed: int, run: Run
) -> float:
    """Fit and save an inverter; return the seconds, those before a resume included."""
    start = time.perf_counter()
    inverter.fit(embeddings, images, seed=seed, run=run)
    seconds = time.perf_counter() - start
    seconds = logged_seconds(run) or seconds
    if inverter.saves:
        inverter.save(run.folder / "inverter")
        # Written last: where this file exists, the inverter is complete.
        done = {"seconds": seconds, "device": device()}
        write_text(run.folder / DONE, json.dumps(done) + "\n")
    return seconds


def training_of(run: Run) -> tuple[float, str] | None:
    """Seconds of a run's training and the device it ended on; None if it is not finished."""
    path = run.folder / DONE
    if not path.exists():
        return None
    try:
        done = read_json(path, dict)
        return float(done["seconds"]), str(done["device"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: remove it, and the run is trained anew") from error


def logged_seconds(run: Run) -> float:
    """Seconds of training by the logs, those of a surrogate trained before included."""
    logs = sorted([run.folder / "log.jsonl", *run.folder.glob("[!.]*/log.jsonl")])
    return sum(line["seconds"] for log in logs for line in history(log) if "seconds" in line)


def reconstruct(
    inverter: Inverter, embeddings: np.ndarray, **options: int
) -> tuple[np.ndarray, float]:
    """Invert embeddings, float32 (N, D): uint8 (N, 160, 160, 3), and milliseconds per image."""
    pictures, seconds = [], 0.0
    with progress(total=len(embeddings), desc="inverting", unit="image") as bar:
        for start in range(0, len(embeddings), BLOCK):
            block = embeddings[start : start + BLOCK]
            clock = time.perf_counter()
            outputs = inverter.invert(block, **options)
            seconds += time.perf_counter() - clock
            pictures.append(check_reconstructions(outputs, len(block)))
            bar.update(len(block))
    return np.concatenate(pictures), 1000 * seconds / len(embeddings)


def score(
    inverter: Inverter, embeddings: np.ndarray, images: Images, *, span: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Loss (in the target range, `span` wide) and `accuracy` of each image; ms per inversion."""
    losses, accuracies, seconds = [], [], 0.0
    for start in range(0, len(embeddings), BLOCK):
        block = slice(start, start + BLOCK)
        originals = images[block].astype("float32") / 255
        clock = time.perf_counter()
        reconstructions = inverter.invert(embeddings[block])
        seconds += time.perf_counter() - clock
        losses.append(mse(originals, reconstructions) * span**2)
        accuracies.append(channel_accuracy(originals, reconstructions))
    milliseconds = 1000 * seconds / len(embeddings)
    return np.concatenate(losses), np.concatenate(accuracies), milliseconds
