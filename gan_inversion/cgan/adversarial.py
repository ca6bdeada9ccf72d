"""The conditional GAN's training step: one forward pass, and the loss of each of the two players.

Mirza & Osindero, "Conditional Generative Adversarial Nets", 2014, with the terms that `losses`
defines and `Config` weighs. The gradients are taken in `gradient`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from gan_inversion.cgan import gradient, losses
from gan_inversion.cgan.options import RAMPED, Config
from gan_inversion.core.seeding import stream
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import SIZE
from gan_inversion.inverters.augment import draw_views, of_fixed_colours, view
from gan_inversion.inverters.loop import Threaded

BETWEEN = (0.3, 0.7)  # shares of the arc between two people where imagined ones lie
SECOND = 8  # one image in so many is generated again with other noise, for `diversity`


@dataclass
class Side:
    """The real or the generated images of a batch, as discriminator and recogniser see them.

    Attributes:
        images: float (B, S, S, 3), in sharp views.
        maps: the recogniser's feature maps of other views, (B / recogniser_stride, H, W, C) each.
        embeddings: the recogniser's, (B / recogniser_stride, D), where a term needs them.
        others: those of each recogniser of the committee.
    """

    images: Any
    maps: list
    embeddings: Any = None
    others: list = field(default_factory=list)


@dataclass
class FrozenRecogniser:
    """A recogniser in two parts, through which some terms of the loss are computed.

    It is no Keras model: Keras would save one as a part of the checkpoint.

    Attributes:
        trunk: pixels in [0, 255], (B, 160, 160, 3) -> feature maps.
        head: the last of these maps -> embeddings (B, D).
        greyscale: whether gradients reach the brightness of pixels only.
    """

    trunk: keras.Model
    head: keras.Model
    greyscale: bool = False

    def maps(self, images) -> list:
        """Feature maps (B, H, W, C) of images in [0, 1]."""
        if self.greyscale:
            images = of_fixed_colours(images)
        return keras.tree.flatten(self.trunk(255 * images, training=False))

    def embed(self, maps: list):
        """Embeddings (B, D) of images with these maps."""
        return self.head(maps[-1], training=False)

    @property
    def variables(self) -> list:
        """The variables of both parts."""
        return [*self.trunk.variables, *self.head.variables]


class Adversaries(keras.Model):
    """Generator and discriminator, trained against each other.

    Args:
        config: which terms, and their weights.
        generator: embeddings (B, D) and noise (B, Z) -> images (B, S, S, 3) in [0, 1].
        average: another like it, whose weights are the EMA of the first one's.
        discriminator: as `networks.discriminator`. None without an adversarial term.
        recogniser: for terms that are computed through it. None if no term is.
        committee: more of them, for the term `committee`, in the order of `config.members`.
    """

    def __init__(
        self,
        config: Config,
        generator: keras.Model,
        average: keras.Model,
        discriminator: keras.Model | None,
        *,
        recogniser: FrozenRecogniser | None,
        committee: Sequence[FrozenRecogniser] = (),
    ):
        super().__init__(name="cgan")
        self.config, self.recogniser = config, recogniser
        self.committee = list(committee)
        self.generator, self.discriminator, self.average = generator, discriminator, average
        self.players = [generator, *([discriminator] if discriminator else [])]
        adam = partial(keras.optimizers.Adam, beta_1=0.0, beta_2=0.99)
        rates = config.learning_rate, config.discriminator_learning_rate
        self.optimizers = [adam(rate) for rate, _ in zip(rates, self.players, strict=False)]
        for optimizer, player in zip(self.optimizers, self.players, strict=True):
            optimizer.build(player.trainable_variables)
        average.trainable = False
        average.set_weights(generator.get_weights())
        names = ["loss", *config.terms, *(["discriminator"] if config.adversarial else [])]
        self.means = {name: keras.metrics.Mean(name) for name in names}
        self.built = True

    @property
    def non_trainable_variables(self) -> list:
        """With those that Keras does not track, or a compiled step would hold them as constants."""
        every = [*([self.recogniser] if self.recogniser else []), *self.committee]
        frozen = [variable for recogniser in every for variable in recogniser.variables]
        second = [variable for other in self.optimizers[1:] for variable in other.variables]
        return [*super().non_trainable_variables, *second, *frozen]

    def train_step(self, *arguments):
        return gradient.train_step(self, *arguments)

    def losses(self, batch: dict) -> list:
        """The loss of each player, the generator's first, by the terms of the configuration."""
        config, embeddings, noise = self.config, batch["embeddings"], batch["noise"]
        real = of_side(config.side, ops.cast(batch["images"], "float32") / 255)
        fake = self.generator([embeddings, noise], training=True)
        real_side, fake_side = self.sides(real, fake, batch["views"])
        adversarial, discriminator_loss = {}, []
        if self.discriminator:
            adversarial, *discriminator_loss = self.discriminate(real_side, fake_side, embeddings)
            self.means["discriminator"].update_state(discriminator_loss[0])
        terms = {
            "l2": lambda: losses.l2(real, fake),
            "l1": lambda: losses.l1(real, fake),
            "dissimilarity": lambda: losses.dissimilarity(real, fake),
            "midlayer": lambda: losses.feature_distance(real_side.maps, fake_side.maps),
            "identity": lambda: losses.identity(
                embeddings[:: config.recogniser_stride]
                if real_side.embeddings is None
                else real_side.embeddings,
                fake_side.embeddings,
            ),
            "committee": lambda: sum(
                weight * losses.identity(real, fake)
                for weight, real, fake in zip(
                    config.members.values(), real_side.others, fake_side.others, strict=True
                )
            ),
            "imagined": lambda: self.imagined(batch),
            "adversarial": lambda: adversarial["adversarial"],
            "projected": lambda: adversarial["projected"],
            "diversity": lambda: self.diversity(fake, batch),
        }
        step = ops.cast(self.optimizer.iterations, "float32")
        ramp = ops.minimum((step + 1) / config.ramp, 1.0)
        total = 0.0
        for name in config.terms:
            value = terms[name]()
            self.means[name].update_state(value)
            total += config.weight(name) * (ramp if name in RAMPED else 1.0) * value
        self.means["loss"].update_state(total)
        return [total, *discriminator_loss]

    def sides(self, real, fake, views: dict) -> tuple[Side, Side]:
        """The real and the generated images of a batch, in the same random views."""
        judged = partial(view, views=views, sharp=True, side=self.config.discriminator_side)
        both = Side(judged(real), []), Side(judged(fake), [])
        chosen = slice(None, None, self.config.recogniser_stride)
        shown = {name: values[chosen] for name, values in views.items()}
        for side, images in zip(both, (real, fake), strict=True):
            if self.recogniser or self.committee:
                images = view(images[chosen], shown)
            if self.recogniser:
                side.maps = self.recogniser.maps(images)
            side.others = [own.embed(own.maps(images)) for own in self.committee]
        if self.recogniser and self.config.identity:
            both[1].embeddings = self.recogniser.embed(both[1].maps)
            if self.config.target == "view":
                both[0].embeddings = self.recogniser.embed(both[0].maps)
        return both

    def imagined(self, batch: dict):
        """Identity term of reconstructions of embeddings that no photograph has."""
        embeddings, views, count = batch["imagined"], batch["views"], self.config.imagined
        fake = self.generator([embeddings, batch["noise"][:count]], training=True)
        shown = view(fake, {name: values[:count] for name, values in views.items()})
        recogniser: Any = self.recogniser
        return losses.identity(embeddings, recogniser.embed(recogniser.maps(shown)))

    def discriminate(self, real_side: Side, fake_side: Side, embeddings) -> tuple:
        """The generator's adversarial terms by name, and the discriminator's loss."""
        config = self.config
        sides = [
            [side.images, *(side.maps if config.projected else [])]
            for side in (real_side, fake_side)
        ]
        real, fake = (self.logits(parts, embeddings, training=True) for parts in sides)
        terms, total = {}, 0.0
        for name, of_real, of_fake in zip(("adversarial", "projected"), real, fake, strict=False):
            terms[name], loss = losses.ADVERSARIAL[config.loss](of_real, of_fake)
            total += loss
        if config.gradient_penalty:
            for parts in sides:
                slopes = gradient.input_gradients(
                    lambda parts: sum(map(ops.sum, self.logits(parts, embeddings))),
                    [ops.stop_gradient(part) for part in parts],
                )
                total += config.gradient_penalty * losses.gradient_penalty(slopes)
        return terms, total

    def logits(self, parts: list, embeddings, *, training: bool = False) -> list:
        """Logits of the pixel head, (B, 1), and, given feature maps, of the heads on these."""
        images, *maps = parts
        others = [*maps, embeddings[:: self.config.recogniser_stride]] if maps else []
        logits = self.players[1]([images, embeddings, *others], training=training)
        return keras.tree.flatten(logits)  # Keras gives a single output without its list

    def diversity(self, fake, batch: dict):
        """Mode-seeking term: for some embeddings a second image is generated with other noise."""
        embeddings, noise, second = (
            batch[name][::SECOND] for name in ("embeddings", "noise", "second")
        )
        other = self.generator([embeddings, second], training=True)
        return losses.mode_seeking((fake[::SECOND], other), (noise, second))

    def update_average(self) -> None:
        """Move the averaged weights towards the generator's: quickly at first, then by `ema`."""
        step = ops.cast(self.optimizer.iterations, "float32")
        rate = ops.maximum(1 - self.config.ema, 9 / (10 + step))
        for slow, fast in zip(self.average.weights, self.generator.weights, strict=True):
            slow.assign(slow + rate * (fast - slow))


