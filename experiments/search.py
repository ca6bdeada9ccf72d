"""Searches by Keras Tuner: the thesis' own, an honest one, and one of the GAN's loss weights."""

from dataclasses import dataclass
from typing import Literal

from experiments.common import Flat, main, rehearsed
from experiments.published import SEARCHES
from gan_inversion.core.folders import Folders
from gan_inversion.data.source import Source

# Modules that define the options of a search, and train with those chosen.
SEARCHERS = {
    "documented": "baselines.search",
    "honest": "baselines.search",
    "cgan": "gan_inversion.cgan.search",
}


@dataclass(frozen=True)
class Options:
    """Search for the best options of the decoders and of the conditional GAN, by Keras Tuner.

    `documented` is the thesis' search, with its data: whole frames, images held out at random, the
    number of dense layers chosen by the loss on the very images that were trained on. The others
    see aligned faces, as the `inversion` protocol does. `honest` searches layers, width, learning
    rate and batch size, and chooses by the loss on subjects that were not trained on. `cgan`
    searches the weights of the loss with few training steps, by cosine + SSIM - SWD (sliced
    Wasserstein distance) on validation subjects.

    Needs LFW and FaceNet (experiments.fetch), unless `dataset` and `victim` name others. Writes a
    record per search, their table, and the trials under `runs`. An interrupted search goes on; a
    trial that fails is marked and the search goes on.

    Cost on LFW, two CPU cores with AVX-512: about a quarter of an hour each.
    """

    searches: tuple[Literal["documented", "honest", "cgan"], ...] = ("documented", "honest", "cgan")
    """Searches to run, of the three above; one record each."""

    seed: int = 0
    """Seed of the random choices: the tuner's, initial weights, and the order of images."""

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted, such as facenet or compact."""

    folders: Flat[Folders] = Folders()

    smoke: bool = False
    """Rehearse with compact on synthetic faces; everything is written under `runs`/smoke."""


def run_all(options: Options) -> None:
    """Run every search, and write the table."""
    options = rehearsed(options)

    from gan_inversion.protocols.inversion.bench import Setting, open_bench
    from gan_inversion.protocols.search.run import run_one, set_up
    from gan_inversion.reporting.pages import write_search

    folders = options.folders
    setting = Setting(options.source, options.victim, results=folders.results)
    bench = open_bench(setting)
    for name in options.searches:
        setup = set_up(
            name,
            SEARCHES[name],
            SEARCHERS[name],
            seed=options.seed,
            runs=folders.runs,
            bench=bench,
            smoke=options.smoke,
        )
        run_one(setup, folders.records)
    write_search(folders.records, folders.tables, setting.selection)


if __name__ == "__main__":
    main(Options, run_all)
