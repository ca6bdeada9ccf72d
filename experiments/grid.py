"""Draw reconstructions of people never seen: random ones, the median and the worst."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.common import Flat, main
from gan_inversion.data.source import Source


@dataclass(frozen=True)
class Options:
    """Draw a grid of reconstructed test images: one line an inverter, in groups.

    The groups are images drawn at random, and the median and the worst ones by the last inverter's
    type-I cosine, that of the inverted embedding and the reconstruction's; for these two it must
    have been examined. Needs the data. Writes one picture.

    Cost: a minute on two CPU cores.
    """

    models: tuple[Path, ...]
    """Folders of runs of experiments.inversion or experiments.train; each is one line."""

    output: Path = Path("docs/faces.png")
    """File for the picture."""

    groups: tuple[Literal["random", "median", "worst"], ...] = ("random", "median", "worst")
    """Groups to draw."""

    people: int = 10
    """Images in each group."""

    names: tuple[str, ...] = ()
    """What the lines are called, one name a run; by default their methods."""

    photographs: bool = False
    """Begin each group with a line of the images themselves. LFW's must not be published."""

    source: Flat[Source] = Source()

    victim: str | None = None
    """Your own recogniser as file.py:name, if the runs invert embeddings of it."""

    own: str | None = None
    """Your own inverter class as file.py:name, if it made one of the runs."""


def run_all(options: Options) -> None:
    """Open the inverters, and draw the grid."""
    from gan_inversion.inverters.trained import open_trained
    from gan_inversion.protocols.inversion.grid import Layout, draw_grid

    models = [open_trained(folder, own=options.own) for folder in options.models]
    layout = Layout(options.groups, options.people, options.names, options.photographs)
    draw_grid(models, options.output, layout, source=options.source, own=options.victim)


if __name__ == "__main__":
    main(Options, run_all)
