"""The options of the baselines' families, and the names of their methods."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from gan_inversion.core.errors import UserError
from gan_inversion.core.options import Range, check_options

DECODERS = ("dense", "conv", "conv_bn")
EPOCHS = 10  # of the thesis
TARGETS = {"documented": (-1.0, 1.0), "corrected": (0.0, 1.0)}  # range of the target pixels


@dataclass(frozen=True)
class DecoderOptions:
    """How a decoder of the thesis is trained."""

    decoder: Literal["dense", "conv", "conv_bn"] = "dense"
    """Network of the thesis: dense layers, convolutions, or these with batch normalisation."""

    targets: Literal["documented", "corrected"] = "corrected"
    """Range of the pixel values to learn: [0, 1] (corrected), or the thesis' [-1, 1] (documented),
    of which the sigmoid output cannot reach the negative half."""

    epochs: int = EPOCHS
    """Passes over the training images; more take longer and fit these images more closely."""

    batch_size: int = 32
    """Images in each training step; with more there are fewer steps per epoch."""

    augment: bool = False
    """Whether the training images are shifted, mirrored and recoloured anew in each epoch."""

    any_dimension: bool = False
    """Whether embeddings may have another number of components than the 512 of the thesis: our
    generalisation of its networks."""

    def __post_init__(self) -> None:
        for value, choices in ((self.decoder, DECODERS), (self.targets, TARGETS)):
            if value not in choices:
                raise UserError(f"expected one of {', '.join(choices)}, not {value!r}")
        check_options(self)


@dataclass(frozen=True)
class PrivateOptions(DecoderOptions):
    """How a decoder is trained with differential privacy."""

    RANGES: ClassVar[dict[str, Range]] = {
        "epsilon": (1e-3, 1e6),
        "delta": (1e-12, 0.5),
        "clipping": (1e-12, 1e6),
    }

    epsilon: float = 8.0
    """Privacy loss of the training for one image more or less; smaller is more private."""

    delta: float = 1e-5
    """Probability that the privacy loss is larger than epsilon; smaller is more private."""

    clipping: float = 1e-3
    """Largest norm of an image's gradient, which is scaled down to it before noise is added."""

    learning_rate: float = 1e-3
    """Step size of Adam; with a larger one the images are fitted in fewer steps."""

    clipped: bool = True
    """Whether gradients are clipped. Otherwise epsilon is not kept, whatever is claimed: with such
    a training one sees whether an audit finds out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.decoder == "conv_bn" or self.augment:
            raise UserError(
                "expected a private decoder without batch normalisation, whose averages are not "
                "private, and without augmentation, which its training does not have"
            )


@dataclass(frozen=True)
class NoOptions:
    """The options of a control that has none."""


@dataclass(frozen=True)
class RidgeOptions:
    """How the linear control is fitted."""

    RANGES: ClassVar[dict[str, Range]] = {"components": (1, 76_800)}

    components: int = 256
    """Number of principal components of the images that are kept; more keep finer detail."""


DOCUMENTED = {
    f"{kind}_{decoder}": DecoderOptions(
        decoder,  # type: ignore[arg-type]
        augment=kind == "augmented",
        any_dimension=kind == "generalised",
    )
    for kind in ("documented", "augmented", "generalised")
    for decoder in DECODERS
}
# Trainings to audit: without clipping this one knows its images by heart, and its claim is false.
_BY_HEART = PrivateOptions(
    epsilon=1.0, clipping=1e-5, clipped=False, learning_rate=3e-3, epochs=2 * EPOCHS
)
PRIVATE = {"private_dense": PrivateOptions(), "private_dense_unclipped": _BY_HEART} | {
    f"private_dense_epsilon{epsilon}": replace(_BY_HEART, epsilon=float(epsilon), clipped=True)
    for epsilon in (1, 8, 50)
}
# Controls: name -> class in `baselines.controls`, options.
CONTROLS = {
    "mean_face": ("MeanFace", NoOptions()),
    "nearest_face": ("NearestFace", NoOptions()),
    "ridge_pca": ("RidgePCA", RidgeOptions()),
    "random": ("Random", NoOptions()),
    "oracle": ("Oracle", NoOptions()),
    "translated": ("Translated", NoOptions()),
}
