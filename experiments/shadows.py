"""Whom does an inverter remember? Train many, each on other subjects, and run every attack."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from experiments.common import FamilyOptions, Flat, main, rehearsed, specs_of
from experiments.published import AUDITED, EVERYTHING, SHADOWS
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.data.source import Source
from gan_inversion.protocols import Membership


@dataclass(frozen=True)
class Options:
    """Train every inverter many times, on halves of the images or subjects, and attack all of them.

    The attacks tell members, on which the target model was trained, from all others; every model is
    in turn the target model and the others its shadow models. The same record has the success
    rates (SAR) of the first models on subjects that nobody trained on. Needs LFW and
    FaceNet (experiments.fetch), unless `dataset` and `victim` name others. Writes records with the
    signals beside them, the tables, and the runs.

    Cost on LFW, two CPU cores, 16 models on 1,000 images each, 10 epochs, both units: about 40
    minutes for documented_dense, of which the identity signal takes two thirds.
    """

    methods: tuple[str, ...] = SHADOWS
    """Inverters, as for experiments.inversion. Append _n500 to train each model on 500 images;
    otherwise each is trained on half of all images outside the test part."""

    units: tuple[Literal["image", "subject", "canary"], ...] = ("image", "subject")
    """What is a member or not: single images, or subjects with all their images, which are attacked
    by images of them that nobody trained on; or canaries, embeddings with the image of somebody
    else, which show how much a training can be made to remember."""

    epochs: tuple[int, ...] = AUDITED
    """Epochs after which decoders are attacked; one record each."""

    shares: tuple[int, ...] = ()
    """Percentages of the training after which conditional GANs are attacked, beside its end; one
    record each. A checkpoint must be written there: see --cgan.interval."""

    signals: tuple[Literal["log_mse", "ssim", "identity"], ...] = ("log_mse", "ssim", "identity")
    """What an attack sees of a reconstruction: minus the logarithm of its squared error (log_mse),
    structural similarity (ssim), cosine to the embedding (identity). A discriminator's logit is
    added where there is one."""

    models: int = Membership.models
    """Models to train for each unit, an even number from 6 on; more take longer."""

    seed: int = 0
    """Seed of the random choices: members, initial weights, order of images, resampling."""

    families: Flat[FamilyOptions] = FamilyOptions()

    source: Flat[Source] = Source()

    victim: str = "facenet"
    """Recogniser whose embeddings are inverted, such as facenet or compact."""

    judges: tuple[str, ...] = ()
    """Further recognisers, such as dlib and sface, that are shown the reconstructions of the first
    model: the attacked one alone may be fooled."""

    folders: Flat[Folders] = Folders()

    workers: int = 0
    """Ray processes that share the work, on this machine or on the cluster that RAY_ADDRESS names,
    which must have data and package too. With 0, this process does all, without Ray."""

    again: Path | None = None
    """A folder of records whose saved signals are attacked anew, for when the attacks have changed:
    nothing is trained, and the outcome goes to `records`, which must be another folder. Needs the
    data all the same, for the attack that looks at the images. With `judges` the first model of
    each study is trained anew, and shown to them."""

    smoke: bool = False
    """Rehearse in a minute with compact on synthetic faces; all is written under `runs`/smoke."""


def run_all(options: Options) -> None:
    """Run every method, and write the tables."""
    from gan_inversion.core.places import check_output
    from gan_inversion.protocols.inversion.bench import Setting
    from gan_inversion.protocols.membership.again import attack_again
    from gan_inversion.protocols.membership.run import Study, run_one
    from gan_inversion.reporting.pages import write_membership
    from gan_inversion.reporting.tables import find_records

    usual = options.methods == SHADOWS
    methods = ("documented_dense_n40",) if options.smoke and usual else options.methods
    options = rehearsed(options, methods=methods, epochs=(1, 2), models=6)
    folders = options.folders
    setting = Setting(options.source, options.victim, options.judges, folders.results)
    if (old := options.again) is not None:
        check_output(folders.records, old)
        records = find_records(old, Membership().name, setting.selection)
        if not records:
            raise UserError(
                f"expected records of a study in {old}, of {options.source.dataset} and "
                f"{options.victim}, found none"
            )
        for record in records:
            attack_again(record.path(old), old, setting=setting, folders=folders)
        return
    specs = specs_of(options.methods, options.families)
    if options.smoke:
        specs = [spec.rehearsed() for spec in specs]
    study = Study(**{own.name: getattr(options, own.name) for own in fields(Study)})
    for spec in specs:
        run_one(spec, study, setting=setting, folders=folders)
    chosen, published = setting.selection, folders.records == Folders().records
    expected = EVERYTHING.membership if published and chosen.published else ()
    write_membership(folders.records, folders.tables, chosen, expected=expected)


if __name__ == "__main__":
    main(Options, run_all)
