"""One TensorBoard for everything: both families, from the committed records and from your runs."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from experiments.common import ROOT, main, rehearsed
from experiments.grid import caption, drawn_by
from experiments.inversion import picked
from experiments.invert import recogniser_of
from experiments.methods import RECORD, Trained, open_trained, trained_config
from experiments.thresholds import embed_view
from gan_inversion.data import Align, DatasetName, Drawn, open_dataset
from gan_inversion.data.views import SIZE, render
from gan_inversion.embedders import Embedder, load_embedder
from gan_inversion.errors import UserError
from gan_inversion.events import Events
from gan_inversion.pretrained import SHIPPED
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

    With trained inverters under `runs`, and the data, its pictures and its projector show what they
    make of people they never saw; without, what the shipped generator makes of drawn faces.

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


@dataclass(frozen=True)
class Shown:
    """Whose faces are shown, and by which inverters.

    Attributes:
        models: trained inverters of the same embeddings.
        embedder: their recogniser.
        test: int (N,), indices of the images that were examined.
        cosines: float (N,), mean over the inverters, which images are chosen by.
        subjects: (M,), of all images.
        look: indices -> pictures, uint8 (K, 160, 160, 3), and embeddings, float32 (K, D).
    """

    models: Sequence[Trained]
    embedder: Embedder
    test: np.ndarray
    cosines: np.ndarray
    subjects: np.ndarray
    look: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def trained_faces(options: Options, folders: list[Path]) -> Shown:
    """The faces that the inverters of some runs were examined on, where they are of one kind."""
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
    scores = [read_scores(model.folder / RECORD) for model in models]
    cosines = np.mean([some[f"{embedder.name}/type1"] for some in scores], axis=0)
    return Shown(
        models,
        embedder,
        scores[0]["test_index"],
        cosines,
        dataset.subjects,
        lambda chosen: (np.asarray(images[chosen]), embeddings[chosen]),
    )


def shipped_faces() -> Shown:
    """The drawn faces that the shipped generator was examined on; only those shown are drawn."""
    model, faces, protocol = open_trained(SHIPPED), Drawn(), Inversion()
    embedder, scores = load_embedder(model.embedder), read_scores(SHIPPED / RECORD)

    def look(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = [faces.frame(int(index)) for index in chosen]
        pictures = np.stack([render(frame, view=protocol.view) for frame in frames])
        return pictures, embedder.embed(pictures)

    cosines = scores[f"{embedder.name}/type1"]
    return Shown([model], embedder, scores["test_index"], cosines, faces.subjects, look)


def draw_faces(place: Path, shown: Shown) -> None:
    """Pictures and the projector: the same people by every trained inverter.

    Args:
        place: folder for the events.
        shown: whose faces.
    """
    inverters = [(model.method, model.inverter) for model in shown.models]
    with Events(place) as writer:
        for name, chosen in picked(shown.cosines, SHOWN).items():
            photographs, embeddings = shown.look(shown.test[chosen])
            columns = [("photograph", photographs), *drawn_by(inverters, embeddings)]
            titles = np.concatenate([caption(title, SIZE) for title, _ in columns], axis=1)
            # (N, 160, columns * 160, 3)
            rows = np.concatenate([pictures for _, pictures in columns], axis=2)
            writer.add_image(name, np.concatenate([titles, *rows]), 0, dataformats="HWC")
    some = shown.test[:POINTS]
    photographs, embeddings = shown.look(some)
    for method, pictures in drawn_by(inverters, embeddings):
        vectors = np.concatenate([embeddings, shown.embedder.embed(pictures)])
        faces = np.concatenate([photographs, pictures])
        small = faces.reshape(len(faces), SPRITE, SIZE // SPRITE, SPRITE, SIZE // SPRITE, 3)
        sprites = small.mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 255
        kinds = ["photograph"] * len(some) + ["reconstruction"] * len(some)
        with Events(place / method) as writer:
            writer.add_embedding(
                vectors,
                metadata=[
                    list(row) for row in zip([*shown.subjects[some]] * 2, kinds, strict=True)
                ],
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
        write_all(folder, records, pages)
        for run in sorted(options.runs.glob("*/*/log.jsonl")):
            training_events(folder / "training" / run.parent.name, history(run))
        folders = trained_runs(options)
        draw_faces(
            folder / "faces", trained_faces(options, folders) if folders else shipped_faces()
        )
    print(f"{options.output} written")
    if options.serve:
        for tab in (*RUNS, "hparams", "projector"):
            print(f"{tab.replace('_', ' ')}: http://127.0.0.1:{options.port}/{tab_place(tab)}")
        subprocess.run(tensorboard(options.output, options.port), check=False)


if __name__ == "__main__":
    main(Options, run_all)
