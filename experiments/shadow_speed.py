"""Decoders trained per hour: many together, as shadow models are, or one after another."""

from dataclasses import dataclass

from baselines.options import DECODERS
from experiments.common import Flat, main, rehearsed
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Written
from gan_inversion.protocols import Speed

IMAGES = 1000  # training images of a model, as in the published studies


@dataclass(frozen=True)
class Options:
    """Time the training of decoders in three ways, in turn, and compare what they have learned.

    The ways have equally many epochs in all: one model by Keras' `fit`, as the thesis trained, with
    an epoch for each model of the others; models one after another by the loop of this package; and
    models together. The last two train on the same images in the same order from the same weights.
    Compiling is left out. Needs FaceNet (experiments.fetch). Writes a record per decoder, and the
    table.

    Cost: 13 minutes on two CPU cores with AVX-512.
    """

    decoders: tuple[str, ...] = DECODERS
    """Networks of the thesis to train: dense, conv, conv_bn; one record each."""

    models: int = 4
    """Number of models that are trained together."""

    folders: Flat[Written] = Written()

    smoke: bool = False
    """Rehearse with compact and few images; everything is written under `runs/smoke`."""


def run_all(options: Options) -> None:
    """Time every decoder, and write the table."""
    options = rehearsed(options, models=2)
    for decoder in options.decoders:
        if decoder not in DECODERS:
            raise UserError(f"decoders are {', '.join(DECODERS)}, not {decoder!r}")

    from baselines.speed import time_one
    from gan_inversion.recognisers import Compact, FaceNet
    from gan_inversion.reporting.pages import write_speed

    protocol = Speed(images=64, turns=2) if options.smoke else Speed(images=IMAGES)
    recogniser = Compact() if options.smoke else FaceNet()
    for decoder in options.decoders:
        time_one(decoder, options.models, protocol, recogniser, options.folders.records)
    write_speed(options.folders.records, options.folders.tables)


if __name__ == "__main__":
    main(Options, run_all)
