"""One TensorBoard for everything: both families, from the committed records and from your runs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main, rehearsed
from gan_inversion.core.storage import check_output, replaced_folder
from gan_inversion.data.source import Source


@dataclass(frozen=True)
class Options:
    """Build the dashboard from the records and open it on this machine.

    With trained inverters under `runs`, and the data, its images and its projector show what they
    make of people they never saw; without, what the shipped generator makes of drawn faces. Where
    there are no records, as beside an installed package, it shows the record of that generator.

    Cost: a minute, and one more for each trained inverter on two CPU cores.
    """

    records: Path = Path("results/records")
    """Folder of the records."""

    runs: Path = Path("runs")
    """Folder of the runs, for their logs, their pictures and their trained inverters."""

    pages: Path = Path("docs")
    """Folder of the tables."""

    output: Path = Path("runs/dashboard")
    """Folder for the events; what was there is replaced."""

    source: Flat[Source] = Source()

    victim: str | None = None
    """Recogniser whose embeddings the runs invert, by name or your own as file.py:name; by default
    the usual one of the data set."""

    port: int = 6006
    """Of TensorBoard, which listens on this machine only."""

    serve: bool = True
    """Open TensorBoard when the dashboard is built."""

    smoke: bool = False
    """The dashboard of the rehearsals under `runs/smoke`."""


def run_all(options: Options) -> None:
    """Build the dashboard, and serve it."""
    smoke = Path("runs/smoke")
    options = rehearsed(
        options,
        victim=options.victim,
        records=smoke / "records",
        runs=smoke,
        pages=smoke,
        output=smoke / "dashboard",
    )

    from gan_inversion.core.record import Selection
    from gan_inversion.core.run import history
    from gan_inversion.protocols.inversion.faces import shipped_faces, trained_faces, trained_runs
    from gan_inversion.protocols.inversion.grid import draw_faces
    from gan_inversion.recognisers import name_of
    from gan_inversion.reporting.dashboard import read_all, read_shipped, training_events, write_all
    from gan_inversion.reporting.pages import metrics_page
    from gan_inversion.reporting.tensorboard import RUNS, tab_place, tensorboard

    check_output(options.output, options.records)
    victim = name_of(options.victim) if options.victim else ""
    chosen = Selection(options.source.dataset, victim=victim)
    usual = options.records == Path("results/records")
    shipped = usual and not options.records.exists()
    records = read_shipped() if shipped else read_all(options.records, chosen)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in options.pages.glob("*.md")}
    pages["metrics"] = metrics_page()
    with replaced_folder(options.output) as folder:
        write_all(folder, records, pages)
        for run in sorted(options.runs.glob("*/*/log.jsonl")):
            training_events(folder / "training" / run.parent.name, history(run))
        folders = trained_runs(options.runs, chosen)
        if folders:
            shown = trained_faces(folders, options.source, options.victim)
        else:
            shown = shipped_faces()
        draw_faces(folder / "faces", shown)
    print(f"{options.output} written")
    if options.serve:
        for tab in (*RUNS, "hparams", "projector"):
            print(f"{tab.replace('_', ' ')}: http://127.0.0.1:{options.port}/{tab_place(tab)}")
        subprocess.run(tensorboard(options.output, options.port), check=False)


if __name__ == "__main__":
    main(Options, run_all)
