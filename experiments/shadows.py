"""Whom does an inverter remember? Many of them, each trained on other people, and every attack."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from baselines.decoders import DECODERS
from baselines.farm import train_together
from experiments import inversion
from experiments.auditing import audit
from experiments.common import main, make_record, recorded
from experiments.examination import Bench, success
from experiments.methods import build, reconstruct, train, training_size
from experiments.tables import write_membership
from gan_inversion.cgan import ConditionalGAN
from gan_inversion.data import Subset
from gan_inversion.evaluation.attack import Attack, attack, other_images, subject_mean
from gan_inversion.evaluation.reconstruction import mse, ssim
from gan_inversion.evaluation.verification import cosine
from gan_inversion.inverter import Inverter
from gan_inversion.progress import progress
from gan_inversion.protocols import Membership, Pool
from gan_inversion.record import Metric, at
from gan_inversion.run import Run
from gan_inversion.storage import atomic

TOGETHER = 4  # models trained and asked in one go; what is lost when a run is interrupted
JUDGED = 4  # of the models, for the success rates that stand beside the leak
BLOCK = 128  # pictures compared at once


@dataclass(frozen=True)
class Options:
    """Train every inverter on many halves of the people, attack all of them, record both.

    Every model is in turn the target and the others its shadows. The success rates of the first
    models on people whom nobody trained on stand in the same record, from the same weights.

    Cost on LFW, two CPU cores, 16 models on 1,000 images each, 10 epochs, both units: about 20
    minutes for documented_dense, of which the identity signal takes half.
    """

    methods: tuple[str, ...] = tuple(f"documented_{decoder}_n1000" for decoder in DECODERS)
    """Inverters, as for experiments.inversion. Append _n500 to train each model on 500 images;
    without, on half of all that are not test images."""

    units: tuple[Literal["image", "subject"], ...] = ("image", "subject")
    """What is in or out: images, or subjects with all their images (then asked about by images
    that nobody trained on)."""

    epochs: tuple[int, ...] = (inversion.EPOCHS, 30)
    """When a documented decoder is audited; one record each. Other inverters are at their end."""

    signals: tuple[Literal["log_mse", "ssim", "identity"], ...] = ("log_mse", "ssim", "identity")
    """What an attack sees of a reconstruction: minus the logarithm of its squared error,
    structural similarity, cosine to the embedding. A discriminator's logit is added where there is
    one."""

    models: int = Membership.models
    """Models for each unit."""

    seed: int = 0
    """Of the halves, of weights and order, and of the resampling."""

    dataset: Literal["lfw", "folder", "synthetic"] = "lfw"
    """Source of faces."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    embedder: str = "facenet"
    """Recogniser whose embeddings are inverted."""

    runs: Path = Path("runs")
    """Folder for signals, checkpoints and logs."""

    records: Path = Path("results/records")
    """Folder for records."""

    tables: Path = Path("docs")
    """Folder for the tables."""

    smoke: bool = False
    """A minute's rehearsal with compact on synthetic faces, everything under `runs`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = options.runs / "smoke"
    quick = ("documented_dense_n40",)
    return replace(
        options,
        methods=quick if options.methods == Options.methods else options.methods,
        epochs=(1, 2),
        models=6,
        dataset="synthetic",
        embedder="compact",
        runs=folder,
        records=folder / "records",
        tables=folder,
    )


@dataclass(frozen=True)
class Study:
    """Everything that stands still while models are trained.

    Attributes:
        options: of the command.
        protocol: the rules.
        bench: images, split and recogniser.
        candidates: indices of the images that may be members.
    """

    options: Options
    protocol: Membership
    bench: Bench
    candidates: np.ndarray

    def pool(self, unit: str, size: int | None) -> Pool:
        """Rows of one unit, images as indices into the dataset."""
        found = self.protocol.pool(
            unit,
            self.bench.dataset.subjects[self.candidates],
            self.bench.judges[0].embeddings[self.candidates],
            size=size,
            seed=self.options.seed,
        )
        chosen = {name: self.candidates[getattr(found, name)] for name in ("trained", "asked")}
        return replace(found, **chosen)


def set_up(options: Options) -> Study:
    """Open the data and split it as the `inversion` protocol does; its test images stay out."""
    bench = inversion.set_up(
        inversion.Options(
            judges=(),
            dataset=options.dataset,
            data=options.data,
            embedder=options.embedder,
            records=options.records,
        )
    )
    candidates = np.sort(np.concatenate([bench.split.train, bench.split.validation]))
    return Study(options, Membership(models=options.models), bench, candidates)


def build_one(method: str, **others: Any) -> Inverter:
    """The inverter that the `inversion` protocol trains under this name; others as for `build`."""
    return build(
        method,
        targets="corrected",
        epochs=inversion.EPOCHS,
        batch_size=inversion.BATCH_SIZE,
        **others,
    )


def audited(
    method: str, unit: str, models: Sequence[int], pool: Pool, study: Study, folder: Path
) -> Iterator[tuple[int, list[Inverter]]]:
    """Train some models; each time they are to be audited, the epoch and the inverters.

    Args:
        method: without a size.
        unit: of the rows.
        models: columns of the membership matrix.
        pool: rows and images.
        study: the rest.
        folder: for logs and checkpoints of those that are trained alone.
    """
    options, attacked = study.options, study.bench.judges[0]
    images, members = Subset(study.bench.images, pool.trained), pool.members()[:, list(models)]
    embeddings = attacked.embeddings[pool.trained]
    seeds = [1000 * options.seed + model for model in models]
    decoder = method.removeprefix("documented_")
    if decoder in DECODERS:
        epochs = train_together(
            decoder,
            embeddings,
            images,
            members,
            seeds=seeds,
            targets="corrected",
            epochs=max(options.epochs),
        )
        for epoch, (shadows, _) in enumerate(epochs, 1):
            if epoch in options.epochs:
                yield epoch, [shadow.inverter() for shadow in shadows]
        return
    inverters = []
    for model, own, seed in zip(models, members.T, seeds, strict=True):
        inverter = build_one(method, recogniser=attacked.embedder, smoke=options.smoke)
        with Run(folder / f"{unit}-{model:02}", {"method": method, "seed": seed}) as run:
            chosen = Subset(images, np.flatnonzero(own))
            train(inverter, embeddings[own], chosen, seed=seed, run=run)
        inverters.append(inverter)
    yield inversion.EPOCHS, inverters


def ask(inverter: Inverter, pool: Pool, study: Study) -> dict[str, np.ndarray]:
    """What one model shows of the images asked about: signal -> float32 (R,), mean of each row."""
    attacked, wanted = study.bench.judges[0], study.options.signals
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(pool.asked), BLOCK):
        some = pool.asked[start : start + BLOCK]
        photographs, embeddings = study.bench.images[some], attacked.embeddings[some]
        originals = photographs.astype("float32") / 255
        pictures = np.asarray(inverter.invert(embeddings), "float32")
        figures = {
            "log_mse": lambda o=originals, p=pictures: -np.log(mse(o, p)),
            "ssim": lambda o=originals, p=pictures: ssim(o, p),
            "identity": lambda e=embeddings, p=pictures: cosine(
                attacked.embedder.embed(np.round(255 * p).astype("uint8")), e
            ),
        }
        values: dict[str, np.ndarray] = {name: figures[name]() for name in wanted}
        if isinstance(inverter, ConditionalGAN) and inverter.settings.adversarial:
            values["discriminator"] = inverter.credit(embeddings, photographs)
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {
        name: subject_mean(np.concatenate(parts), pool.asked_row)[1].astype("float32")
        for name, parts in found.items()
    }


def judge(inverter: Inverter, bench: Bench) -> dict[str, np.ndarray]:
    """Scores of one model's reconstructions of people nobody trained on, of both types."""
    attacked, test = bench.judges[0], bench.split.test
    originals = attacked.embeddings[test]
    pictures, _ = reconstruct(inverter, originals)
    outcome = attack(attacked.embedder.embed(pictures), originals, bench.subjects)
    return {"type1": outcome.type1, "type2": outcome.type2}


