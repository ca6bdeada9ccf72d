"""Draw what inverters make of people never seen: at random, the median and the worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from experiments.common import main
from experiments.inversion import picked
from experiments.invert import recogniser_of
from experiments.methods import RECORD, open_trained, reconstruct
from experiments.thresholds import embed_view
from gan_inversion.data import Align, DatasetName, open_dataset
from gan_inversion.data.views import SIZE
from gan_inversion.errors import UserError
from gan_inversion.inverter import Inverter
from gan_inversion.protocols import Inversion
from gan_inversion.record import read_scores
from gan_inversion.storage import check_output, write_png

SHOWN = 10  # pictures a line
MARGIN = 28  # pixels between groups, where their title stands

Drawn = list[tuple[str, np.ndarray]]  # names and pictures, uint8 (N, 160, 160, 3) each


@dataclass(frozen=True)
class Options:
    """Draw a grid of reconstructed test images: one line an inverter, in three groups.

    The groups are ten images drawn at random, the median ten and the worst ten by type-I cosine of
    the last inverter.

    Cost: a minute on two CPU cores.
    """

    models: tuple[Path, ...]
    """Folders of runs of experiments.inversion."""

    output: Path = Path("docs/faces.png")
    """The picture."""

    photographs: bool = False
    """Begin each group with the photographs themselves. Those of LFW must not be published."""

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

    own: str | None = None
    """Your own inverter class as file.py:name, if a run is one of it."""


def caption(words: str, width: int, height: int = MARGIN) -> np.ndarray:
    """Black words on white, uint8 (height, width, 3)."""
    bar = Image.new("RGB", (width, height), "white")
    place = (4, height // 2)
    ImageDraw.Draw(bar).text(place, words, "black", ImageFont.load_default(15), anchor="lm")
    return np.asarray(bar)


def drawn_by(inverters: Sequence[tuple[str, Inverter]], embeddings: np.ndarray) -> Drawn:
    """What each inverter makes of the same embeddings, float32 (N, D), under its name."""
    return [(name, reconstruct(inverter, embeddings)[0]) for name, inverter in inverters]


def sheet(groups: dict[str, Drawn]) -> np.ndarray:
    """Groups of named lines, uint8 (N, 160, 160, 3) each, under their titles, as one picture."""
    parts = []
    for title, lines in groups.items():
        shown = [np.concatenate([caption(name, SIZE, SIZE), *line], axis=1) for name, line in lines]
        parts += [caption(title, shown[0].shape[1]), *shown]
    return np.concatenate(parts)


def run_all(options: Options) -> None:
    """Choose images by the record of the last model, invert them with all, draw."""
    if not options.models:
        raise UserError("expected at least one run to draw, got none")
    check_output(options.output, *options.models)
    models = [open_trained(folder, own=options.own) for folder in options.models]
    inverters = [(model.method, model.inverter) for model in models]
    last, protocol = models[-1], Inversion()
    if not (last.folder / RECORD).exists():
        raise UserError(
            f"expected an examined run, but {last.folder} was only trained: examine it with "
            f"python -m experiments.inversion --methods {last.method}"
        )
    scores = read_scores(last.folder / RECORD)
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    embedder = recogniser_of(last, options.embedder)
    embeddings = embed_view(embedder, dataset, view=protocol.view, resample=protocol.resample)
    split = protocol.split(dataset.files, embeddings)
    if last.config["split"] != split.hash:
        raise UserError(
            f"expected the data that {last.folder} was trained on, split {last.config['split']}, "
            f"got {split.hash}: give --dataset and --data as there"
        )
    images = dataset.view(protocol.view, resample=protocol.resample)
    cosines = scores[f"{embedder.name}/type1"]
    groups = {}
    for name, places in picked(cosines, SHOWN).items():
        chosen = scores["test_index"][places]
        lines = drawn_by(inverters, embeddings[chosen])
        if options.photographs:
            lines.insert(0, ("photograph", np.asarray(images[chosen])))
        span = f"{cosines[places].min():.2f} to {cosines[places].max():.2f}"
        groups[f"{name}: cosine {span}"] = lines
    write_png(options.output, sheet(groups))
    print(f"{options.output} written")


if __name__ == "__main__":
    main(Options, run_all)
