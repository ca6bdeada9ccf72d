"""Membership inference: whom does an inverter remember?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.common import main


@dataclass(frozen=True)
class Options:
    """Run every membership attack on signals that you took from your own models.

    An attack tells members, on which the target model was trained, from all others. Every model is
    in turn the target model and the others its shadow models. Writes a record and a table.

    Cost: two minutes for 10,000 images, 16 models and two signals on two CPU cores.
    """

    signals: Path
    """An .npz file with a matrix (images, models) for each signal, larger where a model fits an
    image better: negative losses, similarities, a discriminator's logits. The rmia attacks read a
    signal as a log likelihood: give minus the cross-entropy, or minus the logarithm of a squared
    error."""

    membership: Path | None = None
    """An .npy or .npz file with a matrix (images, models): 1 where the image is a member of the
    model, otherwise 0. An array `subjects` (images,) beside it names the subject of each image.
    Default: the arrays of these names in the file of the signals."""

    unit: Literal["image", "subject"] = "image"
    """What a row of the matrices stands for, and what is a member: an image or a subject."""

    seed: int = 0
    """Seed of the random resampling."""

    records: Path = Path("runs/records")
    """Folder for the record, which is named after the signals' file."""

    tables: Path = Path("runs/tables")
    """Folder for the table."""


def run_all(options: Options) -> None:
    """Read the signals, attack them, and write the record and the table."""
    from gan_inversion.protocols.membership.own import audit_own
    from gan_inversion.reporting.pages import write_audit

    record = audit_own(
        options.signals,
        options.membership,
        unit=options.unit,
        seed=options.seed,
        records=options.records,
    )
    write_audit(record, options.tables)


if __name__ == "__main__":
    main(Options, run_all)
