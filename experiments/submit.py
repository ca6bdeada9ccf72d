"""Check a record that shall enter the leaderboard, and say what to send."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from experiments.common import main
from gan_inversion.core.folders import ROOT


@dataclass(frozen=True)
class Options:
    """Check a record of your own inverter against the published benchmark.

    The record is made by experiments.inversion on LFW, with the victim and the judges of the
    benchmark. Its protocol, test images, thresholds and recognisers must be the benchmark's, and
    every figure is computed from its raw scores again. Needs no data, and writes nothing.

    Cost: some seconds.
    """

    record: Positional[Path]
    """File of the record, JSON; its raw scores lie beside it."""

    reconstructions: Path | None = None
    """Folder of the reconstructions with an index.csv (see docs/own.md): check that they are those
    that were examined."""

    results: Path = ROOT / "results"
    """Folder of the published benchmark."""


def run_all(options: Options) -> None:
    """Check the record."""
    from gan_inversion.reporting.entry import check_entry, what_to_send

    path = options.record
    record = check_entry(path, options.results, reconstructions=options.reconstructions)
    print(what_to_send(path, record))


if __name__ == "__main__":
    main(Options, run_all)
