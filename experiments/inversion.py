"""Train inverters on one part of the subjects, and examine them on people they never saw."""

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from experiments.common import (
    check_record,
    device,
    main,
    make_record,
    peak_memory,
    recorded,
    rehearsed,
)
from experiments.examination import Bench, Examination, Judge, examine
from experiments.methods import (
    RECORD,
    THRESHOLDS,
    build,
    invert_again,
    parameters,
    reconstruct,
    train,
    training_of,
    training_size,
)
from experiments.own import (
    is_own,
    open_embedder,
    plain_name,
    read_reconstructions,
    source_digest,
)
from experiments.tables import (
    EXPECTED,
    METHODS,
    SEEDS,
    STEPWISE,
    check_inversion,
    write_inversion,
)
from experiments.thresholds import borrowed_thresholds, embed_view, set_thresholds
from gan_inversion.data import Align, Dataset, DatasetName, Subset, open_dataset
from gan_inversion.embedders import Embedder
from gan_inversion.errors import UserError
from gan_inversion.evaluation.attack import other_images, rejected, subject_mean
from gan_inversion.evaluation.intervals import bootstrap_mean
from gan_inversion.inverter import Inverter
from gan_inversion.protocols import Inversion
from gan_inversion.record import Record, at, read_scores, resolved
from gan_inversion.run import Preview, Run
from gan_inversion.seeding import stream
from gan_inversion.storage import sha256, write_text
from gan_inversion.thresholds import write_thresholds

REPORTED = {
    "facenet/sar_type1@fmr=1e-3": 0.9520,
    "facenet/sar_type2@fmr=1e-3": 0.5805,
}  # NbNet: Mai et al., TPAMI 2018, LFW's own protocol, inverter trained on other data

EPOCHS, BATCH_SIZE = 10, 32  # of the documented decoders, as their thesis has them
JUDGES = ("dlib",)  # of the benchmark: they have no say in any choice
SHOWN = 9  # pictures of a strip


@dataclass(frozen=True)
class Options:
    """Train inverters on 70 % of the subjects and examine them on 20 % that nobody trained on.

    Cost on LFW, two CPU cores: training 3 to 20 minutes a documented decoder, less than 2 the
    others; examination less than 3 minutes with facenet, and 2 more with dlib. The first run
    embeds all images: 3 minutes with facenet, 9 with dlib.
    """

    methods: tuple[str, ...] = METHODS
    """Inverters: controls, documented decoders, cgan[_<variant>][_<preset>]. Append _n500 to train
    on 500 images drawn at random, or give your own as file.py:name (a function from embeddings to
    pictures, or a class with fit and invert). `ablation` stands for the conditional GANs that each
    have one term more than the one before."""

    reconstructions: Path | None = None
    """Examine pictures made elsewhere instead: a folder with an index.csv (see docs/own.md)."""

    knowledge: Literal["black_box", "white_box"] = "black_box"
    """What the maker of such pictures, or of your own function, knew of the recogniser."""

    seeds: tuple[int, ...] = SEEDS
    """Seeds of weights, order and random choices of the examination; one record each. The split
    does not hang on them."""

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
    """Recogniser whose embeddings are inverted: facenet, compact, or your own as file.py:name."""

    judges: tuple[str, ...] = JUDGES
    """Independent recognisers that reconstructions are shown to as well."""

    part: Literal["test", "validation"] = "test"
    """Subjects to examine on. `validation` is for choosing among options: the benchmark's own
    independent judge is left out, and records and tables go to `runs`/validation."""

    thresholds: Path | None = None
    """A registry, such as results/thresholds.json: judge by the thresholds that it holds for the
    same recognisers on all subjects of another data set. For small data, whose own impostors are
    too few."""

    epochs: int = EPOCHS
    """Passes of the documented decoders over the training images."""

    runs: Path = Path("runs")
    """Folder for logs, TensorBoard events, pictures, checkpoints and trained inverters."""

    records: Path = Path("results/records")
    """Folder for records; beside it stand the threshold registry, thresholds.json, and the
    split of the subjects, in splits."""

    tables: Path = Path("docs")
    """Folder for the table."""

    smoke: bool = False
    """A minute's rehearsal with compact on synthetic faces: one seed, no convolutional decoders
    unless asked for, everything under `runs`."""


