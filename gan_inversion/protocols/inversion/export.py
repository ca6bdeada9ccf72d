"""Export what an inverter in another program needs: split, embeddings and images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from gan_inversion.core.places import check_output, claim_folder
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import atomic, write_png, write_text
from gan_inversion.data.source import Source
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.recognisers import embed_view, open_recogniser


def png_names(files: Sequence[str]) -> dict[str, str]:
    """Image -> name of its PNG file; the old ending is kept where two images differ only in it."""
    plain = {file: str(PurePosixPath(file).with_suffix(".png")) for file in files}
    counts = Counter(plain.values())
    return {file: name if counts[name] == 1 else f"{file}.png" for file, name in plain.items()}


def export(output: Path, *, source: Source, victim: str) -> None:
    """Write split, embeddings and images to a folder."""
    check_output(output, source.data)
    protocol, dataset = Inversion(), source.open()
    recogniser = open_recogniser(victim)
    embeddings = embed_view(recogniser, dataset, view=protocol.view, resample=protocol.resample)
    split = protocol.split(dataset.files, embeddings, dataset.duplicates)
    images = dataset.view(protocol.view, resample=protocol.resample)
    claim_folder(output, f"an export of {dataset.name} {dataset.digest[:12]}, {recogniser.name}")
    names = png_names(dataset.files)
    for picture, file in progress(
        zip(images, dataset.files, strict=True), total=len(images), desc="writing", unit="image"
    ):
        path = output / "images" / names[file]
        if not path.exists():
            write_png(path, np.asarray(picture))
    with atomic(output / "embeddings.npy") as temporary:
        np.save(temporary, embeddings)
    write_text(output / "split.csv", split.csv(dataset.files))
    print(f"{output} written: {len(images)} images, split {split.hash}")
