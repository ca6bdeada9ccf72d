"""What the attacked recogniser says of each reconstruction of a user's embeddings."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_inversion.core.storage import write_text
from gan_inversion.inverters.trained import Trained

FMRS = (1e-3, 1e-2)  # false match rates for verdicts: the first that has a threshold

# A row of the table: name, hypothesis, cosine, threshold, `yes` or `no`.
Line = tuple[str, int, float | None, float | None, str]


def verdict(score: float | None, threshold: float | None) -> tuple[str, str]:
    """Verdict on a cosine: text for the contact sheet, and `yes`, `no` or "" for the table."""
    if score is None or not np.isfinite(score):
        return "", ""
    if threshold is None:
        return f"cosine {score:.2f}", ""
    accepted = score >= threshold
    sentence = f"{'accepted' if accepted else 'rejected'}, {score:.2f} (threshold {threshold:.2f})"
    return sentence, "yes" if accepted else "no"


def nearest_of(rows: Sequence[np.ndarray], lines: Sequence[Line]) -> tuple[np.ndarray, list[Line]]:
    """Of several hypotheses of each embedding, the one whose embedding is nearest, and its verdict.

    Args:
        rows: uint8 (N, 160, 160, 3) for each hypothesis.
        lines: the verdicts, N of the first hypothesis, N of the second, and so on.
    """
    count = len(rows[0])
    cosines = np.array([score for _, _, score, *_ in lines], float).reshape(-1, count)
    chosen = np.nan_to_num(cosines, nan=-1).argmax(axis=0)
    pictures = np.stack([rows[which][place] for place, which in enumerate(chosen)])
    return pictures, [lines[which * count + place] for place, which in enumerate(chosen)]


def write_verdicts(path: Path, lines: Sequence[Line]) -> None:
    """Write the verdict on each reconstruction to a CSV file."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["name", "hypothesis", "cosine", "threshold", "accepted"])
    for name, hypothesis, *figures, accepted in lines:
        table.writerow(
            [name, hypothesis, *("" if f is None else f"{f:.4f}" for f in figures), accepted]
        )
    write_text(path, text.getvalue())


def strictest(trained: Trained) -> tuple[float, float | None]:
    """The first rate of `FMRS` that has a threshold, and the threshold; None if no rate has one."""
    thresholds = ((fmr, trained.thresholds.get(fmr)) for fmr in FMRS)
    return next((line for line in thresholds if line[1] is not None), (FMRS[0], None))


def tell(lines: Sequence[Line], trained: Trained, fmr: float) -> None:
    """Print the first ten verdicts, and how many reconstructions are accepted."""
    for name, hypothesis, score, threshold, _ in lines[:10]:
        which = f" ({hypothesis})" if hypothesis else ""
        print(f"{name}{which}: {verdict(score, threshold)[0] or 'no verdict'}")
    judged = [accepted for *_, accepted in lines if accepted]
    if judged:
        print(
            f"{judged.count('yes')} of {len(judged)} reconstructions are accepted by "
            f"{trained.victim} as the person whose embedding was inverted, at a false match rate "
            f"of {fmr:.1%}"
        )
