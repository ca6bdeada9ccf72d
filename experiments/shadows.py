"""Whom does an inverter remember? Many of them, each trained on other people, and every attack."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np

from baselines.decoders import DECODERS
from experiments import inversion
from experiments.auditing import audit, audit_within
from experiments.common import environment, main, make_record, recorded, rehearsed
from experiments.examination import Bench
from experiments.methods import decoder_of, training_size
from experiments.study import (
    Part,
    answers,
    draw_pool,
    open_bench,
    passes,
)
from experiments.tables import write_membership
from gan_inversion.data import Align, DatasetName
from gan_inversion.errors import UserError
from gan_inversion.evaluation.figures import success
from gan_inversion.progress import progress
from gan_inversion.protocols import Membership, Pool, read_split
from gan_inversion.record import Metric, Record, now, read_scores, resolved
from gan_inversion.run import Run
from gan_inversion.storage import write_arrays

TOGETHER = 4  # models of a part; what is lost when a run is interrupted


@dataclass(frozen=True)
class Options:
    """Train every inverter on many halves of the people, attack all of them, record both.

    Every model is in turn the target and the others its shadows. The success rates of the first
    models on people whom nobody trained on stand in the same record, from the same weights.

    Cost on LFW, two CPU cores, 16 models on 1,000 images each, 10 epochs, both units: about 40
    minutes for documented_dense, of which the identity signal takes two thirds.
    """

    methods: tuple[str, ...] = tuple(f"documented_{decoder}_n1000" for decoder in DECODERS)
    """Inverters, as for experiments.inversion. Append _n500 to train each model on 500 images;
    without, on half of all that are not test images."""

    units: tuple[Literal["image", "subject"], ...] = ("image", "subject")
    """What is in or out: images, or subjects with all their images (then asked about by images
    that nobody trained on)."""

    epochs: tuple[int, ...] = (inversion.EPOCHS, 30)
    """When a decoder is audited, augmented or not; one record each. Others are at their end."""

    signals: tuple[Literal["log_mse", "ssim", "identity"], ...] = ("log_mse", "ssim", "identity")
    """What an attack sees of a reconstruction: minus the logarithm of its squared error,
    structural similarity, cosine to the embedding. A discriminator's logit is added where there is
    one."""

    models: int = Membership.models
    """Models for each unit."""

    seed: int = 0
    """Of the halves, of weights and order, and of the resampling."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    embedder: str = "facenet"
    """Recogniser whose embeddings are inverted."""

    runs: Path = Path("runs")
    """Folder for signals, checkpoints and logs."""

    records: Path = Path("results/records")
    """Folder for records."""

    tables: Path = Path("docs")
    """Folder for the tables."""

    workers: int = 0
    """Processes that Ray spreads the parts over: on this machine, or on the cluster that
    RAY_ADDRESS names, where data and package must be too. 0: this process."""

    again: Path | None = None
    """A folder of records: attack the signals that stand beside them anew, and write the outcome
    to `records`, another folder. Nothing is trained. For when the attacks have changed."""

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


def labels(name: str, options: Options) -> dict[int, str]:
    """What an inverter is called in the record of each epoch at which it is asked."""
    is_followed = decoder_of(training_size(name)[0]) is not None
    epochs = options.epochs if is_followed else (inversion.EPOCHS,)
    return {epoch: name if epoch == inversion.EPOCHS else f"{name}_e{epoch}" for epoch in epochs}


def study(name: str, options: Options) -> dict[str, list[Part]]:
    """The parts of one inverter's study, by unit."""
    method, size = training_size(name)
    protocol = Membership(models=options.models)
    whole = Part(
        faces=inversion.attacked_alone(options),
        protocol=protocol,
        seed=options.seed,
        method=method,
        size=size,
        unit="",
        models=(),
        epochs=tuple(labels(name, options)),
        signals=options.signals,
        folder=options.runs / protocol.name / f"{name}-{options.dataset}-s{options.seed}",
    )
    starts = range(0, protocol.models, TOGETHER)
    models = [tuple(range(first, min(first + TOGETHER, protocol.models))) for first in starts]
    return {
        unit: [replace(whole, unit=unit, models=some) for some in models] for unit in options.units
    }


