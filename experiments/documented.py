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
    """Train the thesis' decoders on a random 80/20 split of images and test them.

    Cost: about 12 minutes a decoder and seed on two CPU cores. Expected on LFW: test loss
    0.385 and accuracy 0.66 for documented_conv_bn, 0.281 and 0.675 for the constant mean_face.
    """

    methods: tuple[str, ...] = DOCUMENTED
    """What to run; append _corrected for targets in [0, 1] instead of [-1, 1]."""

    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of split, weights and order; one record each."""

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted: facenet, or compact for drawn faces."""

    epochs: int = 10
    """Passes over the training images."""

    folders: Flat[Folders] = Folders()

    smoke: bool = False
    """A minute's rehearsal on synthetic faces: one seed, two epochs, everything under `runs`."""


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
