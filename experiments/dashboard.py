"""One TensorBoard for everything: both families, from the committed records and from your runs."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main, rehearsed
from experiments.published import HEADLINE
from gan_inversion.core.folders import Folders
from gan_inversion.core.places import check_holds_none, check_output, replaced_folder
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

    READS = ("records", "runs")
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

    all: bool = False
    """Show every published record and every attack; by default the methods that the benchmark puts
    first, and three attacks."""

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
    from gan_inversion.reporting.dashboard import read_all, training_events, write_all
    from gan_inversion.reporting.overview import read_pages
    from gan_inversion.reporting.pages import metrics_page
    from gan_inversion.reporting.tensorboard import free_port, serve
    from gan_inversion.reporting.transfer import read_victims

    if options.serve:
        free_port(options.port)

    check_output(options.output, options.records)
    check_holds_none(options.output, options.runs, options.pages, options.source.data)
    victim = name_of(options.victim) if options.victim else ""
    chosen = Selection(options.source.dataset, victim=victim)
    records = read_all(options.records, chosen)
    pages = read_pages(options.pages) | {"metrics": metrics_page()}
    logs = sorted(options.runs.glob("*/*/log.jsonl"))
    headline = HEADLINE if options.records == Folders().records and not options.all else ()
    with replaced_folder(options.output) as folder:
        victims = read_victims(options.records, chosen)
        write_all(folder, records, pages, victims, training=bool(logs), headline=headline)
        for run in logs:
            place = folder / "training" / run.parent.relative_to(options.runs)
            training_events(place, history(run))
        folders = trained_runs(options.runs, chosen)
        trained = (folders, options.source, options.victim)
        draw_faces(folder / "faces", trained_faces(*trained) if folders else shipped_faces())
    print(f"{options.output} written")
    if options.serve:
        serve(options.output, options.port)


if __name__ == "__main__":
    main(Options, run_all)
