"""Images per second of the conditional GAN's training step, and the floor that it stands on."""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from experiments.common import main, make_record, recorded
from experiments.embedding_speed import matrix_rate, middle, take_turns
from experiments.tables import write_speed
from gan_inversion.cgan import adversaries, with_precision
from gan_inversion.config import PRESETS, named
from gan_inversion.data import Synthetic
from gan_inversion.embedders import Compact, FaceNet
from gan_inversion.errors import UserError
from gan_inversion.protocols import Speed
from gan_inversion.record import metric
from gan_inversion.training import fit
from gan_inversion.training.adversarial import Draws


@dataclass(frozen=True)
class Options:
    """Time the full step: generator, recogniser, discriminator, both gradients, both updates.

    The operations of the step's products and convolutions are counted in its traced graph; beside
    them stands the rate of a matrix product in the same precision, measured in the same run.

    Cost: about 3 minutes on two CPU cores.
    """

    method: str = "cgan_cpu"
    """Which configuration: cgan[_<variant>][_<preset>]."""

    records: Path = Path("results/records")
    """Folder for the record."""

    tables: Path = Path("docs")
    """Folder for the table."""

    smoke: bool = False
    """A rehearsal with compact and a small network, everything under `runs/smoke`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = Path("runs/smoke")
    return replace(options, records=folder / "records", tables=folder)


def products(graph: Any) -> float:
    """10^9 operations in the convolutions and matrix products of a traced TensorFlow graph.

    An addition counts as one. Shapes must be known. What nothing depends on is left out, as
    TensorFlow does not compute it: the gradients of the recogniser's frozen kernels.
    """
    total = 0
    ahead = [*(tensor.op for tensor in graph.outputs), *graph.control_outputs]
    needed = set(ahead)
    while ahead:
        op = ahead.pop()
        before = {tensor.op for tensor in op.inputs} | set(op.control_inputs)
        ahead += before - needed
        needed |= before
    for op in needed:
        shapes = [tuple(tensor.shape) for tensor in (*op.inputs, *op.outputs)]
        if op.type == "Conv2D" or op.type == "Conv2DBackpropInput":
            total += math.prod(shapes[2]) * math.prod(shapes[1][:3])
        elif op.type == "Conv2DBackpropFilter":
            total += math.prod(shapes[2]) * math.prod(shapes[3][:3])
        elif op.type in ("MatMul", "BatchMatMulV2"):
            transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
            total += math.prod(shapes[2]) * shapes[0][-2 if transposed else -1]
        elif op.type == "Einsum":
            sides = op.get_attr("equation").decode().split("->")[0].split(",")
            sizes = {
                letter: size
                for side, shape in zip(sides, shapes, strict=False)
                for letter, size in zip(side, shape, strict=True)
            }
            total += math.prod(sizes.values())
    return 2 * total / 1e9


def traced(players: keras.Model, batch: dict) -> Any:
    """The graph of one step on a batch of known shapes."""
    import tensorflow as tf

    known = tf.nest.map_structure(tf.convert_to_tensor, batch)
    step = tf.function(lambda: players.train_step((known,)))
    return step.get_concrete_function().graph


def run_all(options: Options) -> None:
    """Count, time, record."""
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "expected the backend tensorflow, in whose graph the operations are counted, got "
            f"{keras.backend.backend()}"
        )
    protocol = Speed()
    recogniser: Compact | FaceNet
    config = named(options.method)
    if options.smoke:
        options, protocol = rehearsal(options), Speed(images=16, turns=2)
        config, recogniser = PRESETS["smoke"], Compact()
    else:
        recogniser = FaceNet()
    steps = max(1, protocol.images // config.batch_size)
    config = replace(config, steps=steps, interval=steps, alone=0)
    faces = Synthetic(protocol.images, 1)
    path = options.records / protocol.name / f"{options.method}-{faces.name}-s0.json"
    if recorded(path, protocol_hash=protocol.hash, embedder_digest=recogniser.digest):
        return
    images = np.asarray(faces.view("aligned"))
    config = with_precision(config, recogniser.dimension)
    rate = matrix_rate(precision=config.precision.removeprefix("mixed_"))
    players = adversaries(config, recogniser.dimension, recogniser, seed=0)
    draws = Draws(recogniser.embed(images), images, config, seed=0, interval=0)
    work = products(traced(players, draws[0][0])) / config.batch_size
    turn = {"step": lambda: fit(players, lambda interval: draws, epochs=1, seed=0)}
    speed = steps * config.batch_size / take_turns(turn, protocol.turns)["step"]
    record = make_record(
        protocol,
        options.method,
        dataset=faces,
        embedder=recogniser,
        knowledge=config.knowledge,
        config={
            "protocol": asdict(protocol),
            **asdict(config),
            "gflop_per_image": work,
        },
        metrics={
            "step/images_per_second": middle(speed),
            "step/share_of_matmul": middle(work * speed / rate),
            "matmul/gflop_per_second": metric(rate, n=1),
        },
    )
    print(record.write(options.records))
    write_speed(options.records, options.tables)


if __name__ == "__main__":
    main(Options, run_all)
