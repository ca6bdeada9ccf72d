"""Membership inference: whom does an inverter remember?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.common import main


@dataclass(frozen=True)
class Options:
    """Run every membership attack on signals of models that were made elsewhere.

    Every model is in turn the target and the others its shadows. Cost: two minutes for 10,000
    images, 16 models and two signals on two CPU cores.
    """

    signals: Path
    """An .npz file with a matrix (images, models) for each signal, larger where a model fits an
    image better: negative losses, similarities, a discriminator's logits. The rmia attacks take a
    signal for a log likelihood: give minus the cross-entropy as it is, and of a squared error minus
    its logarithm."""

    membership: Path | None = None
    """An .npy or .npz file with a matrix (images, models) of 0 and 1: which model was trained on
    which image. An array `subjects` (images,) beside it names whose image each is. Default: the
    arrays of these names in the file of the signals, as in the scores beside a record."""

    unit: Literal["image", "subject"] = "image"
    """What a row is."""

    seed: int = 0
    """For the resampling."""

    records: Path = Path("runs/records")
    """Folder for the record; its name is that of the signals' file."""

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