def spread(parts: Sequence[Part], workers: int) -> Iterator[tuple[Part, dict[str, np.ndarray]]]:
    """Each part with its answers, in the order in which they are ready.

    Raises:
        UserError: Ray is wanted and not installed.
    """
    if not workers:
        yield from ((part, answers(part)) for part in parts)
        return
    try:
        import ray
    except ImportError as error:
        raise UserError("expected Ray for workers: pip install 'gan_inversion[ray]'") from error
    local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers}
    ray.init(**local, log_to_driver=False)
    try:
        task = ray.remote(num_cpus=1)(answers)
        waiting = {task.remote(part): part for part in parts}
        with progress(total=len(parts), desc=f"{workers} workers", unit="part") as bar:
            while waiting:
                (ready,), _ = ray.wait(list(waiting))
                yield waiting.pop(ready), ray.get(ready)
                bar.update()
    finally:
        ray.shutdown()


def gather(parts: Sequence[Part], workers: int) -> dict[str, np.ndarray]:
    """Answers of all models of a unit, kept part by part: an interrupted run goes on."""
    files = [part.folder / f"{part.unit}-{part.models[0]:02}.npz" for part in parts]
    missing = [part for part, file in zip(parts, files, strict=True) if not _holds(file, part)]
    for part, found in spread(missing, workers):
        write_arrays(files[parts.index(part)], found)
    arrays = []
    for path in files:
        with np.load(path) as content:
            arrays.append(dict(content))
    return {
        name: np.concatenate(
            [some[name] for some in arrays if name in some],
            axis=0 if name.split("/")[1] in ("type1", "type2") else 1,
        )
        for name in arrays[0]
    }


