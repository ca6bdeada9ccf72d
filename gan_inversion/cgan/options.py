"""The options of the conditional GAN: every term of its loss by name, and the presets.

An ablation is a change of one field; `VARIANTS` are the published ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from gan_inversion.core.errors import UserError

FAMILY = "cgan"  # prefix of the methods' names
TERMS = (
    "l2",
    "l1",
    "dissimilarity",
    "midlayer",
    "identity",
    "adversarial",
    "projected",
    "diversity",
)

RAMPED = ("adversarial", "projected", "diversity")


@dataclass(frozen=True)
class Config:
    """How a conditional GAN is built and trained. A term of weight 0 is not computed."""

    l2: float = 0.0
    """Weight of the squared error of the pixels in the loss; a larger one counts more."""

    l1: float = 20.0
    """Weight of the absolute error of the pixels in the loss; a larger one counts more."""

    dissimilarity: float = 6.0
    """Weight of 1 - SSIM in the loss; a larger one favours similar structure of the images."""

    midlayer: float = 10.0
    """Weight of the distance between image and reconstruction in the recogniser's feature maps."""

    identity: float = 3.0
    """Weight of 1 - cosine to the inverted embedding; a larger one favours the same identity."""

    adversarial: float = 1.0
    """Weight of deceiving the discriminator by pixels; with 0 there is no discriminator."""

    projected: float = 0.05
    """Weight of deceiving the discriminator's heads on feature maps; with 0 there are none."""

    diversity: float = 0.004
    """Weight of the mode-seeking term; a larger one makes images of one embedding differ more."""

    ramp: int = 100
    """Steps in which the weights of the adversarial, projected and diversity terms grow from 0.
    More keep the generator from exploiting a discriminator that has not learned yet."""

    loss: Literal["hinge", "relativistic"] = "hinge"
    """Kind of the adversarial loss: hinge, or relativistic, which needs a gradient penalty."""

    gradient_penalty: float = 0.0
    """Weight of the zero-centred gradient penalties, 0 for none; the relativistic loss needs it."""

    augment: bool = True
    """Whether images are mirrored and recoloured before the discriminator sees them."""

    noise: int = 32
    """Length of the generator's random input; with 0, an embedding has one reconstruction only."""

    knowledge: Literal["white_box", "black_box"] = "white_box"
    """Whose gradients the training uses: the attacked recogniser's (white_box), or a surrogate's
    that is distilled from the training embeddings (black_box, which needs 0 corrections)."""

    stages: int = 2
    """Number of the recogniser's feature maps that the mid-layer term and the heads use."""

    recogniser_stride: int = 2
    """One in so many images of a batch goes through the recogniser; a larger number is faster."""

    surrogate: int = 30
    """Passes over the training images to distil the surrogate, if knowledge is black_box."""

    corrections: int = 3
    """How often an inversion moves the generator's input by the difference between the embedding
    and that of the generated image. More take longer to invert; the weights do not depend on it."""

    gain: float = 0.4
    """Share of the difference of embeddings that one correction adds; larger moves further."""

    side: int = 160
    """Side of the generated images in pixels: 64, 112 or 160; larger ones take longer."""

    width: int = 40
    """Channels of the generator's largest maps; more can learn more and take longer."""

    discriminator_width: int = 24
    """Channels of the discriminator's largest maps; more can learn more and take longer."""

    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    """Arithmetic of the training; auto is whichever of the two is faster on this machine."""

    batch_size: int = 16
    """Images in each training step; more need more working memory and time per step."""

    steps: int = 1400
    """Training steps in all, with the warm-up; a multiple of the interval."""

    warmup: int = 0
    """First steps, without a discriminator; a multiple of the interval. They take little more than
    half the time of the others, and the discriminator then starts on images that are faces."""

    interval: int = 100
    """Training steps from one checkpoint, preview and line of the log to the next."""

    learning_rate: float = 4e-4
    """Learning rate of Adam for the generator; larger learns faster but less steadily."""

    discriminator_learning_rate: float = 1.6e-3
    """Learning rate of Adam for the discriminator. If the discriminator learns no faster than the
    generator, it notices artefacts late, such as strips of one colour at the sides."""

    ema: float = 0.999
    """Decay per step of the average (EMA) of the generator's weights; nearer 1 averages longer."""

    def __post_init__(self):
        for steps in (self.steps, self.warmup):
            if steps % self.interval:
                raise UserError(
                    f"expected a whole number of intervals, got {steps} steps in intervals of "
                    f"{self.interval}"
                )
        if self.warmup >= self.steps:
            raise UserError(
                f"expected fewer steps without discriminator than the {self.steps} in all, got "
                f"{self.warmup}"
            )
        if self.projected and not self.adversarial:
            raise UserError("expected a weight of the adversarial term for the projected, got 0")
        if self.diversity and not self.noise:
            raise UserError("expected noise for the diversity term to vary, got 0 components")
        if self.corrections and self.knowledge == "black_box":
            raise UserError(
                f"expected no corrections by a recogniser that is a black box, got "
                f"{self.corrections}"
            )

    @property
    def phases(self) -> "list[Config]":
        """Configurations of the phases, in order: the warm-up, if there is one, and the rest."""
        if not (self.warmup and self.adversarial):
            return [replace(self, warmup=0)]
        warmup = replace(
            self, adversarial=0.0, projected=0.0, diversity=0.0, steps=self.warmup, warmup=0
        )
        return [warmup, replace(self, steps=self.steps - self.warmup, warmup=0)]

    @property
    def terms(self) -> list[str]:
        """Names of the terms that have a weight."""
        return [name for name in TERMS if getattr(self, name)]

    @property
    def needs_recogniser(self) -> bool:
        """Whether any term is computed through a recogniser."""
        return bool(self.identity or self.midlayer or self.projected)


