"""The demo's page: faces with verdicts, and five numbers in plain words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from gan_inversion.core.events import Events
from gan_inversion.core.record import Metric
from gan_inversion.metrics.leak import Leak
from gan_inversion.reporting.page import FaceRow, Section, faces_table, page, text

SHOWN = 8  # people on the page


@dataclass(frozen=True)
class Judged:
    """Reconstructions of all test images by one inverter.

    Attributes:
        pictures: uint8 (N, 160, 160, 3).
        cosines: float32 (N,), to the inverted embedding.
        same: type-I success rate, with its interval.
        other: type-II success rate, mean over subjects, with its interval.
    """

    pictures: np.ndarray
    cosines: np.ndarray
    same: Metric
    other: Metric


def table_of_faces(
    judged: Mapping[str, Judged],
    originals: np.ndarray,
    subjects: np.ndarray,
    verdict: Callable[[float], str],
) -> str:
    """Photographs above, each family's reconstructions below, each with its verdict.

    Args:
        judged: name of an inverter -> its reconstructions.
        originals: uint8 (N, 160, 160, 3), anything indexable.
        subjects: (N,), the subject of each.
        verdict: cosine -> text below the face.
    """
    _, first = np.unique(subjects, return_index=True)
    chosen = np.sort(first)[:: max(1, len(first) // SHOWN)][:SHOWN]
    rows: list[FaceRow] = [("the person", originals[chosen], ["the original"] * len(chosen))]
    for name, outcome in judged.items():
        verdicts = [verdict(float(outcome.cosines[place])) for place in chosen]
        rows.append((name, outcome.pictures[chosen], verdicts))
    return faces_table(rows)


def numbers(
    judged: Mapping[str, Judged], leaks: Mapping[str, Leak], *, count: int, models: int
) -> list[str]:
    """Five figures in plain words.

    Args:
        judged: name of an inverter -> its reconstructions.
        leaks: family -> outcome of the membership attack.
        count: number of embeddings that were inverted.
        models: number of audited small models of each family.
    """
    sentences = []
    for name, outcome in judged.items():
        same, other = outcome.same, outcome.other
        sentences.append(
            f"Of {count} embeddings of people it never saw, {name}, turns "
            f"{_share(same)} into a face that the recogniser "
            f"accepts as the person, and {_share(other)} "
            "into one that it also accepts beside another image of the person."
        )
    for family, figures in leaks.items():
        sentences.append(
            f"Whom a small {family} remembers: an attacker who trains {models - 1} others like it "
            f"tells a face that it was trained on from one that it was not in {figures.auc[0]:.0%} "
            f"({figures.auc[1][0]:.0%} to {figures.auc[1][1]:.0%}) of all pairs; guessing gives "
            "50%."
        )
    return sentences


def _share(rate: Metric) -> str:
    """A rate in per cent, with its interval."""
    low, high = rate.ci or (0.0, 1.0)
    return f"{rate.value:.0%} ({low:.0%} to {high:.0%})"


def write_events(folder: Path, judged: Mapping[str, Judged], leaks: Mapping[str, Leak]) -> None:
    """Write the figures of the page for TensorBoard, beside the logs of the trainings."""
    for name, outcome in judged.items():
        with Events(folder / name) as writer:
            writer.add_scalar("accepted/same_picture", outcome.same.value, 0)
            writer.add_scalar("accepted/other_picture", outcome.other.value, 0)
            writer.add_histogram("cosine", outcome.cosines, 0, bins="auto")
    for name, figures in leaks.items():
        with Events(folder / name) as writer:
            writer.add_scalar("leak/auc", figures.auc[0], 0)


def demo_page(faces: str, sentences: Sequence[str], *, threshold: float, command: str) -> str:
    """The page as HTML.

    Args:
        faces: the table of faces, as HTML.
        sentences: the figures in words.
        threshold: cosine from which on the recogniser accepts.
        command: the command that opens TensorBoard.
    """
    sections = [
        Section(
            "Faces from embeddings",
            [
                text(
                    "A face-recognition system stores an embedding of each face, here 512 numbers, "
                    "and not the picture. Below are people whom nobody trained on; from their "
                    "embeddings alone three inverters drew the faces under them. Accepted means: "
                    "the recogniser finds the drawn face at least as similar to the person as the "
                    f"threshold {threshold:.2f}, which one pair of strangers in a thousand reaches."
                ),
                faces,
            ],
        ),
        Section(
            "In five numbers",
            [f"<ol>{''.join(f'<li>{escape(line)}</li>' for line in sentences)}</ol>"],
        ),
        Section(
            "What next",
            [
                text(
                    "These faces are drawn by a program, so that they may be shown; the recogniser "
                    "is a small one that knows such faces only. README.md says how to do the same "
                    "with photographs and with FaceNet."
                ),
                f"<p>The trainings in TensorBoard: <code>{escape(command)}</code></p>",
            ],
        ),
    ]
    return page("What a face embedding gives away, on drawn faces", sections)