def _holds(path: Path, part: Part) -> bool:
    """Whether a part's answers are there, and after every epoch that is asked for now.

    A damaged file holds none: its part is trained anew.
    """
    try:
        with np.load(path) as content:  # their names only
            return {str(epoch) for epoch in part.epochs} <= {n.split("/")[0] for n in content.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return False


def run_one(name: str, options: Options) -> None:
    """Train, ask, attack and record one inverter, unless its records exist."""
    parts = study(name, options)
    first = next(iter(parts.values()))[0]
    bench = open_bench(first.faces)
    # What was answered of one unit, or after one epoch, holds whatever else is asked.
    kept = {"signals": list(options.signals), "size": first.size, "split": bench.split.hash}
    settings = {"units": list(options.units), **kept}
    missing = {}
    for epoch, label in labels(name, options).items():
        file = f"{label}-{bench.dataset.name}-s{first.seed}.json"
        if not recorded(
            options.records / first.protocol.name / file,
            protocol_hash=first.protocol.hash,
            data_digest=bench.dataset.digest,
            embedder_digest=bench.judges[0].embedder.digest,
            **settings,
        ):
            missing[epoch] = label
    if not missing:
        return
    declared = {"method": name, "protocol": asdict(first.protocol), **kept, "seed": first.seed}
    with Run(first.folder, declared) as run:
        inverter = inversion.build_one(first.method, first.faces)
        pools = {unit: draw_pool(some[0], bench) for unit, some in parts.items()}
        found = {unit: gather(some, options.workers) for unit, some in parts.items()}
        for epoch, label in missing.items():
            metrics, scores = attack_all(epoch, found, pools, first, bench)
            run.log(epoch, **resolved(metrics))
            members = {unit: int(pool.members()[:, 0].sum()) for unit, pool in pools.items()}
            record = make_record(
                first.protocol,
                label,
                dataset=bench.dataset,
                embedder=bench.judges[0].embedder,
                knowledge=inverter.knowledge,
                seed=first.seed,
                config={
                    "protocol": asdict(first.protocol),
                    **settings,
                    "inverter": getattr(inverter, "config", {}),
                    "epochs": passes(inverter, epoch, max(members.values())),
                    "members": members,
                },
                metrics=metrics,
                cost={
                    "seconds": sum(float(some[f"{epoch}/seconds"].sum()) for some in found.values())
                },
            )
            print(record.write(options.records, scores))


def attack_all(
    epoch: int,
    found: Mapping[str, Mapping[str, np.ndarray]],
    pools: Mapping[str, Pool],
    part: Part,
    bench: Bench,
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Attack the models as they were after an epoch: metrics, and the scores behind them."""
    metrics: dict[str, Metric] = {}
    scores: dict[str, np.ndarray] = {}
    for unit, pool in pools.items():
        here = {
            name.split("/")[1]: values
            for name, values in found[unit].items()
            if name.startswith(f"{epoch}/") and not name.endswith("/seconds")
        }
        if unit == "image":
            type1, type2 = here.pop("type1"), here.pop("type2")
            attacked = bench.judges[0]
            name = attacked.embedder.name
            metrics |= success(name, type1, type2, bench.subjects, attacked.accepts_from)
            scores |= {f"{name}/type1": type1, f"{name}/type2": type2}
        told, curves = attack_unit(
            here,
            pool.membership,
            bench.dataset.subjects[pool.asked],
            unit=unit,
            fprs=part.protocol.fprs,
            seed=part.seed,
        )
        metrics |= told
        scores |= curves | {f"{unit}/{name}": values for name, values in here.items()}
        scores[f"{unit}/membership"] = pool.membership
        scores[f"{unit}/asked"] = pool.asked.astype("int32")
        scores[f"{unit}/row"] = pool.asked_row.astype("int32")
    return metrics, scores


def attack_unit(
    signals: Mapping[str, np.ndarray],
    membership: np.ndarray,
    people: np.ndarray,
    *,
    unit: str,
    fprs: Sequence[float],
    seed: int,
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Attack the signals of one unit; of images also subject by subject.

    Args:
        signals: name -> float (R, M).
        membership: bool (R, M).
        people: the subject of each image asked about; for images one a row.
        unit: `image` or `subject`.
        fprs, seed: as for `audit`.

    Returns:
        Metrics, and the curves behind them.
    """
    rows = people if unit == "image" else np.arange(len(membership))
    metrics, curves = audit(signals, membership, rows, unit=unit, fprs=fprs, seed=seed)
    if unit == "image" and "log_mse" in signals:
        metrics |= audit_within(signals["log_mse"], membership, people, seed=seed)
    return metrics, curves


def attack_again(path: Path, known: Path, records: Path) -> None:
    """Attack the signals beside one record, and write them with the outcome as another record.

    Success rates of reconstruction, and what training cost, are carried over.

    Args:
        path: of the record.
        known: folder of such records, beside that of the splits.
        records: folder to write to.
    """
    record, scores = Record.read(path), read_scores(path)
    protocol = Membership(models=record.config["protocol"]["models"])
    target = records / protocol.name / path.name
    if recorded(target, protocol_hash=protocol.hash, data_digest=record.data_digest):
        return
    split = known.parent / "splits" / f"{record.dataset}-{record.config['split']}.csv"
    subjects = np.array([file.split("/")[0] for file in read_split(split)])
    metrics = {name: m for name, m in record.metrics.items() if "/sar_" in name}
    kept = {name: values for name, values in scores.items() if not name.endswith("/roc")}
    for unit in record.config["units"]:
        inside = scores[f"{unit}/membership"].astype(bool)
        people = subjects[scores[f"{unit}/asked"]]
        here = {
            name.split("/")[1]: values
            for name, values in kept.items()
            if name.startswith(f"{unit}/") and values.shape == inside.shape
            if values.dtype.kind == "f"
        }
        told, curves = attack_unit(here, inside, people, unit=unit, fprs=protocol.fprs,
                                   seed=record.seed)  # fmt: skip
        metrics |= told
        kept |= curves
    made = {"created": record.created, "commit": record.env["commit"]}
    again = replace(
        record,
        protocol_hash=protocol.hash,
        config={**record.config, "protocol": asdict(protocol), "signals_of": made},
        metrics=metrics,
        env={**environment(), "device": record.env["device"]},
        created=now(),
    )
    print(again.write(records, kept))


def run_all(options: Options) -> None:
    """Run every method, and write the tables."""
    if options.again is not None:
        for path in sorted(
            (options.again / Membership().name).glob(f"*-{options.dataset}-s*.json")
        ):
            attack_again(path, options.again, options.records)
        return
    options = rehearsed(options, rehearsal)
    for name in options.methods:
        inversion.build_one(name, inversion.attacked_alone(options))
    for name in options.methods:
        run_one(name, options)
    write_membership(options.records, options.tables, dataset=options.dataset)


if __name__ == "__main__":
    main(Options, run_all)