def answers(
    method: str, unit: str, models: Sequence[int], pool: Pool, study: Study, folder: Path
) -> dict[str, np.ndarray]:
    """Train some models and ask them: `<epoch>/<signal>` -> float32 (R, models).

    Beside them, for the models that are judged, `<epoch>/type1` and `type2`, (J, ...). Arguments
    as for `audited`.
    """
    found: dict[str, np.ndarray] = {}
    for epoch, inverters in audited(method, unit, models, pool, study, folder):
        seen = [
            ask(inverter, pool, study)
            for inverter in progress(inverters, desc=f"{unit} signals", unit="model")
        ]
        for name in seen[0]:
            found[f"{epoch}/{name}"] = np.stack([one[name] for one in seen], axis=1)
        if unit == "image":
            judged = [
                judge(inverter, study.bench)
                for model, inverter in zip(models, inverters, strict=True)
                if model < JUDGED
            ]
            for name in judged[0] if judged else ():
                found[f"{epoch}/{name}"] = np.stack([one[name] for one in judged])
    return found


def gather(method: str, unit: str, pool: Pool, study: Study, folder: Path) -> dict[str, np.ndarray]:
    """Answers of all models, kept part by part: an interrupted run goes on where it was."""
    parts = []
    for start in range(0, study.protocol.models, TOGETHER):
        models = range(start, min(start + TOGETHER, study.protocol.models))
        path = folder / f"{unit}-{start:02}.npz"
        if not path.exists():
            found = answers(method, unit, models, pool, study, folder)
            with atomic(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **found)
            keras.utils.clear_session()
        with np.load(path) as arrays:
            parts.append(dict(arrays))
    judged = ("type1", "type2")
    return {
        name: np.concatenate(
            [part[name] for part in parts if name in part],
            axis=0 if name.split("/")[1] in judged else 1,
        )
        for name in parts[0]
    }


