"""Invert a user's embeddings or photographs, and say which reconstructions are accepted."""

import re
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_inversion.core.errors import UserError
from gan_inversion.core.own import is_own
from gan_inversion.core.places import check_output, check_replaceable, claim_folder
from gan_inversion.core.progress import progress
from gan_inversion.core.record import Record
from gan_inversion.core.storage import write_png
from gan_inversion.data import Align
from gan_inversion.data.decode import is_image_name, printable, read_image
from gan_inversion.data.folder import aligned_view
from gan_inversion.data.vectors import FORMATS, read_vectors
from gan_inversion.data.views import SIZE
from gan_inversion.inverters.base import check_invert
from gan_inversion.inverters.trained import RECORD, Trained, reconstruct
from gan_inversion.metrics.verification import cosine
from gan_inversion.protocols.inversion.faces import recogniser_of
from gan_inversion.protocols.inversion.verdicts import (
    Line,
    nearest_of,
    strictest,
    tell,
    verdict,
    write_verdicts,
)
from gan_inversion.recognisers import Recogniser

COLUMNS, SHOWN = 8, 200  # columns of the contact sheet, and its most faces
SHEET = "contact_sheet"  # name of its file, which no reconstruction bears
LINE = 20  # height of a line of text on the contact sheet, pixels
# Grey levels, of 255, by which hypotheses must differ on average. Of drawn faces side by side,
# those that differed by 4 could not be told apart; those that differed by 7 could, by what is
# behind them.
VISIBLE = 5.0


def read_embeddings(path: Path) -> tuple[list[str], np.ndarray]:
    """Names and embeddings of a user's file, the latter as float32 (N, D) of unit norm.

    Raises:
        UserError: the file holds no table of vectors, or a row is zero or not finite.
    """
    names, vectors = read_vectors(path)
    vectors = vectors.astype(float)
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    for bad, what in ((~np.isfinite(largest), "NaN or infinity"), (largest == 0, "zero norm")):
        if bad.any():
            rows = ", ".join(map(str, np.flatnonzero(bad)[:5]))
            raise UserError(f"{path}: expected finite embeddings with a norm, got {what} in {rows}")
    vectors /= largest  # their squares could be too large or too small for a computer
    return names, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


