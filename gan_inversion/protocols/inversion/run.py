"""Train inverters on one part of the subjects, and examine them on people they never saw."""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_inversion.core.device import device, peak_memory
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.places import real
from gan_inversion.core.record import (
    Record,
    bare_spec,
    resolved,
)
from gan_inversion.core.run import Run
from gan_inversion.core.storage import sha256
from gan_inversion.core.thresholds import write_thresholds
from gan_inversion.data import Subset
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.families import MethodSpec, own_name
from gan_inversion.inverters.trained import (
    HYPOTHESES,
    RECORD,
    THRESHOLDS,
    reconstruct,
    train,
    training_of,
)
from gan_inversion.metrics.attack import one_each
from gan_inversion.protocols.inversion.again import compared, is_done, looks_shifted
from gan_inversion.protocols.inversion.bench import Bench, Setting, open_bench
from gan_inversion.protocols.inversion.elsewhere import read_reconstructions
from gan_inversion.protocols.inversion.examination import Examination, examine
from gan_inversion.protocols.inversion.faces import picked
from gan_inversion.protocols.inversion.prepared import (
    Prepared,
    declared,
    entry_of,
    open_run,
    prepare,
)
from gan_inversion.protocols.inversion.rules import PICTURES
from gan_inversion.protocols.inversion.translated import run_translated
from gan_inversion.protocols.records import Entry, check_thresholds

REPORTED = {
    "facenet/sar_type1@fmr=1e-3": 0.9520,
    "facenet/sar_type2@fmr=1e-3": 0.5805,
}  # NbNet: Mai et al., TPAMI 2018, LFW's own protocol, inverter trained on other data
SHOWN = 9  # images in a strip


def trained(
    prepared: Prepared, seed: int, *, run: Run, bench: Bench
) -> tuple[Inverter, float, str]:
    """Train the inverter, or open it if it is trained; also its training seconds and device."""
    inverter, done = prepared.inverter, training_of(run)
    if inverter is None:
        raise UserError(f"{prepared.spec['name']} has no inverter: expected one to train")
    embeddings = bench.templates[prepared.chosen]
    images = Subset(bench.images, prepared.chosen)
    # Written first, so that a saved inverter always has thresholds beside it.
    write_thresholds(run.folder / THRESHOLDS, bench.victim.thresholds.values())
    if done is not None and inverter.saves:
        print(f"{run.folder} is trained")
        inverter = inverter.reopened(run.folder / "inverter")
        inverter.attack_by(bench.victim.recogniser)
    else:
        done = train(inverter, embeddings, images, seed=seed, run=run), device()
    run.checkpoint.unlink(missing_ok=True)  # the saved inverter is enough
    return inverter, *done


def train_on(
    bench: Bench, spec: MethodSpec, seed: int, *, folders: Folders, half: bool = False
) -> tuple[Inverter, Path, float]:
    """Train one inverter and save it, or open what was trained before.

    Args:
        bench: faces and attacked recogniser.
        spec: the method.
        seed: for initial weights and the order of images.
        folders: the run is written to one of them.
        half: save weights in half the space, where the inverter can.

    Returns:
        The inverter, the folder of its run, and seconds that its training took.
    """
    prepared = prepare(spec, bench, seed=seed)
    with open_run(prepared, seed, folders=folders, bench=bench) as run:
        inverter, seconds, _ = trained(prepared, seed, run=run, bench=bench)
        if half:
            inverter.save_half(run.folder / "inverter")
    return inverter, run.folder, seconds


def run_one(spec: MethodSpec, seed: int, *, folders: Folders, bench: Bench) -> None:
    """Train, examine and record one inverter with one seed, or compare it with its record."""
    split = bench.split
    prepared = prepare(spec, bench, seed=seed)
    with open_run(prepared, seed, folders=folders, bench=bench) as run:
        inverter, seconds, machine = trained(prepared, seed, run=run, bench=bench)
        config = {**prepared.config, **inverter.config}  # with the machine's choices
        reconstructions, milliseconds = reconstruct(inverter, bench.templates[split.test])
        hypotheses = invert_again(inverter, bench.templates[split.test], bench.subjects)
        cost = {
            "parameters": inverter.parameters,
            "train_seconds": round(seconds, 1),
            "train_device": machine,
            "ms_per_image": round(milliseconds, 3),
        }
        entry = entry_of(prepared.spec, seed, folders, bench)
        examination = examine(reconstructions, bench, seed=seed, hypotheses=hypotheses)
        facts = {"knowledge": inverter.knowledge, "config": config, "cost": cost}
        _finish(entry, examination, reconstructions, run=run, bench=bench, facts=facts)


