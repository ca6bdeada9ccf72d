"""One part of a membership study: a few models, trained on their members and then audited.

A part is described by plain data and opens what it needs itself, so that it can be computed in
this process or by a worker on another machine.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from gan_inversion.core.progress import progress
from gan_inversion.core.run import Run, to_uint8
from gan_inversion.data import Subset
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.families import FAMILIES, MethodSpec
from gan_inversion.inverters.trained import reconstruct, train
from gan_inversion.metrics.attack import attack, subject_mean
from gan_inversion.metrics.reconstruction import contrast, mse, ssim
from gan_inversion.metrics.verification import cosine
from gan_inversion.protocols.inversion import bench as benches
from gan_inversion.protocols.inversion.bench import Bench, Setting
from gan_inversion.protocols.membership.audit import CONTRAST, LOSS, QUERIES
from gan_inversion.protocols.membership.rules import Membership, Pool

BLOCK = 128  # images compared at once
JUDGED = 4  # models whose success rates are recorded beside the leak


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
        epochs: audit documented decoders after each of these, all other inverters at the end.
        signals: names of the signals to compute.
        folder: for logs and checkpoints of inverters that are trained one by one.
    """

    setting: Setting
    protocol: Membership
    seed: int
    spec: MethodSpec
    unit: str
    models: tuple[int, ...]
    epochs: tuple[int, ...]
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


def audited(part: Part, pool: Pool, bench: Bench) -> Iterator[tuple[int, list[Inverter]]]:
    """Train the models; yield the epoch and the inverters whenever they are to be audited."""
    attacked, spec = bench.victim, part.spec
    shown = pool.trained if pool.shown is None else pool.shown
    images, embeddings = Subset(bench.images, shown), attacked.embeddings[pool.trained]
    members = pool.members()[:, list(part.models)]
    seeds = [1000 * part.seed + model for model in part.models]
    if together := FAMILIES[spec.family].trainer:
        yield from together(
            spec.options, embeddings, images, members, seeds=seeds, epochs=part.epochs
        )
        return
    inverters = []
    for model, own, seed in zip(part.models, members.T, seeds, strict=True):
        inverter = spec.make(recogniser=attacked.recogniser)
        declared = {"method": spec.name, "spec": spec.hash, "seed": seed}
        with Run(part.folder / f"{part.unit}-{model:02}", declared) as run:
            chosen = Subset(images, np.flatnonzero(own))
            train(inverter, embeddings[own], chosen, seed=seed, run=run)
        inverters.append(inverter)
    (epoch,) = part.epochs
    yield epoch, inverters


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
    return means | ({QUERIES: every[LOSS].astype("float32")} if LOSS in every else {})


def judge(inverter: Inverter, bench: Bench) -> dict[str, np.ndarray]:
    """Type-I and type-II scores of one model's reconstructions of the test images."""
    attacked, test = bench.victim, bench.split.test
    originals = attacked.embeddings[test]
    pictures, _ = reconstruct(inverter, originals)
    outcome = attack(attacked.recogniser.embed(pictures), originals, bench.subjects)
    return {"type1": outcome.type1, "type2": outcome.type2}


def answers(part: Part) -> dict[str, np.ndarray]:
    """Train the models and compute signals: `<epoch>/<signal>` -> float32 (R, models).

    There are also `<epoch>/type1` and `<epoch>/type2`, float32 (J, ...), for the first models of
    the unit `image`; and `<epoch>/seconds`, (1, models), the time since the start, in equal shares.
    """
    start = time.perf_counter()
    bench = open_bench(part.setting)
    pool = draw_pool(part, bench)
    arrays: dict[str, np.ndarray] = {}
    for epoch, inverters in audited(part, pool, bench):
        signals = [
            ask(inverter, pool, bench, part)
            for inverter in progress(inverters, desc=f"{part.unit} signals", unit="model")
        ]
        several = part.unit == "subject"  # a row of another unit has one image only
        for name in (name for name in signals[0] if several or name != QUERIES):
            arrays[f"{epoch}/{name}"] = np.stack([values[name] for values in signals], axis=1)
        if part.unit == "image":
            judged = [
                judge(inverter, bench)
                for model, inverter in zip(part.models, inverters, strict=True)
                if model < JUDGED
            ]
            for name in judged[0] if judged else ():
                arrays[f"{epoch}/{name}"] = np.stack([values[name] for values in judged])
        seconds = (time.perf_counter() - start) / len(inverters)
        arrays[f"{epoch}/seconds"] = np.full((1, len(inverters)), seconds)
    keras.utils.clear_session()
    return arrays
