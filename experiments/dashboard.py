"""One TensorBoard for everything: both families, from the committed records and from your runs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main, rehearsed
from gan_inversion.core.storage import check_output, replaced_folder
from gan_inversion.data.source import Source


@dataclass(frozen=True)
class Options:
    """Write a TensorBoard dashboard of all records and runs, and serve it on this machine.

    It shows the figures of the records, the tables, the logs of the runs, and reconstructions: if
    there are trained inverters under `runs`, and the data, what these make of test subjects;
    otherwise what the shipped conditional GAN makes of drawn faces. Without records, as beside an
    installed package, it shows the record of that GAN. Nothing is written but `output`.

    Cost: a minute, and one more for each trained inverter on two CPU cores.
    """

    records: Path = Path("results/records")
    """Folder of the records whose figures are shown."""

    runs: Path = Path("runs")
    """Folder of the runs whose logs, images and trained inverters are shown."""

    pages: Path = Path("docs")
    """Folder of the tables that are shown, as Markdown."""

    output: Path = Path("runs/dashboard")
    """Folder for the TensorBoard events; what it held before is replaced."""

    source: Flat[Source] = Source()

    victim: str | None = None
    """Recogniser whose embeddings the runs invert: a name, or your own as file.py:name. Default:
    the usual one of the data set."""

    port: int = 6006
    """Network port of TensorBoard, which can be reached from this machine only."""

    serve: bool = True
    """Start TensorBoard when the dashboard is written, and print its addresses."""

    smoke: bool = False
    """Show the rehearsals under `runs/smoke` instead, and write the dashboard there."""


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
    from gan_inversion.reporting.transfer import read_victims

    check_output(options.output, options.records)
    victim = name_of(options.victim) if options.victim else ""
    chosen = Selection(options.source.dataset, victim=victim)
    usual = options.records == Path("results/records")
    shipped = usual and not options.records.exists()
    records = read_shipped() if shipped else read_all(options.records, chosen)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in options.pages.glob("*.md")}
    pages["metrics"] = metrics_page()
    with replaced_folder(options.output) as folder:
        write_all(folder, records, pages, read_victims(options.records, chosen))
        for run in sorted(options.runs.glob("*/*/log.jsonl")):
            training_events(folder / "training" / run.parent.name, history(run))
        folders = trained_runs(options.runs, chosen)
        trained = (folders, options.source, options.victim)
        draw_faces(folder / "faces", trained_faces(*trained) if folders else shipped_faces())
    print(f"{options.output} written")
    if options.serve:
        for tab in (*RUNS, "hparams", "projector"):
            print(f"{tab.replace('_', ' ')}: http://127.0.0.1:{options.port}/{tab_place(tab)}")
        subprocess.run(tensorboard(options.output, options.port), check=False)


if __name__ == "__main__":
    main(Options, run_all)
