"""Membership inference: whom does an inverter remember?"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.common import main


@dataclass(frozen=True)
class Options:
    """Run every membership attack on signals that you took from your own models.

    An attack tells members, on which the target model was trained, from all others. Every model is
    in turn the target model and the others its shadow models. Writes a record and a table for each
    audit, and a page that shows them side by side and says what they mean.

    Cost: a minute and a half for 10,000 images, 16 models and two signals on two CPU cores.
    """

    signals: tuple[Path, ...]
    """Files with a matrix (images, models) for each signal, larger where a model fits an image
    better: negative losses, similarities, a discriminator's logits. Each file is an audit: .npz,
    .npy, .csv, .parquet, or the folder of a run of Privacy Meter 2. Signals have names of letters,
    digits, _, . and -. The rmia, informia and base attacks read a signal as a log likelihood, and
    add several up: give minus the cross-entropy, or minus the logarithm of a squared error."""

    membership: tuple[Path, ...] = ()
    """Files, one for each audit or one for all, with a matrix (images, models): 1 where the image
    is a member of the model, otherwise 0. Images with fewer than three models of either kind are
    left out. Arrays beside it may describe the images: `subjects` (images,), `groups` (images,) and
    `features` (images, F). Default: the arrays of these names in the file of the signals."""

    labels: tuple[str, ...] = ()
    """Names of the audits, such as plain and private; by default those of their files."""

    subjects: Path | None = None
    """A file with a line or a number for each image: whose image it is. Intervals resample
    subjects, and copies of an image count once where they are said to be of one subject."""

    groups: Path | None = None
    """A file with a line or a number for each image: the group in which it is also audited alone.
    A group needs 20 images. In its name, / becomes _."""

    models_first: bool = False
    """Whether the matrices have a row for each model instead of one for each image."""

    unit: Literal["image", "subject"] = "image"
    """What a row of the matrices stands for, and what is a member: an image or a subject."""

    seed: int = 0
    """Seed of the random resampling."""

    records: Path = Path("runs/records")
    """Folder for the records, which are named after the audits."""

    tables: Path = Path("runs/tables")
    """Folder for the tables and the page."""


def run_all(options: Options) -> None:
    """Read the signals of all audits, attack them, and write records, tables and page."""
    from gan_inversion.core.places import check_output
    from gan_inversion.protocols.membership.matrices import read_audits
    from gan_inversion.protocols.membership.own import audit_own
    from gan_inversion.reporting.audit import upside_down, write_audits

    described = {"subjects": options.subjects, "groups": options.groups}
    for output in (options.records / "membership", options.tables):
        check_output(output, *options.signals, *options.membership, *described.values())
    audits = read_audits(
        options.signals,
        options.membership,
        options.labels,
        unit=options.unit,
        models_first=options.models_first,
        described=described,
    )
    records = [
        audit_own(given, name, unit=options.unit, seed=options.seed, records=options.records)
        for name, given in audits.items()
    ]
    for record in records:
        for warning in upside_down(record):
            print(f"{record.method}: {warning}", file=sys.stderr)
    print(write_audits(records, options.records, options.tables))


if __name__ == "__main__":
    main(Options, run_all)
