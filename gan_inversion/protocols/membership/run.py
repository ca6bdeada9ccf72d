"""Membership studies: many inverters, each trained on other people, and every attack on them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from gan_inversion.core.backend import load_backend
from gan_inversion.core.errors import UserError, extra_of
from gan_inversion.core.folders import Folders
from gan_inversion.core.progress import progress
from gan_inversion.core.record import entry_name, resolved
from gan_inversion.core.run import Run
from gan_inversion.core.storage import write_arrays
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.families import FAMILIES, Family, MethodSpec, register
from gan_inversion.protocols.inversion.bench import Setting
from gan_inversion.protocols.membership.attacks import attack_all, digests
from gan_inversion.protocols.membership.rules import END, Membership, labels
from gan_inversion.protocols.membership.study import (
    JUDGEMENTS,
    Part,
    answers,
    draw_pool,
    open_bench,
)
from gan_inversion.protocols.records import Entry
from gan_inversion.recognisers import name_of

MODELS_PER_PART = 4  # models of a part; an interrupted run loses the parts in work


@dataclass(frozen=True)
class Study:
    """Options of a membership study.

    Attributes:
        units: of the rows, `image`, `subject` or `canary`.
        epochs: audit families that train together after each of these.
        shares: audit all others after these percentages of their training, and at its end.
        signals: names of the signals that attacks are given.
        models: number of models for each unit.
        seed: of the halves, of weights and order, and of the resampling.
        workers: number of Ray processes that train the parts; 0 to train in this process.
    """

    units: tuple[str, ...]
    epochs: tuple[int, ...]
    signals: tuple[str, ...]
    models: int
    seed: int
    shares: tuple[int, ...] = ()
    workers: int = 0


def parts_of(
    spec: MethodSpec, study: Study, *, setting: Setting, folders: Folders
) -> dict[str, list[Part]]:
    """The parts of one inverter's study, by unit."""
    protocol = Membership(models=study.models)
    victim = name_of(setting.victim)
    name = entry_name(spec.name, setting.source.dataset, study.seed, victim=victim)
    whole = Part(
        setting=setting,
        protocol=protocol,
        seed=study.seed,
        spec=spec,
        unit="",
        models=(),
        moments=tuple(labels(spec, study.epochs, study.shares)),
        signals=study.signals,
        folder=folders.runs / protocol.name / name,
    )
    starts = range(0, protocol.models, MODELS_PER_PART)
    models = [
        tuple(range(first, min(first + MODELS_PER_PART, protocol.models))) for first in starts
    ]
    return {
        unit: [replace(whole, unit=unit, models=numbers) for numbers in models]
        for unit in study.units
    }


def spread(parts: Sequence[Part], workers: int) -> Iterator[tuple[Part, dict[str, np.ndarray]]]:
    """Compute the parts, and yield each with its arrays as soon as it is ready.

    Raises:
        UserError: `workers` is not 0, and Ray is not installed.
    """
    if not workers or not parts:
        yield from ((part, answers(part)) for part in parts)
        return
    try:
        import ray
    except ImportError as error:
        raise UserError(f"Ray is not installed: {extra_of('ray')}") from error
    local = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers}
    ray.init(**local, log_to_driver=False)
    try:
        task, families = ray.remote(num_cpus=1)(_answers_elsewhere), [*FAMILIES.values()]
        waiting = {task.remote(part, families): part for part in parts}
        with progress(total=len(parts), desc=f"{workers} workers", unit="part") as bar:
            while waiting:
                (ready,), _ = ray.wait(list(waiting))
                yield waiting.pop(ready), ray.get(ready)
                bar.update()
    finally:
        ray.shutdown()


def _answers_elsewhere(part: Part, families: Sequence[Family]) -> dict[str, np.ndarray]:
    """Compute a part in a Ray worker, where families of inverters must be registered first."""
    load_backend()
    for family in families:
        register(family)
    return answers(part)


