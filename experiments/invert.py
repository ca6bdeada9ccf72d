"""Invert a user's own embeddings, or photographs, with a trained inverter."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.common import main
from experiments.methods import (
    attacked,
    has_hypotheses,
    open_trained,
    reconstruct,
)
from experiments.own import read_arrays
from gan_inversion.data.decode import decode_image
from gan_inversion.data.folder import find_transform, place
from gan_inversion.data.views import SIZE, render
from gan_inversion.embedders import load_embedder
from gan_inversion.errors import UserError
from gan_inversion.progress import progress
from gan_inversion.protocols import Inversion
from gan_inversion.storage import write_png

COLUMNS, SHOWN = 10, 200  # of the contact sheet


@dataclass(frozen=True)
class Options:
    """Turn embeddings, or photographs by way of their embeddings, into pictures.

    Writes a PNG for each input and `contact_sheet.png`: photographs above, reconstructions below.

    Cost on two CPU cores: some 10 ms an embedding, some 120 ms with corrections by the recogniser
    that was attacked, as conditional GANs have them; photographs are aligned and embedded first.
    """

    model: Path
    """Folder of a run of experiments.inversion, e.g. runs/inversion/cgan_cpu-lfw-s0."""

    input: Path
    """Embeddings as .npy or .npz, (N, D); or a photograph; or a folder of photographs."""

    output: Path
    """Folder for the pictures."""

    hypotheses: int = 1
    """Pictures of each embedding; more than one needs a conditional GAN with noise."""


def read_embeddings(path: Path) -> np.ndarray:
    """Embeddings of a user's file, as float32 (N, D) of unit norm.

    Raises:
        UserError: not such a file, another shape, no norm, NaN or infinity.
    """
    arrays = read_arrays(path)
    if len(arrays) != 1 and "embeddings" not in arrays:
        raise UserError(f"{path}: expected an array called embeddings, got {', '.join(arrays)}")
    found = arrays.get("embeddings", next(iter(arrays.values())))
    found = found[None] if found.ndim == 1 else found
    if found.ndim != 2 or found.size == 0 or found.dtype.kind not in "fiu":
        raise UserError(f"{path}: expected numbers (N, D), got {found.dtype} {found.shape}")
    found = found.astype("float32")
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    for bad, what in ((~np.isfinite(norms), "NaN or infinity"), (norms == 0, "zero norm")):
        if bad.any():
            rows = ", ".join(map(str, np.flatnonzero(bad)[:5]))
            raise UserError(f"{path}: expected finite embeddings with a norm, got {what} in {rows}")
    return found / norms


def read_photographs(path: Path) -> tuple[list[str], np.ndarray]:
    """Names and aligned views, uint8 (N, 160, 160, 3), of a photograph or a folder of them.

    Raises:
        UserError: no picture there, or no face in any of them.
    """
    files = [path]
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.is_file() and not f.name.startswith("."))
    protocol = Inversion()
    names, views = [], []
    for file in progress(files, desc="finding faces", unit="image"):
        photo = decode_image(file.read_bytes(), str(file))
        if photo.shape != (SIZE, SIZE, 3):
            transform = find_transform(photo)
            if transform is None:
                print(f"{file}: no face found, left out")
                continue
            frame = place(photo, np.array(transform))
            photo = render(frame, view=protocol.view, resample=protocol.resample)
        names.append(str(file.relative_to(path) if path.is_dir() else file.name))
        views.append(photo)
    if not views:
        raise UserError(
            f"expected photographs of faces in {path}, found none in {len(files)} files"
        )
    return names, np.stack(views)


def contact_sheet(rows: list[np.ndarray]) -> np.ndarray:
    """Pictures as one, uint8: each of `rows`, (N, 160, 160, 3), is a line below the one before."""
    rows = [row[:SHOWN] for row in rows]
    count = len(rows[0])
    width = min(COLUMNS, count)
    lines = []
    for start in range(0, count, width):
        for row in rows:
            line = np.full((SIZE, width * SIZE, 3), 255, "uint8")
            some = np.concatenate(list(row[start : start + width]), axis=1)
            line[:, : some.shape[1]] = some
            lines.append(line)
    return np.concatenate(lines)


def run_all(options: Options) -> None:
    """Read, embed if need be, invert, write."""
    inverter = open_trained(options.model)
    if options.hypotheses > 1 and not has_hypotheses(inverter):
        raise UserError(f"{inverter.name} gives one picture an embedding: it has no noise")
    if not options.input.exists():
        raise UserError(f"expected embeddings or photographs in {options.input}, found nothing")
    photographs = None
    if options.input.suffix in (".npy", ".npz"):
        embeddings = read_embeddings(options.input)
        names = [f"{row:0{len(str(len(embeddings) - 1))}d}" for row in range(len(embeddings))]
    else:
        files, photographs = read_photographs(options.input)
        embeddings = load_embedder(attacked(options.model)).embed(photographs)
        names = [str(Path(file).with_suffix("")) for file in files]
        if len(set(names)) < len(names):
            names = files
    rows = []
    for hypothesis in range(options.hypotheses):
        which = {"hypothesis": hypothesis} if options.hypotheses > 1 else {}
        rows.append(reconstruct(inverter, embeddings, **which)[0])
        ending = f"-{hypothesis}" if options.hypotheses > 1 else ""
        for name, picture in zip(names, rows[-1], strict=True):
            write_png(options.output / f"{name}{ending}.png", picture)
    write_png(
        options.output / "contact_sheet.png",
        contact_sheet([*([] if photographs is None else [photographs]), *rows]),
    )
    print(f"{options.output}: {len(names)} reconstructions by {inverter.name}")


if __name__ == "__main__":
    main(Options, run_all)
