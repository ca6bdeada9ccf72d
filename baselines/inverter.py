"""The documented decoders as inverters: Adam, mean squared error, a chosen target range."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from baselines.decoders import DECODERS, EMBEDDING
from baselines.options import TARGETS, DecoderOptions
from gan_inversion.core.errors import UserError
from gan_inversion.core.options import plain
from gan_inversion.core.predict import open_network
from gan_inversion.core.run import Run
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import atomic, read_json, write_text
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import SIZE
from gan_inversion.inverters.augment import draw_views, view
from gan_inversion.inverters.base import Inverter, check_fit, check_invert
from gan_inversion.inverters.loop import Threaded, fit, shuffled


def in_range(pixels: np.ndarray, *, low: float, high: float) -> np.ndarray:
    """Pixels, 0 to 255, as float32 targets from `low` to `high`."""
    return pixels * np.float32((high - low) / 255) + np.float32(low)


class Varied(Threaded):
    """Batches whose images are shifted, mirrored and recoloured, differently in each epoch.

    Args:
        batches: of inputs and pixels, 0 to 255.
        scale: function from pixels to targets.
        seed, epoch: for the choice of views.
    """

    def __init__(
        self,
        batches: keras.utils.PyDataset,
        scale: Callable[[np.ndarray], np.ndarray],
        *,
        seed: int,
        epoch: int,
    ):
        super().__init__()
        self.batches, self.scale, self.seed, self.epoch = batches, scale, seed, epoch

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        inputs, pixels = self.batches[batch]
        random = stream(self.seed, "augment", self.epoch, batch)
        views = draw_views(random, len(pixels), SIZE, strong=True)
        pictures = np.asarray(view(np.float32(pixels) / 255, views, sharp=True))
        return inputs, self.scale(255 * np.clip(pictures, 0, 1))


def epochs_of(
    embeddings: np.ndarray,
    images: Images,
    *,
    batch_size: int,
    seed: int,
    augment: bool,
    scale: Callable[[np.ndarray], np.ndarray],
) -> Callable[[int], keras.utils.PyDataset]:
    """The batches of an epoch, as `loop.fit` takes them; arguments as for `Varied`."""
    own = np.asarray if augment else scale  # images are augmented before scaling
    plain = shuffled(embeddings, images, batch_size=batch_size, seed=seed, scale=own)
    if not augment:
        return plain
    return lambda epoch: Varied(plain(epoch), scale, seed=seed, epoch=epoch)


class DecoderInverter(Inverter):
    """One of the thesis' decoders, trained on pixels.

    With augmentation, the unchanged images, whose membership is audited, are not what it was
    trained on.

    Args:
        options: of the network and its training.
        name: of the method.
    """

    OPTIONS: type[DecoderOptions] = DecoderOptions

    def __init__(self, options: DecoderOptions, *, name: str = "decoder"):
        self.options, self.name = options, name
        self.config: dict[str, Any] = plain(options)
        if not options.any_dimension:  # runs and records of the thesis do not know the option
            del self.config["any_dimension"]
        self.targets = TARGETS[options.targets]
        self.model: keras.Model | None = None

    @classmethod
    def made(cls, options: DecoderOptions, *, name: str, recogniser: Any = None) -> Self:
        return cls(options, name=name)

    @property
    def parameters(self) -> int:
        return self.model.count_params() if self.model else 0

    def passes(self, members: int) -> int:
        return self.options.epochs

    def network(self, dimension: int) -> keras.Model:
        """The network for embeddings of so many components, with fresh weights."""
        self.check_dimension(dimension)
        return DECODERS[self.options.decoder](dimension)

    def check_dimension(self, dimension: int) -> None:
        """Raise `UserError` unless it takes embeddings of so many components."""
        if dimension != EMBEDDING and not self.options.any_dimension:
            raise UserError(
                f"{self.name}: expected embeddings of {EMBEDDING} numbers, as in the thesis, got "
                f"{dimension}: generalised_{self.options.decoder} takes others"
            )

    def begin(
        self, embeddings: np.ndarray, images: Images, *, seed: int
    ) -> Callable[[int], keras.utils.PyDataset]:
        """Build and compile the network; return an epoch's batches, as `loop.fit` takes them."""
        check_fit(embeddings, images)
        keras.utils.set_random_seed(seed)
        model = self.network(embeddings.shape[1])
        # Fused by XLA, Adam over 40 million weights is three times faster on a CPU.
        model.compile("adam", "mse", metrics=["accuracy"], jit_compile=True)
        self.model, self.dimension = model, model.input_shape[1]
        low, high = self.targets
        return epochs_of(
            embeddings,
            images,
            batch_size=self.options.batch_size,
            seed=seed,
            augment=self.options.augment,
            scale=partial(in_range, low=low, high=high),
        )

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        batches = self.begin(embeddings, images, seed=seed)
        epochs = self.options.epochs
        fit(self.model, batches, epochs=epochs, seed=seed, run=run, invert=self.invert)

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        if self.model is None:
            raise UserError(f"{self.name} must be fitted or loaded before it inverts")
        check_invert(embeddings, self.model.input_shape[1])
        low, high = self.targets
        outputs = np.asarray(self.model(np.asarray(embeddings, "float32"), training=False))
        return (outputs - low) / (high - low)

    def save(self, path: Path) -> None:
        if self.model is None:
            raise UserError(f"{self.name} must be fitted before it is saved")
        with atomic(path / "model.keras") as temporary:
            self.model.save(temporary)
        write_text(path / "inverter.json", json.dumps({**self.config, "name": self.name}))

    @classmethod
    def load(cls, path: Path) -> Self:
        header = read_json(path / "inverter.json", dict)
        try:
            inverter = cls.restored(header)
        except TypeError as error:
            raise UserError(f"{path / 'inverter.json'} is not of this version: {error}") from error
        model = open_network(path / "model.keras")
        shapes = [tensor.shape for tensor in (*model.inputs, *model.outputs)]
        if [len(shape) for shape in shapes] != [2, 4] or shapes[1][1:] != (160, 160, 3):
            raise UserError(
                f"{path / 'model.keras'}: expected a network from embeddings (N, D) to pictures "
                f"(N, 160, 160, 3), got {shapes}"
            )
        inverter.model, inverter.dimension = model, model.input_shape[1]
        return inverter

    @classmethod
    def restored(cls, header: dict[str, Any]) -> Self:
        """The inverter that `save` wrote this header of, not yet fitted."""
        options = {name: value for name, value in header.items() if name != "name"}
        return cls(cls.OPTIONS(**options), name=str(header.get("name", "decoder")))
