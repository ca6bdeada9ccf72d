"""Train inverters on one part of the subjects, and examine them on people they never saw."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from experiments.common import FamilyOptions, Flat, main, rehearsed, specs_of
from experiments.published import EXPECTED, JUDGES, METHODS, SEEDS
from gan_inversion.cgan.presets import STEPWISE
from gan_inversion.core.folders import Folders
from gan_inversion.core.own import is_own
from gan_inversion.data.source import Source
from gan_inversion.protocols import INDEPENDENT

REHEARSED = 2  # epochs of a rehearsal


@dataclass(frozen=True)
class Options:
    """Train inverters on 70 % of the subjects and examine them on 20 % that nobody trained on.

    Recognisers compare each reconstruction with the image that was embedded (type-I) and with other
    images of the subject (type-II); SAR is the share that they accept. Needs LFW and recognisers
    (experiments.fetch; extras dlib and onnx), unless `dataset`, `victim` and `judges` name others.
    Writes a record per method and seed, the tables, and the runs with the trained inverters.

    Cost on LFW, two CPU cores: training 3 to 20 minutes a documented decoder, 4 to 14 ridge_pca;
    examination 4 minutes, and up to 9 for judges; before, embeddings: 3, and 25 for judges.
    """

    methods: tuple[str, ...] = METHODS
    """Inverters: controls, documented decoders, cgan[_<variant>][_<preset>] (presets: tiny, short,
    cpu, long, gpu), or your own as file.py:name (a function from embeddings to images, or a class
    with fit and invert). Append _n500 to train on 500 images drawn at random. `ablation` stands for
    the conditional GANs that each have one term more than the one before."""

    reconstructions: Path | None = None
    """Examine reconstructions made elsewhere: a folder with an index.csv (see docs/own.md)."""

    knowledge: Literal["black_box", "white_box"] = "black_box"
    """Whether these, or your own inverter, used the inside of the recogniser (white_box)."""

    seeds: tuple[int, ...] = SEEDS
    """Seeds of weights, order and the examination's choices; one record each, one split for all."""

    families: Flat[FamilyOptions] = FamilyOptions()

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted, by name (such as facenet, mobilefacenet, sface,
    dlib, compact), an ONNX file as model.onnx:card, or your own as file.py:name."""

    judges: tuple[str, ...] = JUDGES
    """Judges, recognisers that the reconstructions are shown to; may be none. dlib and sface are
    independent: no training or choice leans on them. Others are given like the victim."""

    part: Literal["test", "validation"] = "test"
    """Subjects to examine on; `validation` is for choosing among options: it leaves out dlib
    and sface, and puts records and tables into `runs`/validation."""

    thresholds: Path | None = None
    """A registry, such as results/thresholds.json: accept by its thresholds, which were set on all
    subjects of another data set. For small data, whose own impostor pairs are too few."""

    epochs: int = 10
    """Passes over the training images of decoders whose own option `epochs` is not given."""

    folders: Flat[Folders] = Folders()

    smoke: bool = False
    """Rehearse in a minute: compact, synthetic faces, one seed, no convolutional decoders unless
    asked for. Everything is written under `runs`/smoke."""


def judges_without(names: tuple[str, ...], options: Options) -> tuple[str, ...]:
    """The judges that are not among these."""
    return tuple(judge for judge in options.judges if judge not in names)


def run_all(options: Options) -> None:
    """Run every method with every seed, and write the table."""
    quick = tuple(method for method in METHODS if "conv" not in method)
    epochs = None if options.smoke else options.epochs
    options = rehearsed(
        options,
        methods=quick if options.methods == METHODS else options.methods,
        victim=options.victim if is_own(options.victim) else "compact",
        judges=judges_without(JUDGES, options),
        seeds=options.seeds[:1],
        epochs=REHEARSED,
    )
    if options.part == "validation":  # independent judges must have no influence on any choice
        judges = judges_without(INDEPENDENT, options)
        options = replace(options, judges=judges, folders=options.folders.inside("validation"))
    methods = [name for m in options.methods for name in (STEPWISE if m == "ablation" else [m])]
    specs = specs_of(methods, options.families, epochs=epochs, knowledge=options.knowledge)
    if options.smoke:
        specs = [spec.rehearsed(epochs=REHEARSED) for spec in specs]

    from gan_inversion.protocols.inversion import run
    from gan_inversion.protocols.inversion.bench import Setting, open_bench
    from gan_inversion.reporting.pages import check_inversion, write_inversion

    setting = Setting(
        options.source,
        options.victim,
        options.judges,
        results=options.folders.results,
        part=options.part,
        thresholds=options.thresholds,
    )
    if options.reconstructions is not None:
        run.run_elsewhere(
            options.reconstructions,
            options.seeds[0],
            knowledge=options.knowledge,
            folders=options.folders,
            bench=open_bench(setting),
        )
    else:
        run.run_all(specs, options.seeds, setting=setting, folders=options.folders)
    records, chosen = options.folders.records, setting.selection
    expected = EXPECTED if records == Folders().records and chosen.published else ()
    checked = check_inversion(records, chosen)
    write_inversion(records, options.folders.tables, chosen, expected=expected, checked=checked)


if __name__ == "__main__":
    main(Options, run_all)
