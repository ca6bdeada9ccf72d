"""One TensorBoard for everything: both families, from the committed records and from your runs."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from experiments.common import ROOT, main, rehearsed
from experiments.grid import caption, drawn_by
from experiments.inversion import picked
from experiments.invert import recogniser_of
from experiments.methods import RECORD, open_trained, trained_config
from experiments.thresholds import embed_view
from gan_inversion.data import Align, DatasetName, open_dataset
from gan_inversion.data.views import SIZE
from gan_inversion.errors import UserError
from gan_inversion.events import Events
from gan_inversion.protocols import Inversion
from gan_inversion.record import Record, read_scores
from gan_inversion.reports import tables
from gan_inversion.reports.dashboard import training_events, write_all
from gan_inversion.run import history
from gan_inversion.storage import check_output, replaced_folder

# Which runs a tab shows at first: while more than 40 match, TensorBoard draws none of them.
RUNS = {
    "custom_scalars": "^(inversion|membership|training)",
    "images": "^(faces|training)",
    "histograms": "^(inversion|membership|real_pairs/[a-z]+_aligned$)",
    "pr_curves": "^membership",
    "text": "^pages",
}
PROTOCOLS = ("inversion", "membership", "verification", "search")
SHOWN = 10  # subjects of a picture tab
POINTS = 200  # faces in the projector, of each kind
SPRITE = 40  # pixels of a face there


@dataclass(frozen=True)
class Options:
    """Build the dashboard from the records and open it on this machine.

    With trained inverters under `runs`, and the data, there are pictures and the projector too;
    without, all that records hold: scalars, histograms, precision and recall, options, tables.

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

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    embedder: str | None = None
    """Your own recogniser as file.py:name, if the runs invert embeddings of it."""

    port: int = 6006
    """Of TensorBoard, which listens on this machine only."""

    serve: bool = True
    """Open TensorBoard when the dashboard is built."""

    smoke: bool = False
    """The dashboard of the rehearsals under `runs/smoke`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = Path("runs/smoke")
    return replace(
        options,
        records=folder / "records",
        runs=folder,
        pages=folder,
        output=folder / "dashboard",
        dataset="synthetic",
    )


def read_all(options: Options) -> dict[str, list[tuple[Record, dict[str, np.ndarray]]]]:
    """The records of one data set by protocol, with their raw scores.

    Raises:
        UserError: there are none.
    """
    found = {}
    for protocol in PROTOCOLS:
        pairs = tables.read_with_scores(options.records, protocol, dataset=options.dataset)
        if pairs:
            found[protocol] = pairs
    if not found:
        raise UserError(
            f"expected records of {options.dataset} in {options.records}, found none of "
            f"{', '.join(PROTOCOLS)}"
        )
    return found


def trained_runs(options: Options) -> list[Path]:
    """Folders of runs of the `inversion` protocol that hold a trained inverter and its record."""
    folders = (options.runs / Inversion().name).glob(f"*-{options.dataset}-s0")
    return sorted(folder for folder in folders if (folder / RECORD).exists())


def draw_faces(options: Options, folders: list[Path]) -> None:
    """Pictures and the projector: the same people by every trained inverter."""
    protocol = Inversion()
    config = trained_config(folders[0])
    known = [f for f in folders if trained_config(f)["embedder"] == config["embedder"]]
    models = [open_trained(f) for f in known if trained_config(f)["split"] == config["split"]]
    embedder = recogniser_of(models[0], options.embedder)
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    embeddings = embed_view(embedder, dataset, view=protocol.view, resample=protocol.resample)
    images = dataset.view(protocol.view, resample=protocol.resample)
    inverters = [(model.method, model.inverter) for model in models]
    scores = [read_scores(model.folder / RECORD) for model in models]
    test = scores[0]["test_index"]
    cosines = [some[f"{embedder.name}/type1"] for some in scores]
    place = options.output / "faces"
    with Events(place) as writer:
        for name, chosen in picked(np.mean(cosines, axis=0), SHOWN).items():
            columns = [("photograph", np.asarray(images[test[chosen]]))]
            columns += drawn_by(inverters, embeddings[test[chosen]])
            titles = np.concatenate([caption(title, SIZE) for title, _ in columns], axis=1)
            # (N, 160, columns * 160, 3)
            rows = np.concatenate([pictures for _, pictures in columns], axis=2)
            writer.add_image(name, np.concatenate([titles, *rows]), 0, dataformats="HWC")
    some = test[:POINTS]
    for method, pictures in drawn_by(inverters, embeddings[some]):
        vectors = np.concatenate([embeddings[some], embedder.embed(pictures)])
        faces = np.concatenate([np.asarray(images[some]), pictures])
        small = faces.reshape(len(faces), SPRITE, SIZE // SPRITE, SPRITE, SIZE // SPRITE, 3)
        sprites = small.mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 255
        names = [dataset.subjects[index] for index in some]
        kinds = ["photograph"] * len(some) + ["reconstruction"] * len(some)
        with Events(place / method) as writer:
            writer.add_embedding(
                vectors,
                metadata=[list(row) for row in zip(names * 2, kinds, strict=True)],
                metadata_header=["subject", "kind"],
                label_img=sprites,
                tag="faces",
            )


def tab_place(tab: str) -> str:
    """Where in TensorBoard a tab is, with the runs that it shows at first, and no smoothing."""
    chosen = f"&regexInput={quote(RUNS[tab])}" if tab in RUNS else ""
    return f"#{tab}{chosen}&_smoothingWeight=0"


def tensorboard(folder: Path, port: int) -> list[str]:
    """The call of a TensorBoard that shows a folder on this machine only."""
    program = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    return [*program, "--host", "127.0.0.1", "--port", str(port)]


def run_all(options: Options) -> None:
    """Build, and serve."""
    options = rehearsed(options, rehearsal)
    check_output(options.output, options.records)
    records = read_all(options)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in options.pages.glob("*.md")}
    explained = ROOT / "docs" / "metrics.md"
    if explained.exists():  # an installed package has no docs beside it
        pages["metrics"] = explained.read_text(encoding="utf-8")
    with replaced_folder(options.output) as folder:
        here = replace(options, output=folder)
        write_all(folder, records, pages)
        for run in sorted(options.runs.glob("*/*/log.jsonl")):
            training_events(folder / "training" / run.parent.name, history(run))
        if folders := trained_runs(options):
            draw_faces(here, folders)
    print(f"{options.output} written")
    if options.serve:
        for tab in (*RUNS, "hparams", "projector"):
            print(f"{tab.replace('_', ' ')}: http://127.0.0.1:{options.port}/{tab_place(tab)}")
        subprocess.run(tensorboard(options.output, options.port), check=False)


if __name__ == "__main__":
    main(Options, run_all)