# Synthetic faces have flat colours and few lines: a discriminator of this size tells them from any
# generated image at once, and then forces the same line into every image.
_DRAWN: dict[str, Any] = {
    "identity": 2.0,
    "midlayer": 2.0,
    "dissimilarity": 8.0,
    "adversarial": 0.1,
    "projected": 0.0,
    "noise": 8,
    "corrections": 1,
    "learning_rate": 1e-3,
    "discriminator_learning_rate": 4e-4,
    "precision": "float32",  # so that the shipped weights can be reproduced on any machine
}

PRESETS = {
    "smoke": Config(
        side=64,
        width=4,
        discriminator_width=4,
        batch_size=8,
        steps=6,
        interval=2,
        warmup=2,
        ramp=2,
        surrogate=2,
        corrections=1,
        precision="float32",
    ),
    "tiny": Config(
        side=64,
        width=24,
        discriminator_width=16,
        recogniser_stride=4,
        steps=300,
        warmup=100,
        corrections=0,
    ),
    "demo": Config(**_DRAWN, side=64, width=16, discriminator_width=8, steps=400, warmup=300),
    "drawn": Config(
        **_DRAWN, side=112, width=16, discriminator_width=16, steps=5000, warmup=4000, interval=500
    ),
    "short": Config(steps=500, warmup=200),
    "cpu": Config(steps=1400, warmup=200),
    "long": Config(steps=5600, warmup=200),
    "gpu": Config(
        width=64,
        discriminator_width=32,
        precision="mixed_bfloat16",
        batch_size=64,
        steps=2000,
        warmup=500,
        interval=500,
    ),
}
PUBLISHED = "long"  # the preset of a method whose name gives none

# Each row of the ablation adds one thing to the row above it.
_MSE = dict.fromkeys(TERMS, 0.0) | {"l2": 1.0, "augment": False, "noise": 0, "corrections": 0}
_PIXELS = {**_MSE, "l2": 0.0, "l1": Config.l1, "dissimilarity": Config.dissimilarity}
_MIDLAYER = {**_PIXELS, "midlayer": Config.midlayer}
_IDENTITY = {**_MIDLAYER, "identity": Config.identity}
_ADVERSARIAL = {**_IDENTITY, "adversarial": Config.adversarial, "projected": Config.projected}
_AUGMENTED = {**_ADVERSARIAL, "augment": True}
ABLATION: dict[str, dict] = {
    "mse": _MSE,
    "l1_ssim": _PIXELS,
    "midlayer": _MIDLAYER,
    "identity": _IDENTITY,
    "adversarial": _ADVERSARIAL,
    "augmented": _AUGMENTED,
    "noise": {"corrections": 0},
    "corrected": {},  # the whole configuration
}
VARIANTS: dict[str, dict] = ABLATION | {
    "pixels": {"projected": 0.0},
    "relativistic": {"loss": "relativistic", "gradient_penalty": 1.0},
    "black_box": {"knowledge": "black_box", "corrections": 0},
}


def _named(preset: str, variant: str) -> Config:
    return replace(PRESETS[preset], **VARIANTS.get(variant, {}))


def _names() -> Iterator[tuple[str, str, str]]:
    """Every name of a method, `cgan[_<variant>][_<preset>]`, with its variant and its preset."""
    for variant in ("", *VARIANTS):
        for preset in ("", *PRESETS):
            yield "_".join(filter(None, (FAMILY, variant, preset))), variant, preset or PUBLISHED


METHODS = {name: _named(preset, variant) for name, variant, preset in _names()}
REHEARSALS = {name: _named("smoke", variant) for name, variant, _ in _names()}


@dataclass(frozen=True)
class AdapterOptions:
    """How an attacker gets from the victim's embeddings to those of a recogniser of his own."""

    own: str = "mobilefacenet"
    """The attacker's own recogniser, given like a victim; he has its inside."""

    generator: str = f"{FAMILY}_cpu"
    """Method that he trained on his own recogniser with experiments.train, in the same `runs`."""

    leak: Literal["whole", "half", "quarter", "int8", "sign"] = "whole"
    """What he has of each of the victim's embeddings: all of it, every second or fourth number,
    numbers rounded to 255 steps, or only their signs."""


ADAPTERS = {
    "adapter": AdapterOptions(),
    "adapter_facenet": AdapterOptions(own="facenet"),
    "adapter_half": AdapterOptions(leak="half"),
    "adapter_quarter": AdapterOptions(leak="quarter"),
    "adapter_int8": AdapterOptions(leak="int8"),
    "adapter_sign": AdapterOptions(leak="sign"),
}
