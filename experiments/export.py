"""Write out what an inverter made elsewhere needs: the split, and the embeddings to learn from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from experiments.common import main
from experiments.own import open_embedder
from experiments.thresholds import embed_view
from gan_inversion.data import Align, DatasetName, open_dataset
from gan_inversion.progress import progress
from gan_inversion.protocols import Inversion
from gan_inversion.storage import atomic, check_output, claim_folder, write_png, write_text


@dataclass(frozen=True)
class Options:
    """Export the `inversion` protocol for work in another framework.

    Writes `split.csv` (image, part), `embeddings.npy` (float32, one row an image, in the order of
    split.csv) and `images/<image>.png`, the 160x160 pictures that the protocol sees. Reconstruct
    the images whose part is `test`, from their embeddings only, and have them examined by
    `python -m experiments.inversion --reconstructions <folder>`.

    Cost: one minute for LFW once its embeddings are cached, 600 MB.
    """

    output: Path = Path("export")
    """Folder to write to."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    embedder: str = "facenet"
    """Recogniser whose embeddings are inverted: facenet, compact, or your own as file.py:name."""


def png_names(files: Sequence[str]) -> dict[str, str]:
    """Names of PNG files: the ending is replaced, or kept where two images differ in it only."""
    plain = {file: str(PurePosixPath(file).with_suffix(".png")) for file in files}
    counts = Counter(plain.values())
    return {file: name if counts[name] == 1 else f"{file}.png" for file, name in plain.items()}


def run_all(options: Options) -> None:
    """Write split, embeddings and pictures."""
    check_output(options.output, options.data)
    protocol = Inversion()
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    embedder = open_embedder(options.embedder)
    embeddings = embed_view(embedder, dataset, view=protocol.view, resample=protocol.resample)
    split = protocol.split(dataset.files, embeddings)
    images = dataset.view(protocol.view, resample=protocol.resample)
    claim_folder(
        options.output, f"an export of {dataset.name} {dataset.digest[:12]}, {embedder.name}"
    )
    names = png_names(dataset.files)
    for picture, file in progress(
        zip(images, dataset.files, strict=True), total=len(images), desc="writing", unit="image"
    ):
        path = options.output / "images" / names[file]
        if not path.exists():
            write_png(path, np.asarray(picture))
    with atomic(options.output / "embeddings.npy") as temporary:
        np.save(temporary, embeddings)
    write_text(options.output / "split.csv", split.csv(dataset.files))
    print(f"{options.output} written: {len(images)} images, split {split.hash}")


if __name__ == "__main__":
    main(Options, run_all)
