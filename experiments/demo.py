"""The whole framework in minutes, on drawn faces: what an embedding gives away, on one page."""

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from experiments.common import main, specs_of
from gan_inversion.core.folders import Folders
from gan_inversion.core.storage import write_text
from gan_inversion.inverters.families import specified
from gan_inversion.pretrained import SHIPPED

SUBJECTS = 1000
MODELS, MEMBERS, EPOCHS = 6, 100, 6  # of the membership study
DECODER, GAN = "documented_dense", "cgan_demo"
NAMES = {
    DECODER: "the decoder of a 2023 thesis, trained here",
    GAN: "a conditional GAN, trained here",
    "shipped": "the conditional GAN that is shipped, trained longer on more faces",
}
FAMILIES = {DECODER: "decoder", GAN: "conditional generator"}  # what they are called in a sentence
# Options of the audited conditional generators: small, because many are trained, and without a
# discriminator, as those that `experiments.shadows` audits at full size.
SMALL = {"adversarial": 0.0, "diversity": 0.0, "warmup": 0, "steps": 16, "interval": 16,
         "batch_size": 8, "corrections": 0}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Train both families on drawn faces, examine their reconstructions, and audit what they leak.

    Both families are a documented decoder and a conditional GAN; the audit attacks small models of
    both, of the GAN its generator trained alone, to tell who was a member. Findings are printed,
    and written with faces to `runs`/demo.html.

    Cost: three to five minutes on two CPU cores. Nothing is downloaded.
    """

    runs: Path = Path("runs/demo")
    """Folder for the page demo.html, trained inverters, logs and TensorBoard events."""

    seed: int = 0
    """Seed of the random choices: initial weights, order of images, and who is a member."""


def trained(options: Options, bench: Any) -> dict[str, Any]:
    """The inverters of both families, trained unless saved before, and the shipped one."""
    from gan_inversion.inverters.trained import open_trained
    from gan_inversion.protocols.inversion.run import train_on

    inverters = {
        spec.preset: train_on(bench, spec, options.seed, folders=Folders(runs=options.runs))[0]
        for spec in specs_of((DECODER, GAN), epochs=EPOCHS)
    }
    return inverters | {"shipped": open_trained(SHIPPED).inverter}


def remembered(options: Options, bench: Any) -> dict[str, Any]:
    """Attack small models of both families for membership."""
    from baselines.together import train_specs
    from gan_inversion.cgan.turns import train_in_turn
    from gan_inversion.protocols.membership.quick import quick_leak

    decoder, seeds = specified(DECODER).options, range(MODELS)
    gan = replace(specified(GAN).options, **SMALL)

    def decoders(*arrays: Any) -> Any:
        ((_, last),) = train_specs(decoder, *arrays, seeds=seeds, epochs=(EPOCHS,))
        return last

    def gans(*arrays: Any) -> Any:
        return train_in_turn(gan, *arrays, seeds=seeds, recogniser=bench.victim.recogniser)

    size = {"models": MODELS, "members": MEMBERS, "seed": options.seed}
    return {name: quick_leak(train, bench, **size) for name, train in
            ((DECODER, decoders), (GAN, gans))}  # fmt: skip


def run_all(options: Options) -> None:
    """Train, examine, audit, and write the page."""
    from gan_inversion.protocols.inversion.quick import FMR, drawn_bench, quick_verdicts
    from gan_inversion.protocols.inversion.verdicts import verdict
    from gan_inversion.reporting import demo

    bench: Any = drawn_bench(SUBJECTS)
    judged = {
        name: demo.Judged(*quick_verdicts(inverter, bench))
        for name, inverter in trained(options, bench).items()
    }
    leaks = remembered(options, bench)
    demo.write_events(options.runs / "figures", judged, leaks)
    threshold = bench.victim.thresholds[FMR].threshold
    called = {NAMES[name]: outcome for name, outcome in judged.items()}
    leaked = {FAMILIES[name]: outcome for name, outcome in leaks.items()}
    sentences = demo.numbers(called, leaked, count=len(bench.split.test), models=MODELS)
    faces = demo.table_of_faces(
        called, bench.originals, bench.subjects, lambda cosine: verdict(cosine, threshold)[0]
    )
    target = options.runs / "demo.html"
    command = shlex.join([sys.executable, "-m", "tensorboard.main", "--logdir", str(options.runs)])
    page = demo.demo_page(faces, sentences, threshold=threshold or 0, command=command)
    write_text(target, page)
    for place, line in enumerate(sentences, 1):
        print(f"{place}. {line}")
    print(f"\nTensorBoard: {command}\nThe page: {target.resolve().as_uri()}")


if __name__ == "__main__":
    main(Options, run_all)