@dataclass(frozen=True)
class Prepared:
    """What one training is given.

    Attributes:
        inverter: not fitted yet; None for pictures made elsewhere.
        chosen: int (T,), indices of the images to train on.
        config: what run and record declare of it.
    """

    inverter: Any
    chosen: np.ndarray
    config: dict[str, Any]


def other_judges(options: Options) -> tuple[str, ...]:
    """Those that are not the benchmark's."""
    return tuple(judge for judge in options.judges if judge not in JUDGES)


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = options.runs / "smoke"
    quick = tuple(method for method in METHODS if "conv" not in method)
    return replace(
        options,
        methods=quick if options.methods == METHODS else options.methods,
        dataset="synthetic",
        embedder=options.embedder if is_own(options.embedder) else "compact",
        judges=other_judges(options),
        seeds=options.seeds[:1],
        epochs=2,
        runs=folder,
        records=folder / "records",
        tables=folder,
    )


def choosing(options: Options) -> Options:
    """The options of `--part validation`: nothing of the benchmark is touched."""
    folder = options.runs / "validation"
    return replace(
        options,
        judges=other_judges(options),
        runs=folder,
        records=folder / "records",
        tables=folder,
    )


def attacked_alone(options: Any) -> Options:
    """What `set_up` needs of another experiment's options, without independent recognisers."""
    names = ("dataset", "data", "min_images", "align", "embedder", "records", "smoke")
    return Options(judges=(), **{name: getattr(options, name) for name in names})


def set_up(options: Options) -> Bench:
    """Open the data, split it, and set the thresholds before any reconstruction is seen."""
    protocol = Inversion()
    dataset = open_faces(options)
    judges: list[Judge] = []
    split = None
    for name in (options.embedder, *options.judges):
        embedder = open_embedder(name)
        embeddings = embed_view(embedder, dataset, view=protocol.view, resample=protocol.resample)
        if split is None:
            split = protocol.split(dataset.files, embeddings)
            path = options.records.parent / "splits" / f"{dataset.name}-{split.hash}.csv"
            write_text(path, split.csv(dataset.files))
        if options.thresholds is not None:
            thresholds = borrowed_thresholds(
                options.thresholds, embedder, dataset, protocol=protocol
            )
        else:
            thresholds = set_thresholds(
                options.records.parent / "thresholds.json",
                embedder,
                dataset,
                embeddings,
                protocol=protocol,
                part=split.validation,
                split_hash=split.hash,
            )
        judges.append(Judge(embedder, embeddings, thresholds))
    if split is None:
        raise UserError("expected a recogniser to attack, got none")
    # Without an embedding there is nothing to invert; the examination counts such images.
    if options.part == "validation":
        split = replace(split, test=split.validation)
    usable = split.without(rejected(judges[0].embeddings))
    images = dataset.view(protocol.view, resample=protocol.resample)
    return Bench(protocol, dataset, images, usable, judges, split.test)


def open_faces(options: Options) -> Dataset:
    """The data set of the options."""
    return open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )


def build_one(method: str, options: Options, *, recogniser: Embedder | None = None) -> Inverter:
    """The inverter called `method`, not fitted yet.

    Args:
        method: its name, a size at its end included.
        options: of the command.
        recogniser: the attacked one.
    """
    return build(
        training_size(method)[0],
        targets="corrected",
        epochs=options.epochs,
        batch_size=BATCH_SIZE,
        recogniser=recogniser,
        smoke=options.smoke,
    )


def prepare(method: str, *, options: Options, bench: Bench, seed: int = 0) -> Prepared:
    """The inverter called `method`, its training images, and what its run and record declare."""
    split = bench.split
    base, size = training_size(method)
    chosen = split.train
    if base == "oracle":
        chosen = split.test  # it is handed the answers
    elif size is not None:
        if size > len(chosen):
            raise UserError(f"{method}: expected at most {len(chosen)} training images, got {size}")
        chosen = np.sort(stream(seed, "training size", size).permutation(chosen)[:size])
    inverter = build_one(method, options, recogniser=bench.judges[0].embedder)
    source = {"source_digest": source_digest(method)} if is_own(method) else {}
    config = {"training_images": len(chosen), **getattr(inverter, "config", {}), **source}
    return Prepared(inverter, chosen, config)


