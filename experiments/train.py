"""Train one inverter, and nothing else: no second recogniser, no examination."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.common import FamilyOptions, Flat, main, specs_of
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.data.source import Source


@dataclass(frozen=True)
class Options:
    """Train one inverter on 70 % of the subjects, and save it for experiments.invert.

    Needs LFW and FaceNet (experiments.fetch), unless `dataset` and `victim` name others. Writes a
    run into `runs`, the same as experiments.inversion would, which then examines it without
    training again. An interrupted training goes on when the same command is given again.

    Cost on LFW, two CPU cores: 15 minutes for cgan_short, an hour for cgan_cpu, 4 to 14 for
    ridge_pca, 5 to 20 for a documented decoder; the first time 4 more for views and embeddings.
    """

    method: Annotated[str, tyro.conf.Positional]
    """Inverter: a control, a documented decoder, cgan[_<variant>][_<preset>] such as cgan_short, or
    your own as file.py:name. The help of experiments.inversion says more."""

    seed: int = 0
    """Seed of the random choices: initial weights and the order of images."""

    families: Flat[FamilyOptions] = FamilyOptions()

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted, by name (such as facenet, mobilefacenet, compact),
    an ONNX file as model.onnx:card, or your own as file.py:name."""

    epochs: int = 10
    """Passes over the training images of a decoder whose own option `epochs` is not given."""

    half: bool = False
    """Save a conditional GAN's weights as float16, which takes half the space on the disk."""

    runs: Path = Path("runs")
    """Folder for the run: log, TensorBoard events, pictures, and the trained inverter."""


def run_all(options: Options) -> None:
    """Train and save."""
    (spec,) = specs_of([options.method], options.families, epochs=options.epochs)

    from gan_inversion.protocols.inversion.bench import Setting, open_bench
    from gan_inversion.protocols.inversion.photographs import command_for
    from gan_inversion.protocols.inversion.run import train_on

    if not spec.make().saves:
        raise UserError(f"expected an inverter that can be saved; {spec.name} has no save")
    # The thresholds that its verdicts need are written into the folder of the runs.
    bench = open_bench(Setting(options.source, options.victim, results=options.runs))
    folders = Folders(runs=options.runs)
    _, folder, seconds = train_on(bench, spec, options.seed, folders=folders, half=options.half)
    print(f"{folder}: {spec.name} trained in {seconds / 60:.1f} minutes; invert with")
    print("   ", command_for(folder, method=options.method, victim=options.victim))


if __name__ == "__main__":
    main(Options, run_all)