def gather(parts: Sequence[Part], workers: int) -> dict[str, np.ndarray]:
    """Arrays of all models of a unit; every part is stored, so that an interrupted run goes on."""
    files = [part.folder / f"{part.unit}-{part.models[0]:02}.npz" for part in parts]
    missing = [part for part, file in zip(parts, files, strict=True) if not _holds(file, part)]
    for part, arrays_of_part in spread(missing, workers):
        write_arrays(files[parts.index(part)], arrays_of_part)
        for model in part.models:  # their answers are stored
            for ending in ("", "-*"):  # with the shares after which it was asked, if any
                for path in part.folder.glob(f"{part.unit}-{model:02}{ending}/checkpoint.npz"):
                    path.unlink()
    arrays = []
    for path in files:
        with np.load(path) as content:
            arrays.append(dict(content))
    return {
        name: np.concatenate(
            [content_of_part[name] for content_of_part in arrays if name in content_of_part],
            axis=0 if name.split("/")[1].startswith(JUDGEMENTS) else 1,
        )
        for name in arrays[0]
    }


def _holds(path: Path, part: Part) -> bool:
    """Whether a file holds the arrays of a part, for every moment of the part.

    A damaged file does not: its part is trained again.
    """
    try:
        with np.load(path) as content:  # reads only names
            held = {name.split("/")[0] for name in content.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return False
    return {str(moment) for moment in part.moments} <= held


def run_one(spec: MethodSpec, study: Study, *, setting: Setting, folders: Folders) -> None:
    """Run the study of one inverter and write its records, unless they exist."""
    if spec.make().gives_vectors:
        raise UserError(f"expected an inverter that makes images, got {spec.name}")
    parts = parts_of(spec, study, setting=setting, folders=folders)
    first = next(iter(parts.values()))[0]
    bench = open_bench(setting)
    # Stored parts of a unit stay valid when other units are added.
    size = spec.training_images
    kept = {"signals": list(study.signals), "size": size, "split": bench.split.hash}
    settings = {"units": list(study.units), **kept}
    entries = {
        moment: Entry(
            folders.records,
            first.protocol,
            label,
            bench.dataset,
            bench.victim.recogniser,
            first.seed,
            spec.content,
        )
        for moment, label in labels(spec, study.epochs, study.shares).items()
    }
    missing = {
        moment: planned for moment, planned in entries.items() if not planned.exists(**settings)
    }
    if not missing:
        return
    victim = bench.victim.recogniser
    declared = {"method": spec.name, "protocol": asdict(first.protocol), **kept, "seed": first.seed}
    others = digests(bench)
    declared |= {"victim": victim.digest, "precision": victim.precision, **others}
    with Run(first.folder, declared) as run:
        inverter = spec.make()
        pools = {unit: draw_pool(own_parts[0], bench) for unit, own_parts in parts.items()}
        answers_of = {unit: gather(own_parts, study.workers) for unit, own_parts in parts.items()}
        for moment, entry in missing.items():
            metrics, scores = attack_all(moment, answers_of, pools, first, bench)
            run.log(moment, **resolved(metrics))
            members = {unit: int(pool.members()[:, 0].sum()) for unit, pool in pools.items()}
            path = entry.write(
                scores,
                knowledge=inverter.knowledge,
                config={
                    **settings,
                    **others,
                    "inverter": dict(inverter.config),
                    **_duration(spec, inverter, max(members.values()), moment),
                    "members": members,
                },
                metrics=metrics,
                cost={
                    "seconds": sum(
                        float(own_parts[f"{moment}/seconds"].sum())
                        for own_parts in answers_of.values()
                    )
                },
            )
            print(path)


def _duration(spec: MethodSpec, inverter: Inverter, members: int, moment: int) -> dict[str, float]:
    """What a record says of how long models were trained before they were audited."""
    if FAMILIES[spec.family].together:
        return {"epochs": moment}
    passes = round((inverter.passes(members) or 1) * moment / END, 1)
    return {"epochs": int(passes) if passes == int(passes) else passes, "share": moment}
