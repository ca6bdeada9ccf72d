"""Images per second of the conditional GAN's training step, beside the rate of matrix products."""

from dataclasses import asdict, dataclass

from experiments.common import Flat, main, rehearsed, specs_of
from gan_inversion.core.folders import Written
from gan_inversion.data import Synthetic
from gan_inversion.protocols import Speed


@dataclass(frozen=True)
class Options:
    """Time the full training step of a conditional GAN, in images per second.

    A step runs generator, recogniser and discriminator, both gradients and both updates. The
    operations of its products and convolutions are counted in its traced graph; beside them stands
    the rate of a matrix product in the same precision, measured in the same run. Needs
    FaceNet (experiments.fetch). Writes a record, and the table.

    Cost: about 3 minutes on two CPU cores.
    """

    method: str = "cgan_cpu"
    """Conditional GAN to time: cgan[_<variant>][_<preset>], such as cgan_short."""

    folders: Flat[Written] = Written()

    smoke: bool = False
    """Rehearse with compact and a small network; everything is written under `runs/smoke`."""


def run_all(options: Options) -> None:
    """Count the operations of a step, time it, and write the record."""
    options = rehearsed(options)
    (spec,) = specs_of([options.method])
    if options.smoke:
        spec = spec.rehearsed()

    import numpy as np

    from gan_inversion.cgan.speed import steps_to_time
    from gan_inversion.core.record import metric
    from gan_inversion.protocols.records import Entry
    from gan_inversion.protocols.speed.turns import matrix_rate, middle, take_turns
    from gan_inversion.recognisers import Compact, FaceNet
    from gan_inversion.reporting.pages import write_speed

    protocol = Speed(images=16, turns=2) if options.smoke else Speed()
    recogniser = Compact() if options.smoke else FaceNet()
    faces = Synthetic(protocol.images, 1)
    entry = Entry(options.folders.records, protocol, spec.name, faces, recogniser)
    if entry.exists():
        return
    images = np.asarray(faces.view("aligned"))
    config, step, count, work = steps_to_time(spec.options, recogniser, images)
    rate = matrix_rate(precision=config.precision.removeprefix("mixed_"))
    speed = count / take_turns({"step": step}, protocol.turns)["step"]
    path = entry.write(
        knowledge=config.knowledge,
        config={**asdict(config), "gflop_per_image": work},
        metrics={
            "step/images_per_second": middle(speed),
            "step/share_of_matmul": middle(work * speed / rate),
            "matmul/gflop_per_second": metric(rate, n=1),
        },
    )
    print(path)
    write_speed(options.folders.records, options.folders.tables)


if __name__ == "__main__":
    main(Options, run_all)
