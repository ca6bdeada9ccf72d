"""One part of a membership study: a few models, trained on their members and then audited.

A part is described by plain data and opens what it needs itself, so that it can be computed in
this process or by a worker on another machine.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.run import Run, to_uint8
from gan_inversion.core.storage import write_arrays
from gan_inversion.data import Subset
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.families import FAMILIES, MethodSpec
from gan_inversion.inverters.trained import reconstruct, train
from gan_inversion.metrics.attack import attack, subject_mean
from gan_inversion.metrics.reconstruction import contrast, mse, ssim
from gan_inversion.metrics.verification import cosine
from gan_inversion.protocols.inversion import bench as benches
from gan_inversion.protocols.inversion.bench import Bench, Judge, Setting
from gan_inversion.protocols.membership.audit import CONTRAST, LOSS, QUERIES
from gan_inversion.protocols.membership.rules import END, Membership, Pool
from gan_inversion.recognisers import embed_unnamed

BLOCK = 128  # images compared at once
JUDGEMENTS = ("type1", "type2")  # how the names of the arrays of `judged` begin
JUDGED = 4  # models whose success rates with the victim are recorded beside the leak


@dataclass(frozen=True)
class Part:
    """Models that are trained and audited together, as plain data.

    Attributes:
        setting: which data set and recogniser, and where the thresholds are.
        protocol: the rules.
        seed: of the halves, and of weights and order.
        spec: the method; its `training_images` are the number for one model, None for half of all.
        unit: of the rows, `image`, `subject` or `canary`.
        models: columns of the membership matrix.
        moments: of the audits: epochs of families that are trained together, of all others
            percentages of the training.
        signals: names of the signals to compute.
        folder: for logs and checkpoints of inverters that are trained one by one.
    """

    setting: Setting
    protocol: Membership
    seed: int
    spec: MethodSpec
    unit: str
    models: tuple[int, ...]
    moments: tuple[int, ...]
    signals: tuple[str, ...]
    folder: Path


@lru_cache(1)
def open_bench(setting: Setting) -> Bench:
    """The bench of the `inversion` protocol; no model is trained on its test images."""
    return benches.open_bench(setting)


def draw_pool(part: Part, bench: Bench) -> Pool:
    """The pool of a part's unit, with images as indices into the dataset."""
    candidates = np.sort(np.concatenate([bench.split.train, bench.split.validation]))
    pool = part.protocol.pool(
        part.unit,
        bench.dataset.subjects[candidates],
        bench.victim.embeddings[candidates],
        size=part.spec.training_images,
        seed=part.seed,
    )
    return pool.of(candidates)


def look(
    inverter: Inverter, pool: Pool, bench: Bench, part: Part, model: int
) -> dict[str, np.ndarray]:
    """All that is asked of one model: its signals and, of the first of the unit `image`, judgement.

    The victim judges several models, other judges the first.

    Returns:
        The arrays of `ask` and `judged`.
    """
    answers = ask(inverter, pool, bench, part) if part.signals else {}
    if part.unit != "image" or model >= JUDGED:
        return answers
    return answers | judged(inverter, bench, bench.judges if model == 0 else bench.judges[:1])


