"""Reconstruct faces from a user's own embeddings, or images, with a trained inverter."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from gan_inversion.data import Align
from gan_inversion.pretrained import SHIPPED


@dataclass(frozen=True)
class Options:
    """Reconstruct faces from embeddings, or from images by way of their embeddings.

    Writes to `output` a PNG for each input; `contact_sheet.png`, images above and reconstructions
    below, with what the attacked recogniser says of each; and the same as `verdicts.csv`: the
    cosine between the embedding that was inverted and that of the reconstruction, the threshold
    from which on the recogniser takes two images for one subject (false match rate 0.1 %, or 1 %
    where the training data were too few for that), and the verdict.

    Cost on two CPU cores: some 10 ms an embedding, some 120 ms with the corrections of a
    conditional GAN, for which the attacked recogniser is run; images are aligned and embedded
    first.
    """

    input: Path
    """Embeddings (npy, npz, csv, tsv, parquet, faiss), a photograph, or a folder of photographs."""

    output: Path
    """Folder for the reconstructions, contact_sheet.png and verdicts.csv."""

    model: Path = SHIPPED
    """Folder of a run of experiments.train or experiments.inversion, for example
    runs/inversion/cgan_short-lfw-s0. Default: the shipped conditional GAN, which inverts embeddings
    of the shipped recogniser and knows drawn faces only."""

    hypotheses: int = 1
    """Reconstructions per embedding; more than one needs a conditional GAN with noise."""

    nearest: bool = False
    """Of the hypotheses, keep the one that the attacked recogniser finds nearest, as an attacker
    would who has this recogniser; the tables say what it brings (`picked of`)."""

    align: Align = "auto"
    """Which images are aligned by facial landmarks: all but those framed like LFW (250x250) or like
    its aligned view (160x160) already (auto); all (always); or none (never): then they must have
    one of the two sizes, and no face is looked for."""

    victim: str | None = None
    """Your own recogniser as file.py:name, if the model inverts embeddings of it."""

    own: str | None = None
    """Your own inverter class as file.py:name, if the model was made by it."""


def run_all(options: Options) -> None:
    """Open the inverter, and invert."""
    from gan_inversion.inverters.trained import open_trained
    from gan_inversion.protocols.inversion.photographs import invert_all

    invert_all(
        options.input,
        options.output,
        trained=open_trained(options.model, own=options.own),
        hypotheses=options.hypotheses,
        align=options.align,
        own=options.victim,
        nearest=options.nearest,
    )


if __name__ == "__main__":
    main(Options, run_all)
