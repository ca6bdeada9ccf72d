"""Train inverters on one part of the subjects, and examine them on people they never saw."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_inversion.core.device import device, peak_memory
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.own import is_own, plain_name
from gan_inversion.core.record import (
    Record,
    at,
    bare_spec,
    entry_name,
    read_scores,
    resolved,
)
from gan_inversion.core.run import Preview, Run
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import sha256
from gan_inversion.core.thresholds import write_thresholds
from gan_inversion.data import Dataset, Subset
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.families import MethodSpec
from gan_inversion.inverters.own import Own
from gan_inversion.inverters.trained import (
    HYPOTHESES,
    RECORD,
    THRESHOLDS,
    reconstruct,
    train,
    training_of,
)
from gan_inversion.metrics.attack import one_each, other_images, subject_mean
from gan_inversion.metrics.intervals import bootstrap_mean
from gan_inversion.protocols.inversion.bench import Bench, Setting, open_bench
from gan_inversion.protocols.inversion.elsewhere import read_reconstructions
from gan_inversion.protocols.inversion.examination import Examination, examine
from gan_inversion.protocols.inversion.faces import picked
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.protocols.records import Entry, check_options, check_record
from gan_inversion.recognisers import open_recogniser

REPORTED = {
    "facenet/sar_type1@fmr=1e-3": 0.9520,
    "facenet/sar_type2@fmr=1e-3": 0.5805,
}  # NbNet: Mai et al., TPAMI 2018, LFW's own protocol, inverter trained on other data
SHOWN = 9  # pictures of a strip


@dataclass(frozen=True)
class Prepared:
    """What one training is given.

    Attributes:
        spec: of the method, as plain data.
        inverter: not fitted yet; None for images made elsewhere.
        chosen: int (T,), indices of the images to train on.
        config: what run and record declare of it.
    """

    spec: Mapping[str, Any]
    inverter: Inverter | None
    chosen: np.ndarray
    config: dict[str, Any]


def prepare(spec: MethodSpec, bench: Bench, *, seed: int = 0) -> Prepared:
    """The inverter of a spec, its training images, and what its run and record declare."""
    inverter = spec.make(recogniser=bench.victim.recogniser)
    chosen, size = bench.split.train, spec.training_images
    if inverter.is_given_answers:
        chosen = bench.split.test
    elif size is not None:
        if size > len(chosen):
            raise UserError(
                f"{spec.name}: expected at most {len(chosen)} training images, got {size}"
            )
        chosen = np.sort(stream(seed, "training size", size).permutation(chosen)[:size])
    own = spec.options
    source = {"source_digest": own.source_digest} if isinstance(own, Own) else {}
    config = {"training_images": len(chosen), **inverter.config, **source}
    return Prepared(spec.content, inverter, chosen, config)


def trained(
    prepared: Prepared, seed: int, *, run: Run, bench: Bench
) -> tuple[Inverter, float, str]:
    """The inverter, trained now or before; seconds that it took, and the device."""
    inverter, done = prepared.inverter, training_of(run)
    if inverter is None:
        raise UserError(f"{prepared.spec['name']} was made elsewhere: expected one to train")
    embeddings = bench.templates[prepared.chosen]
    images = Subset(bench.images, prepared.chosen)
    # First: whoever finds a trained inverter finds what its verdicts are by.
    write_thresholds(run.folder / THRESHOLDS, bench.victim.thresholds.values())
    if done is not None and inverter.saves:
        print(f"{run.folder} is trained")
        inverter = inverter.reopened(run.folder / "inverter")
        inverter.attack_by(bench.victim.recogniser)
    else:
        done = train(inverter, embeddings, images, seed=seed, run=run), device()
    run.checkpoint.unlink(missing_ok=True)  # the trained inverter stays
    return inverter, *done


def train_on(
    bench: Bench, spec: MethodSpec, seed: int, *, folders: Folders, half: bool = False
) -> tuple[Inverter, Path, float]:
    """Train one inverter and save it, or open what was trained before.

    Args:
        bench: faces and attacked recogniser.
        spec: the method.
        seed: of weights and order.
        folders: for the run.
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
        entry = _entry(prepared.spec, seed, folders, bench)
        examination = examine(reconstructions, bench, seed=seed, hypotheses=hypotheses)
        facts = {"knowledge": inverter.knowledge, "config": config, "cost": cost}
        _finish(entry, examination, reconstructions, run=run, bench=bench, facts=facts)


