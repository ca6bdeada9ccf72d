"""The conditional GAN as an inverter: training, inverting, saving and loading."""

import json
import zlib
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from gan_inversion.cgan.adversarial import Adversaries, StepBatches, of_side
from gan_inversion.cgan.build import adversaries, build_generator, with_precision
from gan_inversion.cgan.correct import back_projected
from gan_inversion.cgan.distil import distil
from gan_inversion.cgan.linear import set_linear_parts
from gan_inversion.cgan.mirror import with_mirrors
from gan_inversion.cgan.networks import WHITENING
from gan_inversion.cgan.options import Config
from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.older import todays_options
from gan_inversion.core.options import plain
from gan_inversion.core.predict import in_blocks
from gan_inversion.core.run import Run
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import read_json, write_arrays, write_text
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import SIZE
from gan_inversion.inverters.base import Inverter, check_fit, check_invert
from gan_inversion.inverters.loop import fit
from gan_inversion.recognisers import (
    KerasRecogniser,
    Recogniser,
    load_recogniser,
)

BLOCK = 16  # embeddings inverted at once
WEIGHTS = "weights.npz"  # of a saved generator


class ConditionalGAN(Inverter):
    """A generator conditioned on the embedding, trained against a discriminator.

    Args:
        config: terms, weights, sizes, steps.
        recogniser: the victim, for loss terms that are computed through it and for corrections at
            inversion; with `knowledge="black_box"` it is not used.
        name: the record's `method`.
    """

    def __init__(self, config: Config, *, recogniser: Recogniser | None = None, name: str = "cgan"):
        self.settings, self.recogniser, self.name = config, recogniser, name
        self.config: dict[str, Any] = plain(config)
        # Pixel terms alone need no recogniser.
        asked = config.needs_recogniser or config.corrections or config.mirrored
        self.knowledge: str = config.knowledge if asked else "black_box"
        self.recogniser_name: str | None = getattr(recogniser, "name", None)
        self.model: keras.Model | None = None
        self._players: Adversaries | None = None

    @classmethod
    def made(cls, options: Config, *, name: str, recogniser: Recogniser | None = None) -> Self:
        return cls(options, recogniser=recogniser, name=name)

    @property
    def stochastic(self) -> bool:  # type: ignore[override]
        return self.settings.noise > 0

    @property
    def parameters(self) -> int:
        return self.model.count_params() if self.model else 0

    @property
    def dimension(self) -> int | None:  # type: ignore[override]
        return self.model.input_shape[0][1] if self.model else None

    def attack_by(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser

    def passes(self, members: int) -> float:
        return self.settings.steps * self.settings.batch_size / members

    def step_of(self, share: int) -> int | None:
        every = self.settings.steps // self.settings.interval
        step = round(share * every / 100)
        return step if round(100 * step / every) == share else None

    def signals(self, embeddings: np.ndarray, images: np.ndarray) -> dict[str, np.ndarray]:
        early = self._players is not None and self._players.discriminator is None
        if early or not self.settings.adversarial:
            return {}
        return {"discriminator": self.discriminator_logits(embeddings, images)}

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)
        config = self.settings = with_precision(self.settings, embeddings.shape[1])
        self.config, self.model = plain(config), None
        if len(images) < config.batch_size:
            raise UserError(f"expected {config.batch_size} images or more, got {len(images)}")
        recogniser = self._recogniser(embeddings, images, seed=seed, run=run)
        if config.mirrored:
            embeddings, images = with_mirrors(embeddings, images, self.recogniser)
        *before, last = config.phases
        begun = run is not None and run.checkpoint.exists()  # its checkpoint holds everything
        early = run.folder / "warmup.npz" if run else None
        for phase in () if begun else before:
            self._train(phase, embeddings, images, recogniser, seed=seed, run=run, checkpoint=early)
        done = sum(phase.steps for phase in before)
        own = run.checkpoint if run else None
        self._train(
            last, embeddings, images, recogniser, seed=seed, run=run, checkpoint=own, done=done
        )
        if early:
            early.unlink(missing_ok=True)

    def _train(
        self,
        config: Config,
        embeddings: np.ndarray,
        images: Images,
        recogniser: KerasRecogniser | None,
        *,
        seed: int,
        run: Run | None,
        checkpoint: Path | None,
        done: int = 0,
    ) -> None:
        """Train one phase, from the weights of the phase before or from the coarse ones.

        Args:
            config: of the phase.
            embeddings, images: to train on.
            recogniser: that loss terms are computed through.
            seed: of weights and batches.
            run: of the whole training.
            checkpoint: of the phase.
            done: steps before it.
        """
        players = adversaries(config, embeddings.shape[1], recogniser, seed=seed)
        if checkpoint is None or not checkpoint.exists():  # a checkpoint holds the weights
            generators = [players.generator, players.average]
            if self.model is not None:
                for model in generators:
                    model.set_weights(self.model.get_weights())
            else:
                set_linear_parts(generators, config, embeddings, images)
        self.model, self._players = players.average, players
        first = done // config.interval
        fit(
            players,
            partial(step_batches, embeddings, images, config, seed),
            epochs=first + config.steps // config.interval,
            seed=seed,
            first=first,
            run=run,
            checkpoint=checkpoint,
            invert=self.invert,
        )

    def _recogniser(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None
    ) -> KerasRecogniser | None:
        """The recogniser that loss terms are computed through: the victim, or its surrogate."""
        config = self.settings
        if not config.needs_recogniser:
            return None
        if config.knowledge == "black_box":
            with part(run, "surrogate", seed) as own:
                return distil(embeddings, images, epochs=config.surrogate, seed=seed, run=own)
        if isinstance(self.recogniser, KerasRecogniser):
            return self.recogniser
        raise UserError(
            f"{self.name} is trained through the recogniser that it attacks: expected one that is "
            f"a Keras model, got {getattr(self.recogniser, 'name', 'none')}"
        )

    def invert(self, embeddings: np.ndarray, *, hypothesis: int = 0) -> np.ndarray:
        """Reconstruct float32 (N, 160, 160, 3) in [0, 1] from float32 (N, D) embeddings.

        Args:
            embeddings: of unit norm; the same embedding always gets the same image.
            hypothesis: index of one of several reconstructions, each with its own noise.

        Raises:
            UserError: it is not fitted, embeddings do not fit, or corrections lack a recogniser.
        """
        check_invert(embeddings, self.dimension, self.name)
        embeddings = np.asarray(embeddings, "float32")
        noise = [
            stream(hypothesis, "noise", zlib.crc32(row.tobytes())).standard_normal(
                self.settings.noise, "float32"
            )
            for row in embeddings
        ]
        generate = partial(self._generate, noise=np.stack(noise))
        if not self.settings.corrections:
            return generate(embeddings)
        if self.recogniser is None:
            if self.recogniser_name is None:
                raise UserError(f"{self.name} corrects by the attacked recogniser: expected one")
            self.recogniser = load_recogniser(self.recogniser_name)
        return back_projected(
            generate,
            self.recogniser.embed,
            embeddings,
            corrections=self.settings.corrections,
            gain=self.settings.gain,
        )

    def _generate(self, embeddings: np.ndarray, noise: np.ndarray) -> np.ndarray:
        pictures = in_blocks(self.model, [embeddings, noise], BLOCK)
        if self.settings.side != SIZE:
            pictures = keras.ops.image.resize(pictures, (SIZE, SIZE), interpolation="bicubic")
        return np.clip(np.asarray(pictures), 0, 1)

    def discriminator_logits(self, embeddings: np.ndarray, images: np.ndarray) -> np.ndarray:
        """The discriminator's logits for photographs and their embeddings: float32 (N,).

        They are means over its heads. The heads also use the deviation over a block of 16, so that
        logits are the same only for the same images in the same order. The discriminator is not
        saved: only an inverter that was just fitted has one.

        Args:
            embeddings: float32 (N, D).
            images: uint8 (N, 160, 160, 3).

        Raises:
            UserError: there is no discriminator.
        """
        players = self._players
        if players is None or players.discriminator is None:
            raise UserError(f"{self.name} has no discriminator: expected one just fitted, with one")
        logits = []
        for start in range(0, len(images), BLOCK):
            block = slice(start, start + BLOCK)
            pictures = keras.ops.convert_to_tensor(images[block], "float32") / 255
            vectors = keras.ops.convert_to_tensor(embeddings[block], "float32")
            inputs = [of_side(self.settings.discriminator_side, pictures), vectors]
            if self.settings.projected and players.recogniser:
                inputs += [*players.recogniser.maps(pictures), vectors]
            heads = keras.tree.flatten(players.discriminator(inputs, training=False))
            logits.append(np.concatenate([np.asarray(part) for part in heads], axis=1).mean(axis=1))
        return np.concatenate(logits)

    def save(self, path: Path, *, precision: str = "float32") -> None:
        """Write weights and options into the folder `path`.

        Args:
            path: the folder.
            precision: of the weights; `float16` halves the file. Those of the whitening keep all
                digits, as they multiply small differences.
        """
        if self.model is None:
            raise UserError(f"{self.name} must be fitted before it is saved")
        arrays = {}
        for place, weight in enumerate(self.model.weights):
            kept = "float32" if weight.path.startswith(WHITENING) else precision
            arrays[f"{place:03d}"] = np.asarray(weight).astype(kept)
        write_arrays(path / WEIGHTS, arrays)
        own = {"name": self.name, "recogniser": self.recogniser_name, "dimension": self.dimension}
        write_text(path / "inverter.json", json.dumps({**own, **self.config}))

    def save_half(self, path: Path) -> None:
        self.save(path, precision="float16")

    @classmethod
    def load(cls, path: Path) -> Self:
        config = read_json(path / "inverter.json", dict)
        try:
            name, recogniser = config.pop("name"), config.pop("recogniser")
            dimension = int(config.pop("dimension"))
            inverter = cls(Config(**todays_options(config)), name=name)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path / 'inverter.json'} is not of this version: {error}") from error
        inverter.recogniser_name = recogniser
        precision = inverter.settings.precision.replace("auto", "float32")
        model = build_generator(inverter.settings, dimension, precision)
        arrays = read_arrays(path / WEIGHTS)
        model.set_weights([arrays[name].astype("float32") for name in sorted(arrays)])
        inverter.model = model
        return inverter


def step_batches(
    embeddings: np.ndarray, images: Images, config: Config, seed: int, interval: int
) -> StepBatches:
    """The batches of an interval; a partial of it is the `batches` of `inverters.loop.fit`."""
    return StepBatches(embeddings, images, config, seed=seed, interval=interval)


def part(run: Run | None, name: str, seed: int) -> AbstractContextManager[Run | None]:
    """A run in a subfolder of another, for a preparatory training such as a surrogate's."""
    if run is None:
        return nullcontext()
    return Run(run.folder / name, {"seed": seed}, preview=run.preview)
