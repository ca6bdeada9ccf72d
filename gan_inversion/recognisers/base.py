"""The recogniser interface: from uint8 images to embeddings of unit norm.

Recognisers are frozen: none is trained, except `compact`, whose weights
`experiments.train_compact` made.
"""

import os
import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np

from gan_inversion.core.cache import cached_json
from gan_inversion.core.device import processor
from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.predict import in_blocks
from gan_inversion.core.storage import cache_dir, sha256
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import SIZE

PRECISIONS = ("float32", "bfloat16")  # of weights and arithmetic, except in the last layers


class Recogniser(ABC):
    """A face recogniser.

    Attributes:
        name: short name for records, e.g. `facenet`.
        digest: SHA-256 that names the weights.
        dimension: D, length of an embedding.
        precision: arithmetic used, part of the cache key.
        stages: names of the layers whose feature maps `features` returns; may be empty.
        promised: accuracy on LFW's ten folds that its source promises; 0 if unknown.
        details: what else a record shall say of it.
    """

    name: str
    digest: str
    dimension: int
    precision: str = "float32"
    stages: tuple[str, ...] = ()
    promised: float = 0.0
    details: Mapping[str, Any] = {}

    @abstractmethod
    def embed(self, images: np.ndarray) -> np.ndarray:
        """Embed images.

        Args:
            images: uint8 (N, 160, 160, 3), RGB.

        Returns:
            float32 (N, D), unit norm; NaN in the row of an image that the recogniser rejects.

        Raises:
            UserError: `images` has another shape or type.
        """

    def features(self, images: np.ndarray) -> list[np.ndarray]:
        """Feature maps of images, uint8 (N, 160, 160, 3): a float32 (N, H, W, C) for each stage."""
        raise UserError(f"the recogniser {self.name} has no stages to take features from")

    def undetected(self, images: Images, vectors: np.ndarray) -> np.ndarray | None:
        """Whether the recogniser finds no face in each image; None if it does not look for faces.

        Args:
            images: uint8 (N, 160, 160, 3).
            vectors: float32 (N, D), their embeddings.

        Returns:
            bool (N,).
        """
        return None


def check_images(images: np.ndarray) -> None:
    """Raise `UserError` unless `images` is uint8 (N, 160, 160, 3)."""
    shape, dtype = tuple(np.shape(images)), getattr(images, "dtype", type(images).__name__)
    if len(shape) != 4 or shape[1:] != (SIZE, SIZE, 3) or dtype != np.uint8:
        raise UserError(f"images must be uint8 (N, {SIZE}, {SIZE}, 3), not {dtype} {shape}")


class FunctionRecogniser(Recogniser):
    """A recogniser given as a function, which may use any library.

    Args:
        name: short name for records.
        digest: SHA-256 that names what it computes: its weights, or its source.
        function: uint8 (N, 160, 160, 3) -> float (N, D), of any norm; NaN in the rows of images
            that it rejects.
        batch_size: images in each call.
    """

    def __init__(
        self,
        name: str,
        digest: str,
        function: Callable[[np.ndarray], np.ndarray],
        *,
        batch_size: int = 64,
    ):
        self.name, self.digest = name, digest
        self._function, self._batch_size = function, batch_size

    def embed(self, images: np.ndarray) -> np.ndarray:
        check_images(images)
        parts: list[np.ndarray] = []
        for start in range(0, len(images), self._batch_size):
            batch = images[start : start + self._batch_size]
            try:
                vectors = np.asarray(self._function(batch), "float32")
            except (ValueError, TypeError) as error:
                raise UserError(
                    f"{self.name} gives no embeddings (N, D) of images: {one_line(error)}"
                ) from error
            if parts and vectors.shape[1:] != parts[0].shape[1:]:
                raise UserError(
                    f"expected embeddings of one length from {self.name}, got "
                    f"{parts[0].shape[1]} and {vectors.shape[1:]} numbers"
                )
            if vectors.ndim != 2 or len(vectors) != len(batch):
                raise UserError(
                    f"expected {len(batch)} embeddings (N, D) from {self.name}, got {vectors.shape}"
                )
            parts.append(vectors)
        out = np.concatenate(parts)
        self.dimension = out.shape[1]
        with np.errstate(invalid="ignore"):  # a zero vector is no embedding: rejected
            return out / np.linalg.norm(out, axis=1, keepdims=True)


