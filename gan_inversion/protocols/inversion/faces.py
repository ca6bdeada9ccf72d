"""Faces to show in grids and in TensorBoard, and their reconstructions by trained inverters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Selection, entry_name, read_scores
from gan_inversion.core.seeding import stream
from gan_inversion.data import Drawn
from gan_inversion.data.source import Source
from gan_inversion.data.views import render
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.own import FAMILY as OWN
from gan_inversion.inverters.trained import (
    RECORD,
    Trained,
    open_trained,
    reconstruct,
    trained_config,
)
from gan_inversion.metrics.verification import cosine
from gan_inversion.pretrained import SHIPPED
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.protocols.inversion.verdicts import strictest, verdict
from gan_inversion.recognisers import (
    RECOGNISERS,
    Recogniser,
    embed_view,
    load_recogniser,
    open_recogniser,
)

SHOWN = 10  # images per row

Pictures = list[tuple[str, np.ndarray]]  # names and images, uint8 (N, 160, 160, 3) each


def recogniser_of(trained: Trained, own: str | None, others: Sequence[Trained] = ()) -> Recogniser:
    """The recogniser whose embeddings a trained inverter takes, which it then attacks.

    Args:
        trained: the inverter.
        own: `file.py:name` of a user's own recogniser, from the command line.
        others: more inverters of the same recogniser, which attack it too.

    Raises:
        UserError: it is a user's own recogniser that is not given, or another one is given.
    """
    if own is None and trained.victim not in RECOGNISERS:
        raise UserError(
            f"{trained.folder} inverts embeddings of a recogniser of its own, {trained.victim}: "
            f"give it as --victim file.py:{trained.victim}"
        )
    recogniser = open_recogniser(own or trained.victim)
    if (digest := trained.config["victim"].get("digest")) != recogniser.digest:
        raise UserError(
            f"{trained.folder} inverts embeddings of {trained.victim} {str(digest)[:12]}, got "
            f"{recogniser.name} {recogniser.digest[:12]}"
        )
    for model in (trained, *others):
        model.inverter.attack_by(recogniser)
    return recogniser


def picked(cosines: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Indices of random, median and worst reconstructions, by cosine (N,)."""
    order = np.argsort(cosines)
    middle = max(0, len(order) // 2 - count // 2)
    return {
        "random": stream(0, "strip").permutation(len(order))[:count],
        "median": order[middle : middle + count],
        "worst": order[:count],
    }


def drawn_by(inverters: Sequence[tuple[str, Inverter]], embeddings: np.ndarray) -> Pictures:
    """Name of each inverter and its reconstructions of the same embeddings, float32 (N, D)."""
    return [(name, reconstruct(inverter, embeddings)[0]) for name, inverter in inverters]


@dataclass(frozen=True)
class Shown:
    """The faces to show, and the inverters that reconstruct them.

    Attributes:
        models: trained inverters of embeddings of one recogniser.
        recogniser: the recogniser whose embeddings they invert.
        test: int (N,), indices of the images that were examined.
        cosines: float (N,), type-I, mean over the inverters; images are chosen by them.
        subjects: (M,), subject of every image of the data set.
        load: indices (K,) -> images, uint8 (K, 160, 160, 3), and embeddings, float32 (K, D).
    """

    models: Sequence[Trained]
    recogniser: Recogniser
    test: np.ndarray
    cosines: np.ndarray
    subjects: np.ndarray
    load: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def trained_runs(runs: Path, chosen: Selection) -> list[Path]:
    """Folders of runs of the `inversion` protocol that hold a trained inverter and its record.

    Those of a user's own code are left out: it is not run for a folder that names it.
    """
    ending = entry_name("", chosen.dataset, 0, victim=chosen.victim)
    folders = sorted((runs / Inversion().name).glob(f"*{ending}"))
    examined = [folder for folder in folders if (folder / RECORD).exists()]
    return [folder for folder in examined if trained_config(folder)["family"] != OWN]


def trained_faces(folders: Sequence[Path], source: Source, own: str | None) -> Shown:
    """The faces on which runs were examined, of those with the first run's victim and split."""
    protocol = Inversion()
    config = trained_config(folders[0])
    fitting = [f for f in folders if trained_config(f)["victim"] == config["victim"]]
    models = [open_trained(f) for f in fitting if trained_config(f)["split"] == config["split"]]
    recogniser = recogniser_of(models[0], own, models)
    dataset = source.open()
    embeddings = embed_view(recogniser, dataset, view=protocol.view, resample=protocol.resample)
    images = dataset.view(protocol.view, resample=protocol.resample)
    scores = [read_scores(model.folder / RECORD) for model in models]
    cosines = np.mean([arrays[f"{recogniser.name}/type1"] for arrays in scores], axis=0)
    return Shown(
        models,
        recogniser,
        scores[0]["test_index"],
        cosines,
        dataset.subjects,
        lambda chosen: (np.asarray(images[chosen]), embeddings[chosen]),
    )


def shipped_faces() -> Shown:
    """The drawn faces that the shipped generator was examined on; only those shown are drawn."""
    model, faces, protocol = open_trained(SHIPPED), Drawn(), Inversion()
    recogniser, scores = load_recogniser(model.victim), read_scores(SHIPPED / RECORD)

    def load(chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = [faces.frame(int(index)) for index in chosen]
        pictures = np.stack([render(frame, view=protocol.view) for frame in frames])
        return pictures, recogniser.embed(pictures)

    cosines = scores[f"{recogniser.name}/type1"]
    return Shown([model], recogniser, scores["test_index"], cosines, faces.subjects, load)


def shipped_rows(count: int = 8) -> list[tuple[str, np.ndarray, list[str]]]:
    """Drawn faces, and the shipped generator's reconstructions with verdicts.

    Returns:
        Name of each row, its faces, uint8 (count, 160, 160, 3), and a text for each.
    """
    shown = shipped_faces()
    chosen, (model, *_) = picked(shown.cosines, count)["random"], shown.models
    originals, embeddings = shown.load(shown.test[chosen])
    pictures, _ = reconstruct(model.inverter, embeddings)
    cosines, (_, threshold) = cosine(shown.recogniser.embed(pictures), embeddings), strictest(model)
    verdicts = [verdict(float(score), threshold)[0] for score in cosines]
    return [
        ("the person", originals, ["the original"] * count),
        ("reconstruction", pictures, verdicts),
    ]