def run_elsewhere(
    pictures: Path, seed: int, *, knowledge: str, folders: Folders, bench: Bench
) -> None:
    """Examine and record pictures made elsewhere."""
    name = plain_name(f":{pictures.resolve().name}")
    files = [bench.dataset.files[index] for index in bench.split.test]
    reconstructions = read_reconstructions(pictures, files)
    config = {"pictures_digest": sha256(reconstructions.data)}
    spec = bare_spec(name, "elsewhere")
    entry = _entry(spec, seed, folders, bench)
    if entry.exists(split=bench.split.hash, **config):
        return
    prepared = Prepared(spec, None, bench.split.train, config)
    with open_run(prepared, seed, folders=folders, bench=bench) as run:
        examination = examine(reconstructions, bench, seed=seed)
        facts = {"knowledge": knowledge, "config": config, "cost": {}}
        _finish(entry, examination, reconstructions, run=run, bench=bench, facts=facts)


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
    if not inverter.stochastic:
        return None
    chosen = embeddings[one_each(subjects)]
    return np.stack([reconstruct(inverter, chosen, hypothesis=k)[0] for k in range(HYPOTHESES)])


def _entry(spec: Mapping[str, Any], seed: int, folders: Folders, bench: Bench) -> Entry:
    """The record of a method, before anything is measured."""
    victim = bench.victim.recogniser
    return Entry(
        folders.records,
        bench.protocol,
        spec["name"],
        bench.dataset,
        victim,
        seed,
        spec,
        bench.part,
        bench.protection,
    )


def _run_folder(name: str, seed: int, folders: Folders, dataset: str, victim: str) -> Path:
    return folders.runs / Inversion().name / entry_name(name, dataset, seed, victim=victim)


def is_done(
    spec: MethodSpec, seed: int, *, setting: Setting, folders: Folders, dataset: Dataset
) -> bool:
    """Whether nothing is to do: an inverter was trained and examined with these options.

    Decided without an embedding. A published record alone does not make an inverter: its run is
    trained, and compared with it.

    Raises:
        UserError: a record was made under other conditions.
    """
    chosen = setting.selection
    path = chosen.path(folders.records, Inversion().name, spec.name, seed)
    own = _run_folder(spec.name, seed, folders, dataset.name, chosen.victim) / RECORD
    inverter = spec.make()
    wanted = dict(inverter.config)
    if wanted.get("precision") == "auto":
        del wanted["precision"]  # left to the machine
    condition = {"protocol_hash": Inversion().hash, "data_digest": dataset.digest}
    if isinstance(spec.options, Own):
        condition["source_digest"] = spec.options.source_digest
    if is_own(setting.victim):
        condition["victim_digest"] = open_recogniser(setting.victim).digest
    records = {file: Record.read(file) for file in (path, own) if file.exists()}
    for file, record in records.items():
        check_record(record, file, **condition)
        if record.part != setting.part:
            raise UserError(f"{file} is of the {record.part} part: expected {setting.part}")
        # Older records say less of an inverter.
        check_options(record, file, {n: v for n, v in wanted.items() if n in record.config})
    if own in records and path not in records:
        judges = {setting.victim, *setting.judges}
        if len(judges) != len(records[own].config["recognisers"]):
            return False  # examined by others
        records[own].write_to(path, read_scores(own))
        print(f"{path} written from its run")
    elif path not in records or (own not in records and inverter.saves):
        return False
    else:
        print(f"{path} exists: skipped")
    return True


