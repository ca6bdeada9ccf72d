"""Train inverters on one part of the subjects, and examine them on people they never saw."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from experiments.common import main, make_record, peak_memory, recorded
from experiments.examination import Bench, Examination, Judge, examine
from experiments.methods import (
    build,
    invert_again,
    is_trained,
    logged_seconds,
    parameters,
    reconstruct,
    train,
    trained_on,
    training_size,
)
from experiments.own import (
    is_own,
    open_embedder,
    plain_name,
    read_reconstructions,
    source_digest,
)
from experiments.tables import EXPECTED, METHODS, SEEDS, STEPWISE, write_inversion
from experiments.thresholds import borrowed_thresholds, embed_view, set_thresholds
from gan_inversion.data import Subset, open_dataset
from gan_inversion.errors import UserError
from gan_inversion.evaluation.attack import rejected
from gan_inversion.protocols import Inversion
from gan_inversion.record import resolved
from gan_inversion.run import Preview, Run
from gan_inversion.seeding import stream
from gan_inversion.storage import sha256, write_text

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

    dataset: Literal["lfw", "folder", "synthetic"] = "lfw"
    """Source of faces."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

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
    names = ("dataset", "data", "embedder", "records")
    return Options(judges=(), **{name: getattr(options, name) for name in names})


def set_up(options: Options) -> Bench:
    """Open the data, split it, and set the thresholds before any reconstruction is seen."""
    protocol = Inversion()
    dataset = open_dataset(options.dataset, options.data, min_images=options.min_images)
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


def run_one(method: str, seed: int, *, options: Options, bench: Bench) -> None:
    """Train, examine and record one inverter with one seed, unless its record exists."""
    attacked, split = bench.judges[0], bench.split
    source = {"source_digest": source_digest(method)} if is_own(method) else {}
    if _recorded(label(method), seed, source, options=options, bench=bench):
        return
    base, size = training_size(method)
    chosen = split.train
    if base == "oracle":
        chosen = split.test  # it is handed the answers
    elif size is not None:
        if size > len(chosen):
            raise UserError(f"{method}: expected at most {len(chosen)} training images, got {size}")
        chosen = np.sort(stream(seed, "training size", size).permutation(chosen)[:size])
    inverter = build(
        base,
        targets="corrected",
        epochs=options.epochs,
        batch_size=BATCH_SIZE,
        recogniser=attacked.embedder,
        smoke=options.smoke,
    )
    config = {"training_images": len(chosen), **getattr(inverter, "config", {}), **source}
    preview = Preview(attacked.embeddings[split.test], bench.originals, seed)
    with _open_run(
        label(method), seed, config, options=options, bench=bench, preview=preview
    ) as run:
        embeddings = attacked.embeddings[chosen]
        if is_trained(run):
            print(f"{run.folder} is trained: examined again")
            inverter, seconds = type(inverter).load(run.folder / "inverter"), logged_seconds(run)
        else:
            seconds = train(inverter, embeddings, Subset(bench.images, chosen), seed=seed, run=run)
        config |= getattr(inverter, "config", {})  # what was left to the machine is known now
        reconstructions, milliseconds = reconstruct(inverter, attacked.embeddings[split.test])
        hypotheses = invert_again(inverter, attacked.embeddings[split.test], bench.subjects)
        cost = {
            "parameters": parameters(inverter),
            "train_seconds": round(seconds, 1),
            "train_device": trained_on(run),
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
    run.checkpoint.unlink(missing_ok=True)  # the trained inverter stays


def run_elsewhere(folder: Path, *, options: Options, bench: Bench) -> None:
    """Examine and record pictures made elsewhere."""
    name, seed = plain_name(f":{folder.resolve().name}"), options.seeds[0]
    files = [bench.dataset.files[index] for index in bench.split.test]
    reconstructions = read_reconstructions(folder, files)
    config = {"pictures_digest": sha256(reconstructions.data)}
    if _recorded(name, seed, config, options=options, bench=bench):
        return
    with _open_run(name, seed, config, options=options, bench=bench) as run:
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


def _recorded(
    method: str, seed: int, config: dict[str, Any], *, options: Options, bench: Bench
) -> bool:
    name = f"{method}-{bench.dataset.name}-s{seed}.json"
    return recorded(
        options.records / bench.protocol.name / name,
        protocol_hash=bench.protocol.hash,
        data_digest=bench.dataset.digest,
        embedder_digest=bench.judges[0].embedder.digest,
        split=bench.split.hash,
        **config,
    )


def _open_run(
    method: str,
    seed: int,
    config: dict[str, Any],
    *,
    options: Options,
    bench: Bench,
    preview: Preview | None = None,
) -> Run:
    folder = options.runs / bench.protocol.name / f"{method}-{bench.dataset.name}-s{seed}"
    config = {"method": method, **config, **_declared(bench), "seed": seed}
    return Run(folder, config, preview=preview)


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
    path = record.write(options.records, found.scores)
    if (run.folder / "inverter").is_dir():  # weights travel with their record
        write_text(run.folder / "inverter" / "record.json", path.read_text(encoding="utf-8"))
    parts = ", ".join(f"{name} {part:.0f}" for name, part in seconds.items())
    cosine = figures.get(f"{embedder.name}/cosine_mean")
    known = "no cosine" if cosine is None else f"cosine {cosine:.4f}"
    print(f"{path}: {known}; examined in {sum(seconds.values()):.0f} seconds: {parts}")


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
    if options.smoke:
        options = rehearsal(options)
    if options.part == "validation":
        options = choosing(options)
    methods = [name for m in options.methods for name in (STEPWISE if m == "ablation" else [m])]
    for method in methods:
        build(training_size(method)[0], targets="corrected", epochs=1, batch_size=1)
    bench = set_up(options)
    if options.reconstructions is not None:
        run_elsewhere(options.reconstructions, options=options, bench=bench)
    else:
        for seed in options.seeds:
            for method in methods:
                run_one(method, seed, options=options, bench=bench)
                keras.utils.clear_session()
    write_inversion(
        options.records,
        options.tables,
        dataset=bench.dataset.name,
        expected=EXPECTED if options.records == Options().records else (),
    )


if __name__ == "__main__":
    main(Options, run_all)