class KerasRecogniser(Recogniser):
    """A recogniser that is a Keras model; its `model` is differentiable down to the pixels.

    Args:
        build: makes the model for a dtype policy, from pixels in [0, 255], float (N, 160, 160, 3),
            to unit vectors (N, D).
        precision: `float32`, `bfloat16`, or `auto`: time both and take the faster. bfloat16
            was 1.4 times faster on one CPU and half as fast on another.
        batch_size: images in each forward pass.
    """

    def __init__(
        self,
        build: Callable[[str], keras.Model],
        *,
        precision: str = "auto",
        batch_size: int = 64,
    ):
        if precision == "auto":
            blank = np.zeros((batch_size, SIZE, SIZE, 3), "float32")
            precision = _wanted_precision() or fastest_precision(
                lambda precision: partial(build(precision).predict_on_batch, blank), name=self.name
            )
        self.precision = precision
        self.batch_size = batch_size
        self._build = build
        self.model = build(precision)
        self.dimension = self.model.output_shape[-1]
        self._trunk = None
        if maps := [self.model.get_layer(stage).output for stage in self.stages]:
            self._trunk = keras.Model(self.model.input, maps)
            self._trunk.compile(jit_compile=self.model.jit_compile)

    def differentiable(self, precision: str, stages: int) -> tuple[keras.Model, keras.Model]:
        """The recogniser as two frozen models in sequence, to train an inverter through them.

        Args:
            precision: of both models.
            stages: number of feature maps.

        Returns:
            Pixels in [0, 255], float (N, 160, 160, 3) -> feature maps (N, H, W, C), a list if
            there are several; and the last of these maps -> embeddings (N, D). Without `stages`
            the only map is the pixels.
        """
        model = self._build(precision)
        model.trainable = False
        names = self.stages[:stages]
        maps = [model.get_layer(name).output for name in names] or [model.input]
        return keras.Model(model.input, maps), keras.Model(maps[-1], model.output)

    def features(self, images: np.ndarray) -> list[np.ndarray]:
        check_images(images)
        if self._trunk is None:
            return []
        maps = self._trunk.predict_on_batch(np.asarray(images, "float32"))
        return [np.asarray(feature_map, "float32") for feature_map in maps]

    def embed(self, images: np.ndarray) -> np.ndarray:
        check_images(images)
        out = in_blocks(self.model, [images], self.batch_size)
        # Low-precision arithmetic leaves norms off by up to 1 %; the contract is unit norm.
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def _wanted_precision() -> str | None:
    """The precision that GAN_INVERSION_PRECISION asks for, or None.

    With it a benchmark can be computed in one precision on several machines.

    Raises:
        UserError: the variable holds no known precision.
    """
    wanted = os.environ.get("GAN_INVERSION_PRECISION")
    if wanted and wanted not in PRECISIONS:
        raise UserError(
            f"GAN_INVERSION_PRECISION must be {' or '.join(PRECISIONS)}, not {wanted!r}"
        )
    return wanted or None


def fastest_precision(turn_in: Callable[[str], Callable[[], Any]], *, name: str) -> str:
    """The precision in which work is done faster on this machine.

    Timed once and remembered in the cache: a run that is resumed, perhaps on a busier machine,
    must go on with the embeddings it began with.

    Args:
        turn_in: gives one turn of the work, in a precision.
        name: of the work.
    """
    machine = f"{platform.node()}-{sha256(processor().encode())[:8]}"
    memory = cache_dir() / "precision" / f"{name}-{keras.backend.backend()}-{machine}.json"
    cached = cached_json(memory, list, lambda: [_faster(turn_in)])
    return cached[0] if cached and cached[0] in PRECISIONS else PRECISIONS[0]


def _faster(turn_in: Callable[[str], Callable[[], Any]]) -> str:
    """The precision with the shortest of three turns; one is enough if it takes twice as long."""
    seconds: dict[str, float] = {}
    for precision in PRECISIONS:
        turn = turn_in(precision)
        turn()  # compiles
        turns = []
        for _ in range(3):
            start = time.perf_counter()
            turn()
            turns.append(time.perf_counter() - start)
            if turns[-1] > 2 * min(seconds.values(), default=np.inf):
                break
        seconds[precision] = min(turns)
    return min(PRECISIONS, key=seconds.__getitem__)
