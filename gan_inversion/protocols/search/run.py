"""Searches by Keras Tuner: the thesis' own, an honest one, and one of the GAN's loss weights."""

import importlib
import json
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import bare_spec, entry_name, metric
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import read_json, write_arrays, write_text
from gan_inversion.metrics.attack import rejected
from gan_inversion.protocols.documented.rules import Documented
from gan_inversion.protocols.inversion.bench import Bench
from gan_inversion.protocols.records import Entry
from gan_inversion.protocols.search.figures import figures
from gan_inversion.protocols.search.rules import Search
from gan_inversion.recognisers import embed_view

SCORES = "scores.npz"  # of one training, in its folder


@dataclass
class SearchSetup:
    """What the trials of a search need, and where they write to.

    Attributes:
        name: of the search.
        protocol: the search.
        searcher: module that defines the options to choose from, and trains with them.
        seed: of the tuner, of weights and of order.
        runs: folder of the runs.
        smoke: whether it is a rehearsal.
        bench: data set and recogniser.
        images: uint8 (N, 160, 160, 3), the protocol's view of all.
        embeddings: float32 (N, D), of these images.
        train, held_out: indices of images to train on, and to validate on.
        trials: options and losses of each trial, as they come.
    """

    name: str
    protocol: Search
    searcher: Any
    seed: int
    runs: Path
    smoke: bool
    bench: Bench
    images: np.ndarray
    embeddings: np.ndarray
    train: np.ndarray
    held_out: np.ndarray
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Folder for all files of the search."""
        victim = self.bench.victim.recogniser.name
        label = entry_name(self.name, self.bench.dataset.name, self.seed, victim=victim)
        return self.runs / self.protocol.name / label


def search(setup: SearchSetup) -> None:
    """Let the tuner run its trials; `setup.trials` holds them afterwards."""
    protocol = setup.protocol
    base: Any = getattr(keras_tuner, protocol.tuner)

    class Tuner(base):
        def run_trial(self, trial: Any, *arguments: Any, **options: Any) -> list[dict[str, float]]:
            results = []
            for execution in range(protocol.executions):
                start = time.perf_counter()
                folder = setup.folder / f"trial-{trial.trial_id}-{execution}"
                seed = setup.seed + execution
                figures, scores = setup.searcher.train(
                    trial.hyperparameters.values, folder, seed, setup
                )
                write_arrays(folder / SCORES, scores)
                results.append(figures | {"seconds": time.perf_counter() - start})
                keras.utils.clear_session()
            return results

    state = setup.folder.parent / f"{setup.folder.name}-tuner"
    condition = {
        "protocol_hash": protocol.hash,
        "data_digest": setup.bench.dataset.digest,
        "victim_digest": setup.bench.victim.recogniser.digest,
    }
    stamp = state / "condition.json"
    if stamp.exists() and (other := read_json(stamp, dict)) != condition:
        raise UserError(f"{state} is of a search with {other}, expected {condition}: remove it")
    write_text(stamp, json.dumps(condition))
    make = partial(
        Tuner,
        objective=keras_tuner.Objective(protocol.objective, protocol.direction),
        max_trials=protocol.trials,
        hyperparameters=setup.searcher.space(setup.name),
        seed=1 + setup.seed,  # Keras Tuner would replace 0 by a random seed
        max_consecutive_failed_trials=protocol.trials,
        directory=str(state.parent),
        project_name=state.name,
        overwrite=False,
    )
    try:
        tuner = make()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(
            f"{state} does not hold a readable state of Keras Tuner ({error}): remove it, and the "
            "search starts anew"
        ) from error
    tuner.search()
    # In the order of their numbers: Keras Tuner reads them in that of the file system.
    for _, trial in sorted(tuner.oracle.trials.items()):
        figures = {
            name: trial.metrics.get_best_value(name)
            for name in trial.metrics.metrics
            if trial.status == "COMPLETED"
        }
        setup.trials[trial.trial_id] = {
            "options": dict(trial.hyperparameters.values),
            "status": trial.status,
            "message": (trial.message or "").strip().splitlines()[-1:],
            **figures,
        }


def scores_of(setup: SearchSetup) -> dict[str, np.ndarray]:
    """Raw scores, `<trial>/<name>`: float32 (trainings, images held out)."""
    scores = {}
    for trial, trial_figures in setup.trials.items():
        if trial_figures["status"] != "COMPLETED":
            continue
        files = sorted(setup.folder.glob(f"trial-{trial}-*/{SCORES}"))
        kept = [read_arrays(path) for path in files]
        if not kept:
            raise UserError(
                f"expected {SCORES} of trial {trial} in {setup.folder}, found none: remove the "
                "folder, and the search starts anew"
            )
        for name in kept[0]:
            scores[f"{trial}/{name}"] = np.stack([arrays[name] for arrays in kept]).astype(
                "float32"
            )
    return scores


def set_up(
    name: str,
    protocol: Search,
    searcher: str,
    *,
    seed: int,
    runs: Path,
    bench: Bench,
    smoke: bool = False,
) -> SearchSetup:
    """Prepare a search: its images are split as its protocol says."""
    module = importlib.import_module(searcher)
    if smoke:
        protocol = replace(protocol, trials=2, epochs=2)
    framing = {"view": protocol.view, "resample": protocol.resample}
    images = bench.dataset.view(**framing)
    embeddings = embed_view(bench.victim.recogniser, bench.dataset, **framing)
    train, held_out = bench.split.train, bench.split.validation
    if protocol.split == "images":
        usable = np.flatnonzero(~rejected(embeddings))
        parts = Documented().split(len(usable), seed=seed)
        train, held_out = (usable[part] for part in parts)
    elif module.HELD_OUT is not None:
        held_out = np.sort(stream(seed, "search").permutation(held_out)[: module.HELD_OUT])
    return SearchSetup(
        name, protocol, module, seed, runs, smoke, bench, images, embeddings, train, held_out
    )


def run_one(setup: SearchSetup, records: Path) -> None:
    """Search and record, unless the record exists."""
    protocol, bench, method = setup.protocol, setup.bench, f"search_{setup.name}"
    entry = Entry(
        records,
        protocol,
        method,
        bench.dataset,
        bench.victim.recogniser,
        setup.seed,
        bare_spec(method),
    )
    if entry.exists():
        return
    search(setup)
    seconds = sum(outcome.pop("seconds", 0) for outcome in setup.trials.values())
    scores, subjects = scores_of(setup), bench.dataset.subjects[setup.held_out]
    values = {
        f"{trial}/{name}": metric(value, n=len(setup.train if name == "train_loss" else subjects))
        for trial, outcome in setup.trials.items()
        for name, value in outcome.items()
        if isinstance(value, float)
    }
    path = entry.write(
        {"held_out_index": setup.held_out.astype("int32")} | scores,
        config={
            "trials": {
                trial: {key: outcome[key] for key in ("options", "status", "message")}
                for trial, outcome in setup.trials.items()
            },
            "images": {"train": len(setup.train), "held_out": len(setup.held_out)},
        },
        metrics=values | figures(scores, subjects),
        cost={"seconds": protocol.executions * seconds},
    )
    print(path)