def success_rates(type1: np.ndarray, type2: np.ndarray, bench: Bench) -> dict[str, Metric]:
    """Success rates of several models on the test images.

    Args:
        type1: float32 (J, N).
        type2: float32 (J, P).
        bench: whose test images they are.
    """
    attacked, count = bench.judges[0], len(type1)
    inverted, _ = other_images(bench.subjects)
    places = (np.arange(count)[:, None] * type1.shape[1] + inverted).ravel()
    flat = type1.ravel()
    outcome = Attack(flat, type2.ravel(), places, flat < -1)
    found = {}
    for fmr, line in attacked.thresholds.items():
        rates = success(outcome, np.tile(bench.subjects, count), line.threshold)
        for name, value in rates.items():
            found[at(f"{attacked.embedder.name}/{name}", fmr=fmr)] = value
    return found


def run_one(name: str, study: Study) -> None:
    """Train, ask, attack and record one inverter, unless its records exist."""
    options, bench = study.options, study.bench
    method, size = training_size(name)
    epochs = (
        options.epochs if method.removeprefix("documented_") in DECODERS else (inversion.EPOCHS,)
    )
    labels = {epoch: name if epoch == inversion.EPOCHS else f"{name}_e{epoch}" for epoch in epochs}
    settings = {
        "units": list(options.units),
        "signals": list(options.signals),
        "size": size,
    }
    missing = {
        epoch: label for epoch, label in labels.items() if not _recorded(label, settings, study)
    }
    if not missing:
        return
    pools: dict[str, Pool] = {unit: study.pool(unit, size) for unit in options.units}
    folder = options.runs / study.protocol.name / f"{name}-{bench.dataset.name}-s{options.seed}"
    declared = {"protocol": asdict(study.protocol), "split": bench.split.hash, **settings}
    with Run(folder, {"method": name, **declared, "seed": options.seed}) as run:
        found: dict[str, dict[str, np.ndarray]] = {
            unit: gather(method, unit, pools[unit], study, folder) for unit in pools
        }
        for epoch, label in missing.items():
            _record(method, label, epoch, found, pools, settings, study, run)


def _recorded(label: str, settings: dict[str, Any], study: Study) -> bool:
    name = f"{label}-{study.bench.dataset.name}-s{study.options.seed}.json"
    return recorded(
        study.options.records / study.protocol.name / name,
        protocol_hash=study.protocol.hash,
        data_digest=study.bench.dataset.digest,
        embedder_digest=study.bench.judges[0].embedder.digest,
        split=study.bench.split.hash,
        **settings,
    )


def _record(
    method: str,
    label: str,
    epoch: int,
    found: dict[str, dict[str, np.ndarray]],
    pools: dict[str, Pool],
    settings: dict[str, Any],
    study: Study,
    run: Run,
) -> None:
    """Attack the models of a method as they were after an epoch, and record it."""
    options, bench = study.options, study.bench
    metrics: dict[str, Metric] = {}
    scores: dict[str, np.ndarray] = {}
    for unit, pool in pools.items():
        here = {
            name.split("/")[1]: values
            for name, values in found[unit].items()
            if name.startswith(f"{epoch}/")
        }
        if unit == "image":
            metrics |= success_rates(here.pop("type1"), here.pop("type2"), bench)
        people = bench.dataset.subjects[pool.asked]
        rows = people if unit == "image" else np.arange(len(pool.membership))
        attacked, curves = audit(
            here, pool.membership, rows, unit=unit, fprs=study.protocol.fprs, seed=options.seed
        )
        metrics |= attacked
        scores |= curves | {f"{unit}/{name}": values for name, values in here.items()}
        scores[f"{unit}/membership"] = pool.membership
        scores[f"{unit}/asked"] = pool.asked.astype("int32")
        scores[f"{unit}/row"] = pool.asked_row.astype("int32")
    figures = {name: value.value for name, value in metrics.items()}
    run.log(epoch, **{name: value for name, value in figures.items() if value is not None})
    record = make_record(
        study.protocol,
        label,
        dataset=bench.dataset,
        embedder=bench.judges[0].embedder,
        knowledge=build_one(method).knowledge,
        seed=options.seed,
        config={
            "protocol": asdict(study.protocol),
            **settings,
            "epochs": epoch,
            "split": bench.split.hash,
            "members": {unit: int(pool.members()[:, 0].sum()) for unit, pool in pools.items()},
        },
        metrics=metrics,
    )
    print(record.write(options.records, scores))


def run_all(options: Options) -> None:
    """Run every method, and write the tables."""
    if options.smoke:
        options = rehearsal(options)
    for name in options.methods:
        build_one(training_size(name)[0])
    study = set_up(options)
    for name in options.methods:
        run_one(name, study)
    write_membership(options.records, options.tables, dataset=study.bench.dataset.name)


if __name__ == "__main__":
    main(Options, run_all)
