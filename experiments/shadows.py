"""Whom does an inverter remember? Many of them, each trained on other people, and every attack."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.common import FamilyOptions, Flat, main, rehearsed, specs_of
from experiments.published import AUDITED, SHADOWS
from gan_inversion.core.folders import Folders
from gan_inversion.data.source import Source
from gan_inversion.protocols import Membership


@dataclass(frozen=True)
class Options:
    """Train every inverter on many halves of the people, attack all of them, record both.

    Every model is in turn the target and the others its shadows. The success rates of the first
    models on people whom nobody trained on stand in the same record, from the same weights.

    Cost on LFW, two CPU cores, 16 models on 1,000 images each, 10 epochs, both units: about 40
    minutes for documented_dense, of which the identity signal takes two thirds.
    """

    methods: tuple[str, ...] = SHADOWS
    """Inverters, as for experiments.inversion. Append _n500 to train each model on 500 images;
    without, on half of all that are not test images."""

    units: tuple[Literal["image", "subject"], ...] = ("image", "subject")
    """What is in or out: images, or subjects with all their images (then asked about by images
    that nobody trained on)."""

    epochs: tuple[int, ...] = AUDITED
    """When a decoder is audited, augmented or not; one record each. Others are at their end."""

    signals: tuple[Literal["log_mse", "ssim", "identity"], ...] = ("log_mse", "ssim", "identity")
    """What an attack sees of a reconstruction: minus the logarithm of its squared error,
    structural similarity, cosine to the embedding. A discriminator's logit is added where there is
    one."""

    models: int = Membership.models
    """Models for each unit."""

    seed: int = 0
    """Of the halves, of weights and order, and of the resampling."""

    families: Flat[FamilyOptions] = FamilyOptions()

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted."""

    folders: Flat[Folders] = Folders()

    workers: int = 0
    """Processes that Ray spreads the parts over: on this machine, or on the cluster that
    RAY_ADDRESS names, where data and package must be too. 0: this process."""

    again: Path | None = None
    """A folder of records: attack the signals that stand beside them anew, and write the outcome
    to `records`, another folder. Nothing is trained. For when the attacks have changed."""

    smoke: bool = False
    """A minute's rehearsal with compact on synthetic faces, everything under `runs`."""


def run_all(options: Options) -> None:
    """Run every method, and write the tables."""
    from gan_inversion.protocols.inversion.bench import Setting
    from gan_inversion.protocols.membership.run import Study, attack_again, run_one
    from gan_inversion.reporting.pages import write_membership

    if options.again is not None:
        pattern = f"*-{options.source.dataset}-s*.json"
        for path in sorted((options.again / Membership().name).glob(pattern)):
            attack_again(path, options.again, options.folders.records)
        return
    usual = options.methods == SHADOWS
    methods = ("documented_dense_n40",) if options.smoke and usual else options.methods
    options = rehearsed(options, methods=methods, epochs=(1, 2), models=6)
    specs = specs_of(options.methods, options.families)
    if options.smoke:
        specs = [spec.rehearsed() for spec in specs]
    study = Study(
        options.units,
        options.epochs,
        options.signals,
        options.models,
        options.seed,
        options.workers,
    )
    folders = options.folders
    setting = Setting(options.source, options.victim, results=folders.results)
    for spec in specs:
        run_one(spec, study, setting=setting, folders=folders)
    write_membership(folders.records, folders.tables, setting.selection)


if __name__ == "__main__":
    main(Options, run_all)
