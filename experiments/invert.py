"""Invert a user's own embeddings, or photographs, with a trained inverter."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from gan_inversion.data import Align
from gan_inversion.pretrained import SHIPPED


@dataclass(frozen=True)
class Options:
    """Turn embeddings, or photographs by way of their embeddings, into pictures.

    Writes a PNG for each input; `contact_sheet.png`, photographs above and reconstructions below,
    with what the attacked recogniser says of each; and the same as `verdicts.csv`: the cosine
    between the embedding that was inverted and that of the reconstruction, the threshold from which
    on the recogniser takes two pictures for one person (false match rate 0.1 %, or 1 % where the
    training data were too few for that), and the verdict.

    Cost on two CPU cores: some 10 ms an embedding, some 120 ms with corrections by the recogniser
    that was attacked, as conditional GANs have them; photographs are aligned and embedded first.
    """

    input: Path
    """Embeddings as .npy or .npz, (N, D); or a photograph; or a folder of photographs."""

    output: Path
    """Folder for the pictures."""

    model: Path = SHIPPED
    """Folder of a run of experiments.train or experiments.inversion, for example
    runs/inversion/cgan_short-lfw-s0. Default: the shipped conditional GAN, which inverts embeddings
    of the shipped recogniser and knows drawn faces only."""

    hypotheses: int = 1
    """Pictures of each embedding; more than one needs a conditional GAN with noise."""

    align: Align = "auto"
    """Which photographs are aligned by landmarks. auto: all but those that are framed like LFW
    (250x250) or like its aligned view (160x160) already; always: all; never: none, they must be of
    one of the two sizes, and no face is looked for."""

    victim: str | None = None
    """Your own recogniser as file.py:name, if the model inverts embeddings of it."""

    own: str | None = None
    """Your own inverter class as file.py:name, if the model is one of it."""


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
    )


if __name__ == "__main__":
    main(Options, run_all)