def read_photographs(path: Path, align: Align) -> tuple[list[str], np.ndarray]:
    """Names and aligned views, uint8 (N, 160, 160, 3), of a photograph or a folder of them.

    Raises:
        UserError: there is no readable image, or none shows a face.
    """
    files = [path]
    if path.is_dir():
        files = sorted(
            file
            for file in path.rglob("*")
            if file.is_file()
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
    names, views, aligned = [], [], 0
    for file in progress(files, desc="finding faces", unit="image"):
        name = printable(str(file.relative_to(path) if path.is_dir() else file.name))
        try:
            view = aligned_view(read_image(file, name), align=align)
        except UserError as error:
            if len(files) == 1:
                raise
            print(f"left out: {error}")
            continue
        if view is None:
            print(f"left out: {name} shows no face that was found")
            continue
        names.append(name)
        views.append(view[0])
        aligned += view[1]
    if not views:
        raise UserError(
            f"expected photographs of faces in {path}, found none in {len(files)} files"
        )
    print(f"{len(views)} photographs: {aligned} aligned by landmarks, {len(views) - aligned} as is")
    return names, np.stack(views)


def words(text: str, width: int = SIZE) -> np.ndarray:
    """Black text on white, uint8 (LINE, width, 3); the end of a text that is too long is cut."""
    bar = Image.new("RGB", (width, LINE), "white")
    font = ImageFont.load_default(10.5)
    while font.getlength(text) > width - 4:
        text = text[:-2] + "…"
    ImageDraw.Draw(bar).text((2, LINE // 2), text, "black", font, anchor="lm")
    return np.asarray(bar)


def contact_sheet(
    names: Sequence[str], rows: Sequence[np.ndarray], captions: Sequence[Sequence[str]]
) -> np.ndarray:
    """One image, uint8, of all faces: a column for each name, with captions below its images.

    Args:
        names: N, one above each column.
        rows: uint8 (N, 160, 160, 3) each.
        captions: for each row N texts, shown below its images.
    """
    columns = []
    for place, name in enumerate(names[:SHOWN]):
        parts = [words(name)]
        for row, texts in zip(rows, captions, strict=True):
            parts += [row[place], words(texts[place])]
        columns.append(np.concatenate(parts))
    width = min(COLUMNS, len(columns))
    lines = []
    for start in range(0, len(columns), width):
        line = np.full((len(columns[0]), width * SIZE, 3), 255, "uint8")
        row_of_columns = np.concatenate(columns[start : start + width], axis=1)
        line[:, : row_of_columns.shape[1]] = row_of_columns
        lines.append(line)
    return np.concatenate(lines)


def check_visible(rows: Sequence[np.ndarray], inverter: str) -> None:
    """Raise `UserError` if the first two hypotheses, uint8 (N, 160, 160, 3) each, look alike."""
    first, second = (np.asarray(row, float) for row in rows[:2])
    if (apart := np.abs(first - second).mean()) < VISIBLE:
        raise UserError(
            f"the hypotheses of {inverter} differ by {apart:.1f} of 255 grey levels on average, "
            "which is hardly visible: expected --hypotheses 1, or --nearest"
        )


def command_for(folder: Path, *, method: str, victim: str) -> str:
    """The command that inverts a photograph with what was trained into a folder.

    A user's own code is named in it again, since nothing that a folder names is ever loaded.
    """
    given = {"own": method, "victim": victim}
    own = [part for option, file in given.items() if is_own(file) for part in (f"--{option}", file)]
    words = ["--model", str(folder), "--input", "me.jpg", "--output", "out", *own]
    return f"python -m experiments.invert {shlex.join(words)}"


def invert_all(
    source: Path,
    output: Path,
    *,
    trained: Trained,
    hypotheses: int,
    align: Align,
    own: str | None,
    nearest: bool = False,
) -> None:
    """Invert embeddings or photographs; write reconstructions, verdicts and a contact sheet.

    Args:
        source: embeddings, a photograph, or a folder of photographs.
        output: folder to write to.
        trained: the inverter.
        hypotheses: number of reconstructions of each embedding.
        align: which photographs are aligned by landmarks.
        own: `file.py:name` of a user's own recogniser.
        nearest: whether only the hypothesis is kept that the recogniser finds nearest.
    """
    if not source.exists():
        raise UserError(f"expected embeddings or photographs in {source}, found nothing")
    check_output(output, source, trained.folder)
    inverter = trained.inverter
    if hypotheses > 1 and not inverter.stochastic:
        raise UserError(f"{trained.method} gives one reconstruction only: expected --hypotheses 1")
    names, embeddings, photographs, recogniser = _inputs(source, trained, own, align)
    fmr, threshold = strictest(trained)
    if nearest and (recogniser is None or hypotheses < 2):
        raise UserError(
            "expected --hypotheses 2 or more, and the attacked recogniser, to keep the nearest of "
            f"several, got {hypotheses} and {getattr(recogniser, 'name', 'no recogniser')}"
        )
    rows: list[np.ndarray] = []
    lines: list[Line] = []
    for hypothesis in range(hypotheses):
        which = {"hypothesis": hypothesis} if hypotheses > 1 else {}
        rows.append(reconstruct(inverter, embeddings, **which)[0])
        cosines = (
            [None] * len(names)
            if recogniser is None
            else list(map(float, cosine(recogniser.embed(rows[-1]), embeddings)))
        )
        lines += [
            (name, hypothesis, score, threshold, verdict(score, threshold)[1])
            for name, score in zip(names, cosines, strict=True)
        ]
    if warning := looks_foreign(trained, [score for _, _, score, *_ in lines]):
        print(f"warning: {warning}", file=sys.stderr)
    if hypotheses > 1 and not nearest:
        check_visible(rows, trained.method)
    if nearest:
        pictures, lines = nearest_of(rows, lines)
        rows = [pictures]
    files = {
        output / f"{name}{f'-{hypothesis}' if len(rows) > 1 else ''}.png": picture
        for hypothesis, row in enumerate(rows)
        for name, picture in zip(names, row, strict=True)
    }
    check_replaceable(*files, output / f"{SHEET}.png")
    claim_folder(output, "reconstructions")
    for path, picture in files.items():
        write_png(path, picture)
    write_verdicts(output / "verdicts.csv", lines)
    shown = [] if photographs is None else [photographs]
    above = [["photograph"] * len(names)] * len(shown)
    texts = [verdict(score, threshold)[0] for _, _, score, threshold, _ in lines]
    captions = [texts[start : start + len(names)] for start in range(0, len(texts), len(names))]
    sheet = contact_sheet(names, [*shown, *rows], [*above, *captions])
    write_png(output / f"{SHEET}.png", sheet)
    tell(lines, trained, fmr)
    print(f"{output}: {len(names)} reconstructions by {trained.method}")


def _inputs(
    source: Path, trained: Trained, own: str | None, align: Align
) -> tuple[list[str], np.ndarray, np.ndarray | None, Recogniser | None]:
    """Names and embeddings of what is inverted, and photographs and recogniser if there are any."""
    photographs = recogniser = None
    if source.is_file() and source.suffix.lower() in FORMATS:
        names, embeddings = read_embeddings(source)
        if (dimension := trained.inverter.dimension) is not None:
            check_invert(embeddings, dimension)
        names = distinct(names)
        try:
            recogniser = recogniser_of(trained, own)
        except UserError as error:
            print(f"no verdicts: {error}")
    elif source.is_file() and source.suffix and not is_image_name(source):
        raise UserError(
            f"{source}: expected embeddings as {', '.join(FORMATS)}, or a photograph, got "
            f"{source.suffix}: write the array with numpy.save('embeddings.npy', array)"
        )
    else:
        recogniser = recogniser_of(trained, own)
        files, photographs = read_photographs(source, align)
        embeddings = recogniser.embed(photographs)
        names = [str(Path(file).with_suffix("")) for file in files]
        if len(set(names)) < len(names):
            names = files
    names = [f"{name}-face" if name == SHEET else name for name in names]
    return names, embeddings, photographs, recogniser


def looks_foreign(trained: Trained, cosines: Sequence[float | None]) -> str | None:
    """A warning if embeddings are so badly reconstructed that they may be another recogniser's.

    Args:
        trained: the inverter; its record says how well it does on embeddings of its victim.
        cosines: between each embedding and that of its reconstruction; None where unknown.
    """
    path, measured = trained.folder / RECORD, [cosine for cosine in cosines if cosine is not None]
    if not measured or not path.exists():
        return None
    least = Record.read(path).metrics.get(f"{trained.victim}/cosine_p05")
    median = float(np.nanmedian(measured))
    if least is None or least.value is None or median >= min(least.value, least.value / 2):
        return None
    return (
        f"half of the reconstructions have a cosine below {median:.2f} to their embeddings, where "
        f"95 % of those that {trained.method} was examined on have {least.value:.2f} or more: are "
        f"these embeddings of {trained.victim}?"
    )


def distinct(names: Sequence[str]) -> list[str]:
    """Names that can be file names, each once: others get their number, or are replaced by it."""
    plain = [re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] for name in names]
    counts, made = Counter(plain), dict[str, None]()
    for place, name in enumerate(plain):
        chosen = name if name and counts[name] == 1 else f"{name}-{place}".lstrip("-")
        while chosen in made or (chosen != name and chosen in counts):
            chosen = f"{chosen}-{place}"
        made[chosen] = None
    return list(made)
