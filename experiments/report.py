"""The benchmark on one page: tables, findings, curves, membership, faces, people at risk."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main, rehearsed
from experiments.published import EVERYTHING
from gan_inversion.data import DatasetName


@dataclass(frozen=True)
class Options:
    """Write the report from the records: one HTML file that opens from disk, without a network.

    Figures of reconstruction are computed again from the raw scores beside the records, and
    compared with those recorded. Needs the records, and for the faces also the runs; no data.
    Writes one file, `output`.

    Cost: a minute; half of that while the records have not changed.
    """

    READS = ("runs",)
    results: Path = Path("results")
    """Folder that holds `records` and the splits."""

    runs: Path = Path("runs")
    """Folder of the runs whose reconstructions are shown, beside the images themselves: a report
    with images of LFW must not be published."""

    faces: bool = True
    """Show images and reconstructions of the runs; with --no-faces, those of drawn faces."""

    dataset: DatasetName = "lfw"
    """Data set of the records: lfw, a folder of yours, or drawn faces (synthetic or drawn)."""

    victim: str = ""
    """Name of the recogniser that was attacked, where it is not the usual one of the data set."""

    output: Path = Path("runs/report.html")
    """File for the report, HTML."""

    smoke: bool = False
    """Report on the rehearsals under `runs/smoke` instead, and write the report there."""


def run_all(options: Options) -> None:
    """Read the records, and write the report."""
    smoke = Path("runs/smoke")
    options = rehearsed(
        options, results=smoke, runs=smoke, dataset="synthetic", output=smoke / "report.html"
    )

    from gan_inversion.core.record import Expected, Selection
    from gan_inversion.protocols.inversion.faces import shipped_rows
    from gan_inversion.reporting.report import write_report

    write_report(
        options.results,
        Selection(options.dataset, victim=options.victim),
        options.output,
        runs=options.runs if options.faces else None,
        drawn=shipped_rows,
        expected=EVERYTHING if options.dataset == "lfw" and not options.victim else Expected(),
    )


if __name__ == "__main__":
    main(Options, run_all)
