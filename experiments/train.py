"""Train one inverter, and nothing else: no second recogniser, no examination."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments import inversion
from experiments.common import main
from gan_inversion.cgan import ConditionalGAN
from gan_inversion.data import Align, DatasetName
from gan_inversion.errors import UserError


@dataclass(frozen=True)
class Options:
    """Train one inverter on 70 % of the subjects, and save it for experiments.invert.

    The run is that of experiments.inversion, which examines it without training again. An
    interrupted training goes on.

    Cost on LFW, two CPU cores: 20 minutes for cgan_short, an hour for cgan_cpu, 2 minutes for
    ridge_pca, 5 to 20 for a documented decoder; the first time 4 more for views and embeddings.
    """

    method: Annotated[str, tyro.conf.Positional]
    """Inverter: a control, a documented decoder, cgan[_<variant>][_<preset>], or your own as
    file.py:name; as for experiments.inversion."""

    seed: int = 0
    """Seed of weights and order."""

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
    """Recogniser whose embeddings are inverted: facenet, compact, dlib, or your own as
    file.py:name."""

    epochs: int = inversion.EPOCHS
    """Passes of the documented decoders over the training images."""

    half: bool = False
    """Save the weights of a conditional GAN as float16, in half the space."""

    runs: Path = Path("runs")
    """Folder for the run: log, TensorBoard events, pictures, and the trained inverter."""


def run_all(options: Options) -> None:
    """Train and save."""
    faces = inversion.Options(
        **{
            name: getattr(options, name)
            for name in (
                "dataset", "data", "min_images", "align", "embedder", "epochs", "runs"
            )
        },
        judges=(),
        records=options.runs / "records",  # for the thresholds, which its verdicts are by
    )  # fmt: skip
    inversion.build_one(options.method, faces)  # a wrong name fails before the work
    bench = inversion.set_up(faces)
    prepared = inversion.prepare(options.method, options=faces, bench=bench, seed=options.seed)
    if not hasattr(prepared.inverter, "save"):
        raise UserError(f"{options.method} has no save: expected an inverter that can be kept")
    with inversion.open_run(
        options.method, options.seed, prepared, options=faces, bench=bench
    ) as run:
        inverter, seconds, _ = inversion.trained(
            options.method, options.seed, prepared, run=run, bench=bench
        )
        if options.half and isinstance(inverter, ConditionalGAN):
            inverter.save(run.folder / "inverter", precision="float16")
    print(f"{run.folder}: {options.method} trained in {seconds / 60:.1f} minutes; invert with")
    print(f"    python -m experiments.invert --model {run.folder} --input me.jpg --output out")


if __name__ == "__main__":
    main(Options, run_all)
