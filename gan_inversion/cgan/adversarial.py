"""The conditional GAN's training: what both players see in a step, and what each is told.

Fourth stage of the flow. Mirza & Osindero, "Conditional Generative Adversarial Nets", 2014, with
the terms that `losses` defines and `Config` weighs. One forward pass serves both players; the
gradients are taken in `gradient`.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from gan_inversion.cgan import gradient, losses
from gan_inversion.cgan.options import RAMPED, Config
from gan_inversion.core.seeding import stream
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import SIZE
from gan_inversion.inverters.augment import draw_views, view
from gan_inversion.inverters.loop import Threaded

SECOND = 8  # one in so many pictures is drawn with a second noise, for `diversity`


@dataclass
class Seen:
    """One side of a batch as the other networks see it.

    Attributes:
        pictures: float (B, 160, 160, 3), in sharp views.
        maps: the recogniser's feature maps of other views, (B / recognised, H, W, C) each.
        embeddings: the recogniser's, (B / recognised, D); of the generated side only.
    """

    pictures: Any
    maps: list
    embeddings: Any = None


@dataclass
class Witness:
    """A frozen recogniser, cut in two, that some terms see through.

    A plain object: a model would be taken for a part of the checkpoint.

    Attributes:
        trunk: pixels in [0, 255], (B, 160, 160, 3) -> feature maps.
        head: the last of these maps -> embeddings (B, D).
    """

    trunk: keras.Model
    head: keras.Model

    def look(self, pictures) -> list:
        """Feature maps (B, H, W, C) of pictures in [0, 1]."""
        return keras.tree.flatten(self.trunk(255 * pictures, training=False))

    def recognise(self, maps: list):
        """Embeddings (B, D) of pictures with these maps."""
        return self.head(maps[-1], training=False)

    @property
    def variables(self) -> list:
        """Of both parts."""
        return [*self.trunk.variables, *self.head.variables]


class Adversaries(keras.Model):
    """Generator and discriminator, trained against each other.

    Args:
        config: which terms, and their weights.
        generator: embeddings (B, D) and noise (B, Z) -> pictures (B, S, S, 3) in [0, 1].
        average: another like it; its weights follow those of `generator`.
        discriminator: as `networks.discriminator`. None without an adversarial term.
        witness: the recogniser. None if no term needs it.
    """

    def __init__(
        self,
        config: Config,
        generator: keras.Model,
        average: keras.Model,
        discriminator: keras.Model | None,
        *,
        witness: Witness | None,
    ):
        super().__init__(name="cgan")
        self.config, self.witness = config, witness
        self.generator, self.discriminator, self.average = generator, discriminator, average
        self.players = [generator, *([discriminator] if discriminator else [])]
        average.trainable = False
        average.set_weights(generator.get_weights())
        names = ["loss", *config.terms, *(["judge"] if config.adversarial else [])]
        self.means = {name: keras.metrics.Mean(name) for name in names}
        self.built = True

    @property
    def non_trainable_variables(self) -> list:
        """With the recogniser's: what a compiled step is not given becomes a constant of it."""
        frozen = self.witness.variables if self.witness else []
        return [*super().non_trainable_variables, *frozen]

    def train_step(self, *arguments):
        return gradient.train_step(self, *arguments)

    def losses(self, batch: dict) -> list:
        """The loss of each player, the generator's first, by the terms of the configuration."""
        config, embeddings, noise = self.config, batch["embeddings"], batch["noise"]
        real = ops.cast(batch["images"], "float32") / 255
        if config.side != SIZE:
            real = ops.image.resize(real, (config.side, config.side), antialias=True)
        fake = self.generator([embeddings, noise], training=True)
        photographs, drawings = self.see(real, fake, batch["views"])
        verdicts, judged = {}, []
        if self.discriminator:
            verdicts, *judged = self.judge(photographs, drawings, embeddings)
            self.means["judge"].update_state(judged[0])
        terms = {
            "l2": lambda: losses.l2(real, fake),
            "l1": lambda: losses.l1(real, fake),
            "dissimilarity": lambda: losses.dissimilarity(real, fake),
            "midlayer": lambda: losses.feature_distance(photographs.maps, drawings.maps),
            "identity": lambda: losses.identity(
                embeddings[:: config.recognised], drawings.embeddings
            ),
            "adversarial": lambda: verdicts["adversarial"],
            "projected": lambda: verdicts["projected"],
            "diversity": lambda: self.diversity(fake, batch),
        }
        step = ops.cast(self.optimizer.iterations, "float32")
        ramp = ops.minimum((step + 1) / config.ramp, 1.0)
        total = 0.0
        for name in config.terms:
            value = terms[name]()
            self.means[name].update_state(value)
            total += getattr(config, name) * (ramp if name in RAMPED else 1.0) * value
        self.means["loss"].update_state(total)
        return [total, *judged]

    def see(self, real, fake, views: dict) -> tuple[Seen, Seen]:
        """Both sides of a batch in the same random views."""
        photographs, drawings = (Seen(view(some, views, sharp=True), []) for some in (real, fake))
        if witness := self.witness:
            chosen = slice(None, None, self.config.recognised)
            some = {name: values[chosen] for name, values in views.items()}
            photographs.maps = witness.look(view(real[chosen], some))
            drawings.maps = witness.look(view(fake[chosen], some))
            if self.config.identity:
                drawings.embeddings = witness.recognise(drawings.maps)
        return photographs, drawings

    def judge(self, photographs: Seen, drawings: Seen, embeddings) -> tuple:
        """The discriminator's verdicts, pixel head and others, and its own loss."""
        config = self.config
        sides = [
            [side.pictures, *(side.maps if config.projected else [])]
            for side in (photographs, drawings)
        ]
        real, fake = (self.logits(parts, embeddings, training=True) for parts in sides)
        verdicts, judged = {}, 0.0
        for name, theirs, ours in zip(("adversarial", "projected"), real, fake, strict=False):
            verdicts[name], own = losses.ADVERSARIAL[config.loss](theirs, ours)
            judged += own
        if config.gradient_penalty:
            for parts in sides:
                slopes = gradient.input_gradients(
                    lambda parts: sum(map(ops.sum, self.logits(parts, embeddings))),
                    [ops.stop_gradient(part) for part in parts],
                )
                judged += config.gradient_penalty * losses.gradient_penalty(slopes)
        return verdicts, judged

    def logits(self, parts: list, embeddings, *, training: bool = False) -> list:
        """Of the pixel head, (B, 1), and, given maps, of the others, (B / recognised, heads)."""
        picture, *maps = parts
        seen = [*maps, embeddings[:: self.config.recognised]] if maps else []
        found = self.players[1]([picture, embeddings, *seen], training=training)
        return keras.tree.flatten(found)  # Keras gives a single output without its list

    def diversity(self, fake, batch: dict):
        """Mode-seeking term: some embeddings are drawn with a second noise."""
        embeddings, noise, second = (
            batch[name][::SECOND] for name in ("embeddings", "noise", "second")
        )
        other = self.generator([embeddings, second], training=True)
        return losses.mode_seeking((fake[::SECOND], other), (noise, second))

    def follow(self) -> None:
        """Let the average move towards the generator: quickly at first, then by `memory`."""
        step = ops.cast(self.optimizer.iterations, "float32")
        rate = ops.maximum(1 - self.config.memory, 9 / (10 + step))
        for slow, fast in zip(self.average.weights, self.generator.weights, strict=True):
            slow.assign(slow + rate * (fast - slow))


class Draws(Threaded):
    """The batches of one interval; what is in a batch hangs on seed and step only.

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
        return (batch,)