def trained(
    method: str, seed: int, prepared: Prepared, *, run: Run, bench: Bench
) -> tuple[Inverter, float, str]:
    """The inverter, trained now or before; seconds that it took, and the device."""
    embeddings = bench.judges[0].embeddings[prepared.chosen]
    images = Subset(bench.images, prepared.chosen)
    inverter, done = prepared.inverter, training_of(run)
    # First: whoever finds a trained inverter finds what its verdicts are by.
    write_thresholds(run.folder / THRESHOLDS, bench.judges[0].thresholds.values())
    if done is not None and hasattr(inverter, "load"):
        print(f"{run.folder} is trained")
        inverter = type(inverter).load(run.folder / "inverter")
        if hasattr(inverter, "recogniser"):
            inverter.recogniser = bench.judges[0].embedder
    else:
        done = train(inverter, embeddings, images, seed=seed, run=run), device()
    run.checkpoint.unlink(missing_ok=True)  # the trained inverter stays
    return inverter, *done


def run_one(method: str, seed: int, *, options: Options, bench: Bench) -> None:
    """Train, examine and record one inverter with one seed, or compare it with its record."""
    attacked, split = bench.judges[0], bench.split
    prepared = prepare(method, options=options, bench=bench, seed=seed)
    with open_run(method, seed, prepared, options=options, bench=bench) as run:
        inverter, seconds, machine = trained(method, seed, prepared, run=run, bench=bench)
        config = prepared.config | getattr(inverter, "config", {})  # with the machine's choices
        reconstructions, milliseconds = reconstruct(inverter, attacked.embeddings[split.test])
        hypotheses = invert_again(inverter, attacked.embeddings[split.test], bench.subjects)
        cost = {
            "parameters": parameters(inverter),
            "train_seconds": round(seconds, 1),
            "train_device": machine,
            "ms_per_image": round(milliseconds, 3),
        }
        knowledge = options.knowledge if is_own(method) else inverter.knowledge
        _finish(
            label(method),
            seed,
            reconstructions,
            hypotheses=hypotheses,
            run=run,
            bench=bench,
            options=options,
            knowledge=knowledge,
            config=config,
            cost=cost,
        )


def run_elsewhere(folder: Path, *, options: Options, bench: Bench) -> None:
    """Examine and record pictures made elsewhere."""
    name, seed = plain_name(f":{folder.resolve().name}"), options.seeds[0]
    files = [bench.dataset.files[index] for index in bench.split.test]
    reconstructions = read_reconstructions(folder, files)
    config = {"pictures_digest": sha256(reconstructions.data)}
    path = _record_path(name, seed, options)
    condition = {
        "protocol_hash": bench.protocol.hash,
        "data_digest": bench.dataset.digest,
        "embedder_digest": bench.judges[0].embedder.digest,
        "split": bench.split.hash,
    }
    if recorded(path, **condition, **config):
        return
    prepared = Prepared(None, bench.split.train, config)
    with open_run(name, seed, prepared, options=options, bench=bench) as run:
        _finish(
            name,
            seed,
            reconstructions,
            run=run,
            bench=bench,
            options=options,
            knowledge=options.knowledge,
            config=config,
            cost={},
        )


def _record_path(method: str, seed: int, options: Options) -> Path:
    """Where the record of a method stands, or would."""
    name = f"{label(method)}-{options.dataset}-s{seed}.json"
    return options.records / Inversion().name / name


def _run_folder(method: str, seed: int, options: Options) -> Path:
    return options.runs / Inversion().name / f"{label(method)}-{options.dataset}-s{seed}"


