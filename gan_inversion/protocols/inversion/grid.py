"""Grids, and images for TensorBoard, of reconstructed faces of people never trained on."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_inversion.core.errors import UserError
from gan_inversion.core.events import Events
from gan_inversion.core.places import check_output
from gan_inversion.core.record import read_scores
from gan_inversion.core.storage import write_png
from gan_inversion.data.source import Source
from gan_inversion.data.views import SIZE
from gan_inversion.inverters.trained import RECORD, Trained
from gan_inversion.protocols.inversion.faces import (
    SHOWN,
    Pictures,
    Shown,
    drawn_by,
    picked,
    recogniser_of,
)
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.recognisers import embed_view

POINTS = 200  # subjects in the projector, each with a photograph and its reconstruction
SPRITE = 40  # side of a face in the projector, pixels
MARGIN = 40  # height of the title of a group, pixels
WIDTH = 230  # of the names of the lines, pixels
LETTERS = 17  # in a line of such a name


def caption(words: str, width: int, height: int = MARGIN, *, size: int = 24) -> np.ndarray:
    """Black words on white, uint8 (height, width, 3)."""
    bar = Image.new("RGB", (width, height), "white")
    font, place = ImageFont.load_default(size), (6, height // 2)
    ImageDraw.Draw(bar).multiline_text(place, words, "black", font, anchor="lm")
    return np.asarray(bar)


def sheet(groups: dict[str, Pictures]) -> np.ndarray:
    """One image of all groups, with titles if they are several.

    Args:
        groups: title -> named rows, uint8 (N, 160, 160, 3) each.
    """
    parts = []
    for title, lines in groups.items():
        shown = []
        for name, line in lines:
            words = textwrap.fill(name.replace("_", "_ "), LETTERS).replace("_ ", "_")
            shown.append(np.concatenate([caption(words, WIDTH, SIZE), *line], axis=1))
        titles = [caption(title, shown[0].shape[1])] if len(groups) > 1 else []
        parts += [*titles, *shown]
    return np.concatenate(parts)


@dataclass(frozen=True)
class Layout:
    """What a grid shows.

    Attributes:
        groups: of `random`, `median` and `worst`.
        people: images in a group.
        names: what the lines are called; by default by their methods.
        photographs: whether each group begins with the photographs.
    """

    groups: tuple[str, ...] = ("random", "median", "worst")
    people: int = SHOWN
    names: tuple[str, ...] = ()
    photographs: bool = False


def draw_grid(
    models: Sequence[Trained],
    output: Path,
    layout: Layout,
    *,
    source: Source,
    own: str | None = None,
) -> None:
    """Write a grid: faces chosen at random or by the last model's record, by every model.

    Args:
        models: trained inverters, one row of the grid each.
        output: PNG file to write.
        layout: what is shown.
        source: of the faces that they were examined on.
        own: `file.py:name` of a user's own recogniser.
    """
    check_output(output, *(model.folder for model in models))
    names = layout.names or tuple(model.method for model in models)
    if len(names) != len(models):
        raise UserError(f"expected a name for each of {len(models)} runs, got {len(names)}")
    if len(victims := sorted({model.victim for model in models})) > 1:
        raise UserError(f"expected inverters of one recogniser, got {', '.join(victims)}")
    inverters = [(name, model.inverter) for name, model in zip(names, models, strict=True)]
    last, protocol = models[-1], Inversion()
    examined = (last.folder / RECORD).exists()
    if not examined and set(layout.groups) != {"random"}:
        raise UserError(
            f"expected an examined run for median and worst images, but {last.folder} was only "
            f"trained: examine it with python -m experiments.inversion --methods {last.method}, or "
            "give --groups random"
        )
    scores = read_scores(last.folder / RECORD) if examined else {}
    dataset = source.open()
    recogniser = recogniser_of(last, own, models)
    embeddings = embed_view(recogniser, dataset, view=protocol.view, resample=protocol.resample)
    split = protocol.split(dataset.files, embeddings, dataset.duplicates)
    if last.config["split"] != split.hash:
        raise UserError(
            f"expected the data that {last.folder} was trained on, split {last.config['split']}, "
            f"got {split.hash}: give the --dataset and --data of that run"
        )
    images = dataset.view(protocol.view, resample=protocol.resample)
    if examined:
        test, cosines = scores["test_index"], scores[f"{recogniser.name}/type1"]
    else:
        test, cosines = split.test, np.zeros(len(split.test))  # random images need none
    groups = {}
    chosen_places = picked(cosines, layout.people)
    for name in layout.groups:
        places = chosen_places[name]
        chosen = test[places]
        lines = drawn_by(inverters, embeddings[chosen])
        if layout.photographs:
            lines.insert(0, ("photograph", np.asarray(images[chosen])))
        span = f"{cosines[places].min():.2f} to {cosines[places].max():.2f}"
        groups[f"{name}: cosine {span}"] = lines
    write_png(output, sheet(groups))
    print(f"{output} written")


def draw_faces(place: Path, shown: Shown) -> None:
    """Write images and the projector for TensorBoard: the same people by every inverter.

    Args:
        place: folder for the events.
        shown: the faces and the inverters.
    """
    inverters = [(model.method, model.inverter) for model in shown.models]
    with Events(place) as writer:
        for name, chosen in picked(shown.cosines, SHOWN).items():
            photographs, embeddings = shown.load(shown.test[chosen])
            columns = [("photograph", photographs), *drawn_by(inverters, embeddings)]
            titles = np.concatenate(
                [caption(title, SIZE, 28, size=15) for title, _ in columns], axis=1
            )
            # (N, 160, columns * 160, 3)
            rows = np.concatenate([pictures for _, pictures in columns], axis=2)
            writer.add_image(name, np.concatenate([titles, *rows]), 0, dataformats="HWC")
    # One image a subject: of those with two a second one would lie on the first.
    _, first = np.unique(shown.subjects[shown.test], return_index=True)
    shown_test = shown.test[first[:POINTS]]
    photographs, embeddings = shown.load(shown_test)
    for method, pictures in drawn_by(inverters, embeddings):
        vectors = np.concatenate([embeddings, shown.recogniser.embed(pictures)])
        faces = np.concatenate([photographs, pictures])
        small = faces.reshape(len(faces), SPRITE, SIZE // SPRITE, SPRITE, SIZE // SPRITE, 3)
        sprites = small.mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 255
        kinds = ["photograph"] * len(shown_test) + ["reconstruction"] * len(shown_test)
        with Events(place / method) as writer:
            writer.add_embedding(
                vectors,
                metadata=[
                    list(row) for row in zip([*shown.subjects[shown_test]] * 2, kinds, strict=True)
                ],
                metadata_header=["subject", "kind"],
                label_img=sprites,
                tag="faces",
            )
