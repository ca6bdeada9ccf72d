"""The benchmark on one page: tables, findings, curves, membership, faces, people at risk."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main, rehearsed
from experiments.published import EXPECTED
from gan_inversion.data import DatasetName


@dataclass(frozen=True)
class Options:
    """Write the report from the records: one HTML file that opens from disk, without a network.

    Cost: half a minute.
    """

    results: Path = Path("results")
    """Folder that holds `records` and the splits."""

    runs: Path = Path("runs")
    """Folder of the runs, whose strips of faces are shown. They hold the photographs too: a report
    with them must not be published where LFW is the source."""

    faces: bool = True
    """Show the faces of the runs, photographs too; otherwise drawn ones."""

    dataset: DatasetName = "lfw"
    """Whose records: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    victim: str = ""
    """Name of the recogniser that was attacked, where it is not the usual one of the data set."""

    output: Path = Path("runs/report.html")
    """The page."""

    smoke: bool = False
    """The report of the rehearsals under `runs/smoke`."""


def run_all(options: Options) -> None:
    """Read the records, and write the report."""
    smoke = Path("runs/smoke")
    options = rehearsed(
        options, results=smoke, runs=smoke, dataset="synthetic", output=smoke / "report.html"
    )

    from gan_inversion.core.record import Selection
    from gan_inversion.protocols.inversion.faces import shipped_strip
    from gan_inversion.reporting.report import write_report

    write_report(
        options.results,
        Selection(options.dataset, victim=options.victim),
        options.output,
        runs=options.runs if options.faces else None,
        drawn=shipped_strip,
        expected=EXPECTED if options.dataset == "lfw" else (),
    )


if __name__ == "__main__":
    main(Options, run_all)
