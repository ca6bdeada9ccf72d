"""The options of the conditional GAN: every term of its loss by name."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from gan_inversion.core.errors import UserError
from gan_inversion.core.options import Range, check_options
from gan_inversion.data.weights import INDEPENDENT

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

    RANGES: ClassVar[dict[str, Range]] = {
        **dict.fromkeys((*TERMS, "gradient_penalty"), (0, 1e6)),
        "imagined": (0, 1_000_000),
        **dict.fromkeys(("steps", "interval", "ramp"), (1, 100_000_000)),
        **dict.fromkeys(("width", "discriminator_width"), (1, 10_000)),
        **dict.fromkeys(("ema", "whitening"), (0, 1)),
        "recogniser_stride": (1, 1_000_000),
        "warmup": (0, 100_000_000),
        "stages": (1, 3),
        "noise": (0, 100_000),
        "surrogate": (1, 100_000),
        "corrections": (0, 10_000),
        "gain": (0, 100),
        "discriminator_learning_rate": (1e-9, 1e30),
    }

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

    target: Literal["embedding", "view"] = "embedding"
    """What the identity term compares with: the inverted embedding, or that of the photograph in
    the random view in which the recogniser sees the reconstruction."""

    greyscale: bool = False
    """Whether recognisers may change brightness only, and the discriminator sees no more. Colour
    then comes from the pixel terms alone, and neither of them causes a cast."""

    committee: tuple[str, ...] = ()
    """More recognisers of the identity term, each as name=weight: the attacker's own, with which he
    compares photograph and reconstruction. Keras models only; never dlib or sface, which judge."""

    imagined: int = 0
    """Imagined people in each step, with embeddings between those of two real ones: they have no
    photograph, and only the identity term, with its weight, asks about them."""

    mirrored: bool = False
    """Whether mirror images, with embeddings of their own, are trained on too; needs white_box."""

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
    """Whether images are mirrored and recoloured before recogniser and discriminator see them."""

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

    whitening: float = 0.0
    """Standard deviation from which a direction of the embeddings counts as much as the strongest,
    such as 1e-3: small directions tell people apart too. With 0, embeddings stay as they are."""

    side: Literal[64, 112, 160] = 160
    """Side of the generated images in pixels: 64, 112 or 160; larger ones take longer."""

    width: int = 40
    """Channels of the generator's largest maps; more can learn more and take longer."""

    discriminator_width: int = 24
    """Channels of the discriminator's largest maps; more can learn more and take longer."""

    discriminator_side: Literal[64, 112, 160] = 160
    """Side of the images that the discriminator sees, in pixels: 64, 112 or 160. It needs no more
    than the generator's own, and takes longer with more."""

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
        object.__setattr__(self, "committee", tuple(self.committee))  # a file gives a list
        self.members  # noqa: B018 - raises where it is not well formed
        check_options(self)
        for side in (self.side, self.discriminator_side):
            if side not in (64, 112, 160):
                raise UserError(f"expected a side of 64, 112 or 160 pixels, got {side}")
        if self.loss == "relativistic" and self.adversarial and not self.gradient_penalty:
            raise UserError("expected a gradient penalty for the relativistic loss, got none")
        if self.imagined and not (self.identity and self.imagined <= self.batch_size):
            raise UserError(
                f"expected at most {self.batch_size} imagined people a step, as many as images, "
                f"and an identity term, got {self.imagined} with the weight {self.identity}"
            )
        if self.mirrored and self.knowledge == "black_box":
            raise UserError("expected white_box for mirrored: mirror images need embeddings")
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
    def members(self) -> dict[str, float]:
        """Weight of each recogniser of the committee."""
        weights: dict[str, float] = {}
        for text in self.committee:
            name, _, number = text.partition("=")
            if name in weights:
                raise UserError(f"expected each recogniser of the committee once, got {name} twice")
            try:
                weights[name] = float(number)
            except ValueError:
                weights[name] = 0.0
            if not (name and 0 < weights[name] < float("inf")) or name in INDEPENDENT:
                raise UserError(
                    "expected recognisers of the committee as name=weight, such as "
                    f"mobilefacenet=3, and none of {', '.join(INDEPENDENT)}, got {text!r}"
                )
        return weights

    def weight(self, term: str) -> float:
        """Weight of a term in the loss; that of the committee holds its members' weights."""
        own = {"committee": 1.0, "imagined": self.identity}
        return own[term] if term in own else float(getattr(self, term))

    @property
    def terms(self) -> list[str]:
        """Names of the terms that have a weight."""
        more = {"committee": self.committee, "imagined": self.imagined}
        names = [name for name in TERMS if getattr(self, name)]
        return [*names, *(name for name, there in more.items() if there)]

    @property
    def needs_recogniser(self) -> bool:
        """Whether any term is computed through a recogniser."""
        return bool(self.identity or self.midlayer or self.projected)
