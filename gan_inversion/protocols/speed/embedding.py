"""Images per second of a recogniser: ours, the documented way, and facenet-pytorch."""

import importlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import metric
from gan_inversion.data.synthetic import Synthetic
from gan_inversion.protocols.records import Entry
from gan_inversion.protocols.speed.rules import Speed
from gan_inversion.protocols.speed.turns import matrix_rate, middle, take_turns
from gan_inversion.recognisers import Compact, FaceNet
from gan_inversion.recognisers.base import PRECISIONS

Recogniser = FaceNet | Compact


def documented(images: np.ndarray, kind: type[Recogniser]) -> Callable[[], None]:
    """One call of `predict` for each image, as in the reference thesis."""
    model = kind(precision="float32").model

    def run() -> None:
        for image in images:
            model.predict(image[None].astype("float32"), verbose=0)

    return run


def facenet_pytorch(images: np.ndarray, _: type[Recogniser]) -> Callable[[], None]:
    """The same architecture from facenet-pytorch, in batches of the same size.

    Its users' tensors come from its own detector or from torchvision: channels first, contiguous.
    """
    try:
        torch, package = map(importlib.import_module, ("torch", "facenet_pytorch"))
    except ImportError as error:
        raise UserError(f"facenet-pytorch cannot be imported ({error}): see --help") from error
    model = package.InceptionResnetV1().eval()
    channels_first = np.ascontiguousarray(images.transpose(0, 3, 1, 2), "float32")
    pixels = torch.from_numpy(channels_first)

    def run() -> None:
        with torch.no_grad():
            for start in range(0, len(pixels), 64):
                model((pixels[start : start + 64] - 127.5) / 128)

    return run


CONTESTANTS = {"documented": documented, "facenet_pytorch": facenet_pytorch}


def gflop(model: keras.Model) -> float:
    """10^9 operations per image in convolutions and dense layers; an addition counts as one."""
    products = sum(
        math.prod(kernel.shape) * math.prod(layer.output.shape[1:-1])
        for layer in model.layers
        for kernel in layer.weights
        if kernel.ndim > 1
    )
    return 2 * products / 1e9


def embedding_speed(
    protocol: Speed, kind: type[Recogniser], contestants: Sequence[str], records: Path
) -> None:
    """Time a recogniser and others in turn, and record medians and ratios, unless it is done."""
    for name in contestants:
        if name not in CONTESTANTS:
            raise UserError(f"contestants are {', '.join(CONTESTANTS)}, not {name!r}")
    faces = Synthetic(protocol.images, 1)
    recogniser = kind(precision="auto")
    method = f"{recogniser.name}_{recogniser.precision}"
    entry = Entry(records, protocol, method, faces, recogniser)
    if entry.exists():
        return
    images = np.asarray(faces.view("aligned"))
    programs: dict[str, Callable[[], object]] = {"ours": partial(recogniser.embed, images)}
    for precision in PRECISIONS:
        if precision != recogniser.precision:
            other = kind(precision=precision)
            programs[f"ours_{precision}"] = partial(other.embed, images)
    programs |= {name: CONTESTANTS[name](images, kind) for name in contestants}
    # The rate of a matrix product is the ceiling; it is measured first, while memory is free.
    rate = matrix_rate()
    seconds = take_turns(programs, protocol.turns)
    metrics = {}
    for name in programs:
        metrics[f"{name}/images_per_second"] = middle(len(images) / seconds[name])
        if name != "ours":
            metrics[f"{name}/speedup"] = middle(seconds[name] / seconds["ours"])
    work = gflop(recogniser.model)
    metrics["matmul/gflop_per_second"] = metric(rate, n=1)
    metrics["ours/share_of_matmul"] = middle(work * len(images) / seconds["ours"] / rate)
    config = {"precision": recogniser.precision, "gflop_per_image": work}
    print(entry.write(config=config, metrics=metrics))