def open_run(prepared: Prepared, seed: int, *, folders: Folders, bench: Bench) -> Run:
    """The folder of a run, with the options that determine what is trained."""
    attacked = bench.victim
    config = {
        "method": prepared.spec["name"],
        "family": prepared.spec["family"],
        **prepared.config,
        "protocol": asdict(bench.protocol),
        "data_digest": bench.dataset.digest,
        "split": bench.split.hash,
        "victim": {
            "name": attacked.recogniser.name,
            "digest": attacked.recogniser.digest,
            "precision": attacked.recogniser.precision,
        },
        "seed": seed,
    }
    preview = Preview(bench.templates[bench.split.test], bench.originals, seed)
    name, victim = prepared.spec["name"], attacked.recogniser.name
    folder = _run_folder(name, seed, folders, bench.dataset.name, victim)
    return Run(folder, config, preview=preview)


def _declared(bench: Bench) -> dict[str, Any]:
    """What the record's `config` says of the bench."""
    return {
        "data_digest": bench.dataset.digest,
        "split": bench.split.hash,
        "images": {
            "train": len(bench.split.train),
            "validation": len(bench.split.validation),
            "test": len(bench.split.test),
        },
        "recognisers": {
            judge.recogniser.name: {
                "digest": judge.recogniser.digest,
                "precision": judge.recogniser.precision,
                "thresholds": {f"{fmr:g}": t.threshold for fmr, t in judge.thresholds.items()},
                "impostors": judge.impostors,
            }
            for judge in bench.judges
        },
    }


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
    run.rewind(trained)  # what a killed examination had logged
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
        config={**facts["config"], **_declared(bench)},
        metrics=examination.metrics,
        reported=REPORTED if as_published else {},
        cost={**facts["cost"], "examination_seconds": seconds, "peak_memory_gib": peak_memory()},
    )
    run.settle()
    if (run.folder / RECORD).parent.is_dir():  # weights travel with their record
        record.write_to(run.folder / RECORD, examination.scores)
    if entry.path.exists():
        print(compared(Record.read(entry.path), record))
    else:  # last: whoever finds it finds everything
        record.write(entry.records, examination.scores)
    parts = ", ".join(f"{name} {part:.0f}" for name, part in seconds.items())
    cosine = figures.get(f"{victim}/cosine_mean")
    known = "no cosine" if cosine is None else f"cosine {cosine:.4f}"
    print(f"{run.folder}: {known}; examined in {sum(seconds.values()):.0f} seconds: {parts}")


def compared(published: Record, own: Record) -> str:
    """How a training done again compares with its published record, in a sentence."""
    name = own.victim
    figures = {
        f"type-{kind} success rate at FMR 0.1 %": at(f"{name}/sar_type{number}", fmr=1e-3)
        for number, kind in enumerate(("I", "II"), 1)
    } | {"cosine": f"{name}/cosine_mean"}
    parts = []
    for words, figure in figures.items():
        values = [
            record.metrics[figure].value for record in (published, own) if figure in record.metrics
        ]
        texts = ["n/a" if value is None else f"{value:.3f}" for value in values]
        parts += [f"{words} published {texts[0]}, yours {texts[1]}"] if len(texts) == 2 else []
    return f"{own.method}, seed {own.seed}: {'; '.join(parts)}; the published record stays"


def looks_shifted(examination: Examination, name: str, subjects: np.ndarray) -> str | None:
    """A sentence where reconstructions suit other images of their subjects better than their own.

    Args:
        examination: an examination.
        name: of the attacked recogniser.
        subjects: (N,), of the inverted images.
    """
    if f"{name}/type2" not in examination.scores:
        return None
    first, second = examination.scores[f"{name}/type1"], examination.scores[f"{name}/type2"]
    inverted, _ = other_images(subjects)
    images, means = subject_mean(second, inverted)
    more = first[images] - means
    if bootstrap_mean(more, subjects[images])[1] >= 0:
        return None
    return (
        f"reconstructions are less similar to the images whose embeddings were inverted (mean "
        f"cosine {first[images].mean():.3f}) than to other images of the same people "
        f"({means.mean():.3f}): are the rows of the index shifted?"
    )


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
        run_one(spec, seed, folders=folders, bench=bench)
        keras.utils.clear_session()