def looks(part: Part, pool: Pool, bench: Bench) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Train the models; yield each moment of an audit with the arrays of one model after another.

    Raises:
        UserError: there is no step at which so much of a training is done.
    """
    attacked, spec = bench.victim, part.spec
    shown = pool.trained if pool.shown is None else pool.shown
    images, embeddings = Subset(bench.images, shown), attacked.embeddings[pool.trained]
    members = pool.members()[:, list(part.models)]
    seeds = [1000 * part.seed + model for model in part.models]
    if together := FAMILIES[spec.family].trainer:
        for epoch, inverters in together(
            spec.options, embeddings, images, members, seeds=seeds, epochs=part.moments
        ):
            bar = progress(inverters, desc=f"{part.unit} signals", unit="model")
            for model, inverter in zip(part.models, bar, strict=True):
                yield epoch, look(inverter, pool, bench, part, model)
        return
    for model, own, seed in zip(part.models, members.T, seeds, strict=True):
        inverter = spec.make(recogniser=attacked.recogniser)
        declared = {"method": spec.name, "spec": spec.hash, "seed": seed}
        shares = [share for share in part.moments if share != END]
        # A training that was not asked on its way cannot be asked later: it is another run.
        folder = part.folder / "-".join([part.unit, f"{model:02}", *map(str, shares)])
        early = {share: folder / f"after{share}.npz" for share in shares}
        after = {
            step_of(inverter, share): partial(_keep, path, inverter, pool, bench, part, model)
            for share, path in early.items()
        }
        with Run(folder, declared, after=after) as run:
            chosen = Subset(images, np.flatnonzero(own))
            train(inverter, embeddings[own], chosen, seed=seed, run=run)
        for share, path in early.items():
            yield share, read_arrays(path)
        yield END, look(inverter, pool, bench, part, model)


def step_of(inverter: Inverter, share: int) -> int:
    """The step at which a model in training is asked, or a `UserError` if there is none."""
    step = inverter.step_of(share)
    if not step:
        raise UserError(
            f"{inverter.name}: expected shares of its training at which a checkpoint is written; "
            f"there is none at {share} %"
        )
    return step


def _keep(path: Path, *asked: Any) -> None:
    """Store what `look` returns: a training that is interrupted later does not pass here again."""
    write_arrays(path, look(*asked))


def ask(inverter: Inverter, pool: Pool, bench: Bench, part: Part) -> dict[str, np.ndarray]:
    """Signals of one model on the audited images: name -> float32 (R,), the mean of each row.

    `queries` is the loss signal of each audited image, float32 (A,). For canaries there is always
    the signal `contrast`, of which one model alone can prove something.
    """
    attacked = bench.victim
    signals_of: dict[str, list[np.ndarray]] = {}
    pictures = pool.audited if pool.asked is None else pool.asked
    for block in np.array_split(np.arange(len(pictures)), -(-len(pictures) // BLOCK)):
        photographs = bench.images[pictures[block]]
        embeddings = attacked.embeddings[pool.audited[block]]
        originals = photographs.astype("float32") / 255
        outputs = np.asarray(inverter.invert(embeddings), "float32")
        values: dict[str, np.ndarray] = {}
        if LOSS in part.signals:
            values[LOSS] = -np.log(mse(originals, outputs))
        if part.unit == "canary":
            values[CONTRAST] = contrast(originals, outputs)
        if "ssim" in part.signals:
            values["ssim"] = ssim(originals, outputs)
        if "identity" in part.signals:
            shown = attacked.recogniser.embed(to_uint8(outputs))
            values["identity"] = cosine(shown, embeddings)
        values |= inverter.signals(embeddings, photographs)
        for name, value in values.items():
            signals_of.setdefault(name, []).append(value)
    every = {name: np.concatenate(parts) for name, parts in signals_of.items()}
    means = {
        name: subject_mean(values, pool.audited_row)[1].astype("float32")
        for name, values in every.items()
    }
    several = part.unit == "subject" and LOSS in every  # a row of another unit has one image only
    return means | ({QUERIES: every[LOSS].astype("float32")} if several else {})


def judged(inverter: Inverter, bench: Bench, judges: Sequence[Judge]) -> dict[str, np.ndarray]:
    """Scores of one model's reconstructions of the test images with each judge.

    Returns:
        `type1` and `type2` with the victim; with another judge `type1@<judge>` and `type2@<judge>`.
    """
    test = bench.split.test
    pictures, _ = reconstruct(inverter, bench.victim.embeddings[test])
    scores: dict[str, np.ndarray] = {}
    for judge in judges:
        vectors = embed_unnamed(judge.recogniser, pictures, kind="reconstructions")
        outcome = attack(vectors, judge.embeddings[test], bench.subjects)
        mark = mark_of(judge, bench)
        scores |= {f"type1{mark}": outcome.type1, f"type2{mark}": outcome.type2}
    return scores


def mark_of(judge: Judge, bench: Bench) -> str:
    """What the names of a judge's arrays end with: nothing for the victim."""
    return "" if judge is bench.victim else f"@{judge.recogniser.name}"


def answers(part: Part) -> dict[str, np.ndarray]:
    """Train the models and compute signals: `<moment>/<signal>` -> float32 (R, models).

    There are also the arrays of `judged`, `<moment>/type1...` and `<moment>/type2...`, float32 (J,
    ...), for the first models of the unit `image`; and `<moment>/seconds`, (1, models), the time
    since the start, in equal shares.
    """
    start = time.perf_counter()
    bench = open_bench(part.setting)
    pool = draw_pool(part, bench)
    every: dict[int, list[dict[str, np.ndarray]]] = {}
    arrays: dict[str, np.ndarray] = {}
    for moment, values in looks(part, pool, bench):
        own = every.setdefault(moment, [])
        own.append(values)
        seconds = (time.perf_counter() - start) / len(part.models)
        arrays[f"{moment}/seconds"] = np.full((1, len(part.models)), seconds)
    for moment, own in every.items():
        for name in own[0]:
            axis = 0 if name.startswith(JUDGEMENTS) else 1
            stacked = [values[name] for values in own if name in values]
            arrays[f"{moment}/{name}"] = np.stack(stacked, axis=axis)
    keras.utils.clear_session()
    return arrays