def is_done(method: str, seed: int, *, options: Options, dataset: Dataset) -> bool:
    """Whether nothing is to do: an inverter was trained and examined with these options.

    Decided without an embedding. A published record alone does not make an inverter: its run is
    trained, and compared with it.

    Raises:
        UserError: a record was made under other conditions.
    """
    path = _record_path(method, seed, options)
    own = _run_folder(method, seed, options) / RECORD
    inverter = build_one(method, options)
    wanted = dict(getattr(inverter, "config", {}))
    if wanted.get("precision") == "auto":
        del wanted["precision"]  # left to the machine
    condition = {"protocol_hash": Inversion().hash, "data_digest": dataset.digest}
    if is_own(method):
        condition["source_digest"] = source_digest(method)
    if is_own(options.embedder):
        condition["embedder_digest"] = source_digest(options.embedder)
    else:
        condition["embedder"] = options.embedder
    records = {some: Record.read(some) for some in (path, own) if some.exists()}
    for some, record in records.items():
        # Older records say less of an inverter.
        told = {name: value for name, value in wanted.items() if name in record.config}
        check_record(record, some, **condition, **told)
    if own in records and path not in records:
        judges = {options.embedder, *options.judges}
        if len(judges) != len(records[own].config["recognisers"]):
            return False  # examined by others
        records[own].write_to(path, read_scores(own))
        print(f"{path} written from its run")
    elif path not in records or (own not in records and hasattr(inverter, "save")):
        return False
    else:
        print(f"{path} exists: skipped")
    return True


def open_run(
    method: str,
    seed: int,
    prepared: Prepared,
    *,
    options: Options,
    bench: Bench,
) -> Run:
    """The folder of a run, with the options that determine what is trained."""
    attacked = bench.judges[0]
    config = {
        "method": label(method),
        **prepared.config,
        "protocol": asdict(bench.protocol),
        "data_digest": bench.dataset.digest,
        "split": bench.split.hash,
        "embedder": {
            "name": attacked.embedder.name,
            "digest": attacked.embedder.digest,
            "precision": attacked.embedder.precision,
        },
        "seed": seed,
    }
    preview = Preview(attacked.embeddings[bench.split.test], bench.originals, seed)
    return Run(_run_folder(method, seed, options), config, preview=preview)


def _declared(bench: Bench) -> dict[str, Any]:
    """What the record's `config` says of the bench."""
    return {
        "protocol": asdict(bench.protocol),
        "data_digest": bench.dataset.digest,
        "split": bench.split.hash,
        "images": {
            "train": len(bench.split.train),
            "validation": len(bench.split.validation),
            "test": len(bench.split.test),
        },
        "recognisers": {
            judge.embedder.name: {
                "digest": judge.embedder.digest,
                "precision": judge.embedder.precision,
                "thresholds": {f"{fmr:g}": t.threshold for fmr, t in judge.thresholds.items()},
                "impostors": judge.impostors,
            }
            for judge in bench.judges
        },
    }


def _finish(
    method: str,
    seed: int,
    reconstructions: np.ndarray,
    *,
    run: Run,
    bench: Bench,
    options: Options,
    knowledge: str,
    config: dict[str, Any],
    cost: dict[str, Any],
    hypotheses: np.ndarray | None = None,
) -> None:
    """Examine, draw and record."""
    found = examine(reconstructions, bench, seed=seed, hypotheses=hypotheses)
    if warning := looks_shifted(found, bench.judges[0].embedder.name, bench.subjects):
        print(f"warning: {warning}", file=sys.stderr)
    _draw(run, found, reconstructions, bench)
    trained = max((int(line["step"]) for line in run.history() if "seconds" in line), default=-1)
    run.rewind(trained)  # what a killed examination had logged
    figures = resolved(found.metrics)
    run.log(trained + 1, **figures)
    for name, shares in found.curves.items():
        run.curve(name, shares)
    for judge in bench.judges:
        cosines = found.scores[f"{judge.embedder.name}/type1"]
        run.histogram(f"cosines/{judge.embedder.name}", trained + 1, cosines)
    seconds = {name: round(part, 1) for name, part in found.seconds.items()}
    embedder = bench.judges[0].embedder
    as_published = (bench.dataset.name, embedder.name) == ("lfw", "facenet")
    record = make_record(
        bench.protocol,
        method,
        dataset=bench.dataset,
        embedder=embedder,
        knowledge=knowledge,
        seed=seed,
        config={**config, **_declared(bench)},
        metrics=found.metrics,
        reported=REPORTED if as_published else {},
        cost={**cost, "examination_seconds": seconds, "peak_memory_gib": peak_memory()},
    )
    run.settle()
    if (run.folder / RECORD).parent.is_dir():  # weights travel with their record
        record.write_to(run.folder / RECORD, found.scores)
    path = record.path(options.records)
    if path.exists():
        print(compared(Record.read(path), record))
    else:  # last: whoever finds it finds everything
        record.write(options.records, found.scores)
    parts = ", ".join(f"{name} {part:.0f}" for name, part in seconds.items())
    cosine = figures.get(f"{embedder.name}/cosine_mean")
    known = "no cosine" if cosine is None else f"cosine {cosine:.4f}"
    print(f"{run.folder}: {known}; examined in {sum(seconds.values()):.0f} seconds: {parts}")


