"""The reference thesis' decoders, trained and tested as the thesis did, beside the mean image."""

from dataclasses import dataclass, replace

from baselines.options import TARGETS
from experiments.common import Flat, main, rehearsed
from experiments.published import DOCUMENTED
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Selection
from gan_inversion.data.source import Source
from gan_inversion.inverters.families import changed, specified


@dataclass(frozen=True)
class Options:
    """Train the thesis' decoders on 80 % of the images, drawn at random, and test on the others.

    As in the thesis, a subject may have images in both parts; experiments.inversion keeps subjects
    apart. Needs LFW and FaceNet (experiments.fetch), unless `dataset` and `victim` name others.
    Writes a record per method and seed, their table, and the runs.

    Cost: about 12 minutes a decoder and seed on two CPU cores. Expected on LFW: test loss 0.380 and
    accuracy 0.665 for documented_conv_bn, 0.278 and 0.677 for the constant mean_face.
    """

    methods: tuple[str, ...] = DOCUMENTED
    """Decoders, or mean_face; append _corrected to train on pixels in [0, 1], not [-1, 1]."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the split, initial weights and order of images; one record each."""

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted: facenet, or compact for drawn faces."""

    epochs: int = 10
    """Passes over the training images, 10 in the thesis; more take longer."""

    folders: Flat[Folders] = Folders()

    smoke: bool = False
    """Rehearse in a minute: synthetic faces, one seed, two epochs, all under `runs`/smoke."""


def run_all(options: Options) -> None:
    """Run every method with every seed, and write the table."""
    options = rehearsed(options, seeds=options.seeds[:1], epochs=2)

    from gan_inversion.protocols.documented.run import Method, run_all
    from gan_inversion.reporting.pages import write_documented

    methods = []
    for name in options.methods:
        base = name.removesuffix("_corrected")
        if base not in DOCUMENTED:
            raise UserError(f"method must be one of {', '.join(DOCUMENTED)}, not {name!r}")
        targets = "documented" if base == name else "corrected"
        spec, changes = specified(base), {"targets": targets, "epochs": options.epochs}
        spec = replace(spec, name=name, options=changed(spec.options, changes))
        methods.append(Method(spec, TARGETS[targets]))
    run_all(
        methods,
        options.seeds,
        source=options.source,
        victim=options.victim,
        folders=options.folders,
        epochs=options.epochs,
    )
    folders = options.folders
    chosen = Selection(options.source.dataset, victim=options.victim)
    write_documented(folders.records, folders.tables, chosen)


if __name__ == "__main__":
    main(Options, run_all)
