"""The options of the conditional GAN: every term of its loss by name, and the presets.

An ablation is a change of one field; `VARIANTS` are the published ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from gan_inversion.core.errors import UserError

FAMILY = "cgan"  # what the names of such methods begin with
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
    """Weight of the squared error of the pixels."""

    l1: float = 20.0
    """Weight of the absolute error of the pixels."""

    dissimilarity: float = 6.0
    """Weight of 1 - SSIM."""

    midlayer: float = 10.0
    """Weight of the distance in the recogniser's feature maps."""

    identity: float = 3.0
    """Weight of 1 - cosine to the inverted embedding."""

    adversarial: float = 1.0
    """Weight of what the discriminator says of the pixels."""

    projected: float = 0.05
    """Weight of what it says of the recogniser's feature maps; at 0 it has no heads on them."""

    diversity: float = 0.004
    """Weight of the mode-seeking term: pictures of one embedding should differ."""

    ramp: int = 100
    """Steps over which the weights of the last three terms grow from nothing. Against a
    discriminator that still learns, a generator draws whatever blinds it."""

    loss: Literal["hinge", "relativistic"] = "hinge"
    """Kind of the adversarial loss."""

    gradient_penalty: float = 0.0
    """Weight of the zero-centred gradient penalties, which the relativistic loss wants."""

    augment: bool = True
    """Mirror and recolour what the discriminator sees."""

    noise: int = 32
    """Components of the generator's noise; 0 for one picture an embedding."""

    knowledge: Literal["white_box", "black_box"] = "white_box"
    """Gradients go through the attacked recogniser (white_box), or through a surrogate that is
    distilled from the training embeddings (black_box)."""

    stages: int = 2
    """Feature maps of the recogniser that the mid-layer term and the heads see."""

    recognised: int = 2
    """One picture in so many is shown to the recogniser."""

    surrogate: int = 30
    """Passes over the training images that distil the surrogate."""

    corrections: int = 3
    """How often, at inversion, the embedding that the generator is given is moved by what the
    recogniser finds missing in its picture. The weights are the same with any number."""

    gain: float = 0.4
    """Share of what is missing that the embedding is moved by."""

    side: int = 160
    """Side of the generated pictures in pixels: 64, 112 or 160."""

    width: int = 40
    """Channels of the generator's largest maps."""

    judge_width: int = 24
    """Channels of the discriminator's largest maps."""

    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    """Arithmetic of the training; auto is whichever is faster on the machine."""

    batch_size: int = 16
    """Pictures a step."""

    steps: int = 1400
    """Steps in all."""

    alone: int = 0
    """The first steps, in which there is no discriminator yet: they cost little more than half,
    and what it then sees is a face."""

    interval: int = 100
    """Steps between checkpoints, previews and lines of the log."""

    learning_rate: float = 4e-4
    """Learning rate of Adam for the generator."""

    judge_learning_rate: float = 1.6e-3
    """The same for the discriminator. One that learns no faster than the generator is late in
    seeing what blinds it: strips of one colour at the sides."""

    memory: float = 0.999
    """Share of the averaged weights that a step keeps."""

    def __post_init__(self):
        for steps in (self.steps, self.alone):
            if steps % self.interval:
                raise UserError(
                    f"expected a whole number of intervals, got {steps} steps in intervals of "
                    f"{self.interval}"
                )
        if self.alone >= self.steps:
            raise UserError(
                f"expected fewer steps without discriminator than the {self.steps} in all, got "
                f"{self.alone}"
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
        """Configurations to be trained with one after the other: without discriminator, and all."""
        if not (self.alone and self.adversarial):
            return [replace(self, alone=0)]
        alone = replace(
            self, adversarial=0.0, projected=0.0, diversity=0.0, steps=self.alone, alone=0
        )
        return [alone, replace(self, steps=self.steps - self.alone, alone=0)]

    @property
    def terms(self) -> list[str]:
        """Names of the terms that have a weight."""
        return [name for name in TERMS if getattr(self, name)]

    @property
    def needs_recogniser(self) -> bool:
        """Whether any term sees through a recogniser."""
        return bool(self.identity or self.midlayer or self.projected)


# Drawn faces have flat colours and few lines: a discriminator of this size tells them from any
# generator's at once, and what it then asks for is the same line in every picture.
_DRAWN: dict[str, Any] = {
    "identity": 2.0,
    "midlayer": 2.0,
    "dissimilarity": 8.0,
    "adversarial": 0.1,
    "projected": 0.0,
    "noise": 8,
    "corrections": 1,
    "learning_rate": 1e-3,
    "judge_learning_rate": 4e-4,
    "precision": "float32",  # the shipped weights are to be remade on any machine
}

PRESETS = {
    "smoke": Config(
        width=8,
        judge_width=8,
        batch_size=8,
        steps=30,
        interval=10,
        alone=10,
        ramp=10,
        surrogate=2,
        corrections=1,
        precision="float32",
    ),
    "tiny": Config(
        side=64, width=24, judge_width=16, recognised=4, steps=300, alone=100, corrections=0
    ),
    "demo": Config(**_DRAWN, side=64, width=16, judge_width=8, steps=400, alone=300),
    "drawn": Config(
        **_DRAWN, side=112, width=16, judge_width=16, steps=5000, alone=4000, interval=500
    ),
    "short": Config(steps=500, alone=200),
    "cpu": Config(steps=1400, alone=200),
    "long": Config(steps=5600, alone=200),
    "gpu": Config(
        width=64,
        judge_width=32,
        precision="mixed_bfloat16",
        batch_size=64,
        steps=2000,
        alone=500,
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
    "corrected": {},  # all of it
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
