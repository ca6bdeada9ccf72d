"""Measure brightness and pose of faces, by which experiments.report groups reconstructions."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main, rehearsed
from gan_inversion.data.source import Source


@dataclass(frozen=True)
class Options:
    """Measure brightness and pose of the face in every image, and write them as a record.

    experiments.report groups reconstructions by them.

    Cost: 4 minutes for LFW on two CPU cores.
    """

    source: Flat[Source] = Source()

    records: Path = Path("results/records")
    """Folder for the record."""

    smoke: bool = False
    """Rehearse on drawn faces; everything is written under `runs/smoke`."""


def run_all(options: Options) -> None:
    """Measure every photograph, and write the record."""
    options = rehearsed(options, records=Path("runs/smoke/records"))

    from gan_inversion.protocols.faces import run

    run.run_all(options.source, options.records)


if __name__ == "__main__":
    main(Options, run_all)