def of_side(side: int, images):
    """Images of another side: float (B, 160, 160, 3) -> (B, side, side, 3)."""
    return images if side == SIZE else ops.image.resize(images, (side, side), antialias=True)


class StepBatches(Threaded):
    """The batches of one interval; the content of a batch depends on seed and step only.

    Args:
        embeddings: float32 (N, D).
        images: uint8 (N, S, S, 3).
        config: batch size, noise and views.
        seed: for the choice of images, noise and views.
        interval: counted from 0.
    """

    def __init__(
        self, embeddings: np.ndarray, images: Images, config: Config, *, seed: int, interval: int
    ):
        super().__init__()
        self.embeddings, self.images, self.config = embeddings, images, config
        self.seed, self.first = seed, interval * config.interval

    def __len__(self) -> int:
        return self.config.interval

    def __getitem__(self, place: int) -> tuple[dict]:
        config, step = self.config, self.first + place
        count = config.batch_size
        turn, start = divmod(step * count, len(self.images) // count * count)
        order = stream(self.seed, "shuffle", turn).permutation(len(self.images))
        chosen = order[start : start + count]
        random = stream(self.seed, "step", step)
        batch = {
            "images": self.images[chosen],
            "embeddings": self.embeddings[chosen],
            "noise": random.standard_normal((count, config.noise), "float32"),
            "views": draw_views(random, count, SIZE, strong=config.augment),
        }
        if config.diversity:
            batch["second"] = random.standard_normal((count, config.noise), "float32")
        if config.imagined:
            one, other = self.embeddings[
                random.integers(len(self.images), size=(2, config.imagined))
            ]
            share = random.uniform(*BETWEEN, (config.imagined, 1)).astype("float32")
            batch["imagined"] = between(one, other, share)
        return (batch,)


def between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Unit vectors on the arc from the first to the second, which are not opposite.

    Shoemake, "Animating Rotation with Quaternion Curves", SIGGRAPH 1985.

    Args:
        first, second: (N, D), unit norm.
        share: (N, 1), of the arc.
    """
    angle = np.arccos(np.clip(np.sum(first * second, axis=1, keepdims=True), -1, 1))
    angle = np.maximum(angle, 1e-3)  # of a vector with itself
    mixed = np.sin((1 - share) * angle) * first + np.sin(share * angle) * second
    return mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