def run_elsewhere(
    pictures: Path, seed: int, *, knowledge: str, folders: Folders, bench: Bench
) -> None:
    """Examine and record reconstructions that another program made."""
    name = own_name(f":{real(pictures).name}")
    files = [bench.dataset.files[index] for index in bench.split.test]
    reconstructions = read_reconstructions(pictures, files)
    config = {PICTURES: sha256(reconstructions.data)}
    spec = bare_spec(name, "elsewhere")
    entry = entry_of(spec, seed, folders, bench)
    if entry.exists(split=bench.split.hash, **config):
        wanted = declared(bench)["recognisers"]
        thresholds = {name: {"thresholds": wanted[name]["thresholds"]} for name in wanted}
        check_thresholds(Record.read(entry.path), entry.path, thresholds)
        return
    prepared = Prepared(spec, None, bench.split.train, config)
    with open_run(prepared, seed, folders=folders, bench=bench) as run:
        examination = examine(reconstructions, bench, seed=seed)
        facts = {"knowledge": knowledge, "config": config, "cost": {}}
        _finish(entry, examination, reconstructions, run=run, bench=bench, facts=facts)


def invert_again(
    inverter: Inverter, embeddings: np.ndarray, subjects: np.ndarray
) -> np.ndarray | None:
    """Several reconstructions of one image of each subject with two; None if not stochastic.

    Args:
        inverter: fitted.
        embeddings: float32 (N, D).
        subjects: (N,), subject of each.

    Returns:
        uint8 (K, S, 160, 160, 3): K reconstructions of S images.
    """
    if not inverter.stochastic:
        return None
    chosen = embeddings[one_each(subjects)]
    return np.stack([reconstruct(inverter, chosen, hypothesis=k)[0] for k in range(HYPOTHESES)])


def _finish(
    entry: Entry,
    examination: Examination,
    reconstructions: np.ndarray,
    *,
    run: Run,
    bench: Bench,
    facts: dict[str, Any],
) -> None:
    """Draw, log and record an examination; `facts` are fields of the record."""
    victim = bench.victim.recogniser.name
    if warning := looks_shifted(examination, victim, bench.subjects):
        print(f"warning: {warning}", file=sys.stderr)
    _draw(run, examination, reconstructions, bench)
    trained = max((int(line["step"]) for line in run.history() if "seconds" in line), default=-1)
    run.rewind(trained)  # drop what an interrupted examination logged
    figures = resolved(examination.metrics)
    run.log(trained + 1, **figures)
    for name, shares in examination.curves.items():
        run.curve(name, shares)
    for judge in bench.judges:
        cosines = examination.scores[f"{judge.recogniser.name}/type1"]
        run.histogram(f"cosines/{judge.recogniser.name}", trained + 1, cosines)
    seconds = {name: round(part, 1) for name, part in examination.seconds.items()}
    as_published = (bench.dataset.name, victim) == ("lfw", "facenet")
    record = entry.record(
        knowledge=facts["knowledge"],
        config={**facts["config"], PICTURES: sha256(reconstructions.data), **declared(bench)},
        metrics=examination.metrics,
        reported=REPORTED if as_published else {},
        cost={**facts["cost"], "examination_seconds": seconds, "peak_memory_gib": peak_memory()},
    )
    run.settle()
    if (run.folder / RECORD).parent.is_dir():  # a saved inverter has its record beside it
        record.write_to(run.folder / RECORD, examination.scores)
    if entry.path.exists():
        print(compared(Record.read(entry.path), record))
    else:  # written last: a published record is complete
        record.write(entry.records, examination.scores)
    parts = ", ".join(f"{name} {part:.0f}" for name, part in seconds.items())
    cosine = figures.get(f"{victim}/cosine_mean")
    cosine_text = "no cosine" if cosine is None else f"cosine {cosine:.4f}"
    print(f"{run.folder}: {cosine_text}; examined in {sum(seconds.values()):.0f} seconds: {parts}")


def _draw(run: Run, examination: Examination, reconstructions: np.ndarray, bench: Bench) -> None:
    """Strips of the worst, the median and random reconstructions, by cosine."""
    cosines = examination.scores[f"{bench.victim.recogniser.name}/type1"]
    for name, chosen in picked(cosines, SHOWN).items():
        run.draw(name, 0, bench.originals[chosen], reconstructions[chosen])


def run_all(
    specs: list[MethodSpec], seeds: tuple[int, ...], *, setting: Setting, folders: Folders
) -> None:
    """Run every method with every seed, unless it is done."""
    dataset = setting.source.open()
    missing = [
        (spec, seed)
        for seed in seeds
        for spec in specs
        if not is_done(spec, seed, setting=setting, folders=folders, dataset=dataset)
    ]
    if missing:
        bench = open_bench(setting)
    for spec, seed in missing:
        run = run_translated if spec.make().gives_vectors else run_one
        run(spec, seed, folders=folders, bench=bench)
        keras.utils.clear_session()