def compared(published: Record, own: Record) -> str:
    """How a training done again compares with its published record, in a sentence."""
    name = own.embedder
    figures = {
        f"type-{kind} success rate at FMR 0.1 %": at(f"{name}/sar_type{number}", fmr=1e-3)
        for number, kind in enumerate(("I", "II"), 1)
    } | {"cosine": f"{name}/cosine_mean"}
    parts = []
    for words, figure in figures.items():
        values = [
            record.metrics[figure].value for record in (published, own) if figure in record.metrics
        ]
        told = ["n/a" if value is None else f"{value:.3f}" for value in values]
        parts += [f"{words} published {told[0]}, yours {told[1]}"] if len(told) == 2 else []
    return f"{own.method}, seed {own.seed}: {'; '.join(parts)}; the published record stays"


def looks_shifted(found: Examination, name: str, subjects: np.ndarray) -> str | None:
    """A sentence where reconstructions suit other images of their subjects better than their own.

    Args:
        found: an examination.
        name: of the attacked recogniser.
        subjects: (N,), of the inverted images.
    """
    if f"{name}/type2" not in found.scores:
        return None
    first, second = found.scores[f"{name}/type1"], found.scores[f"{name}/type2"]
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


def _draw(run: Run, found: Examination, reconstructions: np.ndarray, bench: Bench) -> None:
    """Strips of the worst, the median and random reconstructions, by cosine."""
    cosines = found.scores[f"{bench.judges[0].embedder.name}/type1"]
    for name, chosen in picked(cosines, SHOWN).items():
        run.draw(name, 0, bench.originals[chosen], reconstructions[chosen])


def picked(cosines: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Indices of random, median and worst reconstructions, by cosine (N,)."""
    order = np.argsort(cosines)
    middle = max(0, len(order) // 2 - count // 2)
    return {
        "random": stream(0, "strip").permutation(len(order))[:count],
        "median": order[middle : middle + count],
        "worst": order[:count],
    }


def label(method: str) -> str:
    """A method's name in records."""
    return plain_name(method) if is_own(method) else method


def run_all(options: Options) -> None:
    """Run every method with every seed, and write the table."""
    options = rehearsed(options, rehearsal)
    if options.part == "validation":
        options = choosing(options)
    methods = [name for m in options.methods for name in (STEPWISE if m == "ablation" else [m])]
    for method in methods:
        build_one(method, options)  # a wrong name fails before the work
    if options.reconstructions is not None:
        run_elsewhere(options.reconstructions, options=options, bench=set_up(options))
    else:
        dataset = open_faces(options)
        missing = [
            (method, seed)
            for seed in options.seeds
            for method in methods
            if not is_done(method, seed, options=options, dataset=dataset)
        ]
        if missing:
            bench = set_up(options)
        for method, seed in missing:
            run_one(method, seed, options=options, bench=bench)
            keras.utils.clear_session()
    write_inversion(
        options.records,
        options.tables,
        dataset=options.dataset,
        expected=EXPECTED if options.records == Options().records else (),
        checked=check_inversion(options.records, dataset=options.dataset),
    )


if __name__ == "__main__":
    main(Options, run_all)
