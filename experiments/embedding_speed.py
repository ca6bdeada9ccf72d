"""Images per second of FaceNet: ours, the documented way, and facenet-pytorch as users get it."""

import importlib
import importlib.util
import statistics
import sys
import time
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from experiments.common import main, make_record
from gan_inversion.data.synthetic import Synthetic
from gan_inversion.embedders.base import PRECISIONS
from gan_inversion.embedders.facenet import FaceNet
from gan_inversion.errors import UserError
from gan_inversion.progress import progress
from gan_inversion.protocols import Speed
from gan_inversion.record import metric


@dataclass(frozen=True)
class Options:
    """Time FaceNet three ways, in turn, on the same pictures.

    `facenet_pytorch` needs `pip install torch` and `pip install --no-deps facenet-pytorch` (its
    own pins exclude current numpy and Pillow); its weights are random, which costs the same.

    Cost: 2 minutes. Expected on two CPU cores: 10 times one `predict` call an image, and twice
    facenet-pytorch.
    """

    contestants: tuple[str, ...] = ("documented", "facenet_pytorch")
    """What to time beside ours."""

    records: Path = Path("results/records")
    """Folder for the record."""


def documented(images: np.ndarray) -> Callable[[], None]:
    """One `predict` call an image, as in the reference thesis."""
    model = FaceNet(precision="float32").model

    def run() -> None:
        for image in images:
            model.predict(image[None].astype("float32"), verbose=0)

    return run


def facenet_pytorch(images: np.ndarray) -> Callable[[], None]:
    """The same architecture from facenet-pytorch, in batches of the same size."""
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
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).astype("float32"))

    def run() -> None:
        with torch.no_grad():
            for start in range(0, len(pixels), 64):
                model((pixels[start : start + 64] - 127.5) / 128)

    return run


CONTESTANTS = {"documented": documented, "facenet_pytorch": facenet_pytorch}


def run_all(options: Options) -> None:
    """Time everyone in turn, and record medians and ratios."""
    protocol = Speed()
    for name in options.contestants:
        if name not in CONTESTANTS:
            raise UserError(f"contestants are {', '.join(CONTESTANTS)}, not {name!r}")
    faces = Synthetic(protocol.images, 1)
    images = np.asarray(faces.view("aligned"))
    embedder = FaceNet()
    programs: dict[str, Callable[[], object]] = {"ours": partial(embedder.embed, images)}
    for precision in PRECISIONS:
        other = FaceNet(precision=precision)
        programs[f"ours_{precision}"] = partial(other.embed, images)
    programs |= {name: CONTESTANTS[name](images) for name in options.contestants}
    rates: dict[str, list[float]] = {name: [] for name in programs}
    for turn in progress(range(protocol.turns + 1), desc="turns"):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            if turn:  # the first one compiles
                rates[name].append(len(images) / (time.perf_counter() - start))
    metrics = {}
    for name, measured in rates.items():
        low_high = (min(measured), max(measured))
        rate = statistics.median(measured)
        metrics[f"{name}/images_per_second"] = metric(rate, ci=low_high, n=len(images))
        if name in options.contestants:
            ratios = [ours / theirs for ours, theirs in zip(rates["ours"], measured, strict=True)]
            metrics[f"{name}/speedup"] = metric(
                statistics.median(ratios), ci=(min(ratios), max(ratios)), n=len(ratios)
            )
    record = make_record(
        protocol,
        "facenet",
        dataset=faces,
        embedder=embedder,
        config={"protocol": asdict(protocol), "precision": embedder.precision},
        metrics=metrics,
    )
    path = record.write(options.records)
    for name, figure in metrics.items():
        print(f"{name}: {figure.value:.1f}")
    print(path)


if __name__ == "__main__":
    main(Options, run_all)
