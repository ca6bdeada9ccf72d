"""Images per second of FaceNet: ours, the documented way, and facenet-pytorch as users get it."""

import importlib
import importlib.util
import math
import sys
import time
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np

from experiments.common import main, make_record, recorded
from experiments.tables import write_speed
from gan_inversion.data.synthetic import Synthetic
from gan_inversion.embedders import Compact, FaceNet
from gan_inversion.embedders.base import PRECISIONS
from gan_inversion.errors import UserError
from gan_inversion.progress import progress
from gan_inversion.protocols import Speed
from gan_inversion.record import Metric, metric

MATRIX = 4096  # rows and columns

Recogniser = FaceNet | Compact


@dataclass(frozen=True)
class Options:
    """Time FaceNet three ways, in turn, on the same pictures.

    `facenet_pytorch` needs `pip install torch` and `pip install --no-deps facenet-pytorch` (its
    own pins exclude current numpy and Pillow); its weights are random, which costs the same.

    Beside them a matrix product of the machine is timed: what no float32 convolution can exceed.

    Cost: 2 minutes. Expected on two CPU cores: in float32 8 times one `predict` call an image,
    twice facenet-pytorch, and 90 % of the matrix product's rate; 10 times and 3 times where the
    processor multiplies bfloat16.
    """

    contestants: tuple[str, ...] = ("documented", "facenet_pytorch")
    """What to time beside ours."""

    records: Path = Path("results/records")
    """Folder for the record."""

    tables: Path = Path("docs")
    """Folder for the table."""

    smoke: bool = False
    """A rehearsal with compact and few pictures, everything under `runs/smoke`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = Path("runs/smoke")
    return replace(options, contestants=("documented",), records=folder / "records", tables=folder)


def documented(images: np.ndarray, recogniser: type[Recogniser]) -> Callable[[], None]:
    """One `predict` call an image, as in the reference thesis."""
    model = recogniser(precision="float32").model

    def run() -> None:
        for image in images:
            model.predict(image[None].astype("float32"), verbose=0)

    return run


def facenet_pytorch(images: np.ndarray, _: type[Recogniser]) -> Callable[[], None]:
    """The same architecture from facenet-pytorch, in batches of the same size.

    Its users' tensors come from its own detector or from torchvision: channels first, contiguous.
    """
    spec = importlib.util.find_spec("facenet_pytorch")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("facenet-pytorch is not installed: see --help")
    torch = importlib.import_module("torch")
    # The package itself imports torchvision for its detector; its network needs none of that.
    package = types.ModuleType("facenet_pytorch")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["facenet_pytorch"] = package
    network = importlib.import_module("facenet_pytorch.models.inception_resnet_v1")
    model = network.InceptionResnetV1().eval()
    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2), "float32")
    pixels = torch.from_numpy(channels_first)

    def run() -> None:
        with torch.no_grad():
            for start in range(0, len(pixels), 64):
                model((pixels[start : start + 64] - 127.5) / 128)

    return run


CONTESTANTS = {"documented": documented, "facenet_pytorch": facenet_pytorch}


def matrix_rate(turns: int = 10, *, precision: str = "float32") -> float:
    """GFLOP/s of the fastest of some matrix products, called as the recognisers are."""
    product = keras.layers.Dense(MATRIX, use_bias=False, dtype=precision)
    model = keras.Sequential([keras.Input((MATRIX,)), product])
    multiply = partial(model.predict_on_batch, np.ones((MATRIX, MATRIX), "float32"))
    seconds = take_turns({"matmul": multiply}, turns)["matmul"]
    return 2 * MATRIX**3 / 1e9 / seconds.min()


def gflop(model: keras.Model) -> float:
    """10^9 operations a picture in convolutions and dense layers; an addition counts as one."""
    products = sum(
        math.prod(kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        for kernel in layer.weights
        if kernel.ndim > 1
    )
    return 2 * products / 1e9


def take_turns(programs: Mapping[str, Callable[[], object]], turns: int) -> dict[str, np.ndarray]:
    """Seconds of each program, (turns,), everyone in turn, after one turn that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in progress(range(turns + 1), desc="turns"):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            if turn:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
    return {name: np.array(measured) for name, measured in seconds.items()}


def middle(values: np.ndarray) -> Metric:
    """Median over turns, with minimum and maximum."""
    return metric(np.median(values), ci=(values.min(), values.max()), n=len(values))


def run_all(options: Options) -> None:
    """Time everyone in turn, and record medians and ratios."""
    protocol = Speed()
    recogniser: type[Recogniser] = FaceNet
    if options.smoke:
        options, protocol, recogniser = rehearsal(options), Speed(images=16, turns=2), Compact
    for name in options.contestants:
        if name not in CONTESTANTS:
            raise UserError(f"contestants are {', '.join(CONTESTANTS)}, not {name!r}")
    faces = Synthetic(protocol.images, 1)
    embedder = recogniser(precision="auto")
    method = f"{embedder.name}_{embedder.precision}"
    path = options.records / protocol.name / f"{method}-{faces.name}-s0.json"
    if recorded(path, protocol_hash=protocol.hash, embedder_digest=embedder.digest):
        return
    images = np.asarray(faces.view("aligned"))
    programs: dict[str, Callable[[], object]] = {"ours": partial(embedder.embed, images)}
    for precision in PRECISIONS:
        if precision != embedder.precision:
            other = recogniser(precision=precision)
            programs[f"ours_{precision}"] = partial(other.embed, images)
    programs |= {name: CONTESTANTS[name](images, recogniser) for name in options.contestants}
    # What the machine multiplies a second is the ceiling: measured first, before memory is crowded.
    rate = matrix_rate()
    seconds = take_turns(programs, protocol.turns)
    metrics = {}
    for name in programs:
        metrics[f"{name}/images_per_second"] = middle(len(images) / seconds[name])
        if name != "ours":
            metrics[f"{name}/speedup"] = middle(seconds[name] / seconds["ours"])
    work = gflop(embedder.model)
    metrics["matmul/gflop_per_second"] = metric(rate, n=1)
    metrics["ours/share_of_matmul"] = middle(work * len(images) / seconds["ours"] / rate)
    record = make_record(
        protocol,
        method,
        dataset=faces,
        embedder=embedder,
        config={
            "protocol": asdict(protocol),
            "precision": embedder.precision,
            "gflop_per_image": work,
        },
        metrics=metrics,
    )
    print(record.write(options.records))
    write_speed(options.records, options.tables)


if __name__ == "__main__":
    main(Options, run_all)
