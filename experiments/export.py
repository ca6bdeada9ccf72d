"""Write out what an inverter made elsewhere needs: the split, and the embeddings to learn from."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main
from gan_inversion.data.source import Source


@dataclass(frozen=True)
class Options:
    """Export the `inversion` protocol for work in another framework.

    Writes to `output`: `split.csv` (image, part); `embeddings.npy` (float32, one row an image, in
    the order of split.csv); and `images/<image>.png`, the 160x160 images that the protocol sees.
    Reconstruct the images whose part is `test`, from their embeddings only, and have the
    reconstructions examined by `python -m experiments.inversion --reconstructions <folder>`.

    Cost for LFW, once its embeddings are cached: one minute, and 600 MB on the disk.
    """

    output: Path = Path("export")
    """Folder for split.csv, embeddings.npy and the folder of images."""

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted: facenet, compact, or your own as file.py:name."""


def run_all(options: Options) -> None:
    """Write the split, the embeddings and the images."""
    from gan_inversion.protocols.inversion.export import export

    export(options.output, source=options.source, victim=options.victim)


if __name__ == "__main__":
    main(Options, run_all)
