"""Images per second of FaceNet: ours, the documented way, and facenet-pytorch as users get it."""

from dataclasses import dataclass

from experiments.common import Flat, main, rehearsed
from gan_inversion.core.folders import Written
from gan_inversion.protocols import Speed


@dataclass(frozen=True)
class Options:
    """Time implementations of FaceNet, in turn, on the same images: ours and the contestants.

    `facenet_pytorch` needs `pip install torch torchvision` and `pip install --no-deps
    facenet-pytorch` (its own pins exclude current numpy and Pillow); its weights are random, which
    costs the same.

    A matrix product is timed on the same machine, whose rate no float32 convolution can exceed.
    Needs FaceNet (experiments.fetch). Writes a record of images per second, and the table.

    Cost: 2 minutes. Expected on two CPU cores: in float32 8 times one `predict` call an image,
    twice facenet-pytorch, and 90 % of the matrix product's rate; 10 times and 3 times where the
    processor multiplies bfloat16.
    """

    contestants: tuple[str, ...] = ("documented", "facenet_pytorch")
    """Timed beside ours: documented (one `predict` call an image), facenet_pytorch."""

    folders: Flat[Written] = Written()

    smoke: bool = False
    """Rehearse with compact and few images; everything is written under `runs/smoke`."""


def run_all(options: Options) -> None:
    """Time each implementation in turn, and write the table."""
    options = rehearsed(options, contestants=("documented",))

    from gan_inversion.protocols.speed.embedding import embedding_speed
    from gan_inversion.recognisers import Compact, FaceNet
    from gan_inversion.reporting.pages import write_speed

    protocol = Speed(images=16, turns=2) if options.smoke else Speed()
    recogniser = Compact if options.smoke else FaceNet
    embedding_speed(protocol, recogniser, options.contestants, options.folders.records)
    write_speed(options.folders.records, options.folders.tables)


if __name__ == "__main__":
    main(Options, run_all)
