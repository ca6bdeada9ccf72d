"""The options of the baselines' families, and the names of their methods."""

from dataclasses import dataclass
from typing import Literal

DECODERS = ("dense", "conv", "conv_bn")
EPOCHS = 10  # of the thesis
TARGETS = {"documented": (-1.0, 1.0), "corrected": (0.0, 1.0)}  # range of the target pixels


@dataclass(frozen=True)
class DecoderOptions:
    """How a decoder of the thesis is trained."""

    decoder: Literal["dense", "conv", "conv_bn"] = "dense"
    """Which of the thesis' three networks."""

    targets: Literal["documented", "corrected"] = "corrected"
    """Range of the pixels trained against: documented, [-1, 1], which the sigmoid output cannot
    reach below 0; or corrected, [0, 1]."""

    epochs: int = EPOCHS
    """Passes over the training images."""

    batch_size: int = 32
    """Images per step."""

    augment: bool = False
    """Shift, mirror and recolour the images anew in each epoch."""


@dataclass(frozen=True)
class PrivateOptions(DecoderOptions):
    """How a decoder is trained with differential privacy."""

    epsilon: float = 8.0
    """Privacy loss (epsilon) of the whole training, for one image more or less."""

    delta: float = 1e-5
    """Probability with which the privacy loss may be larger than epsilon."""

    clipping: float = 1.0
    """Norm to which the gradient of each image is clipped."""


@dataclass(frozen=True)
class NoOptions:
    """The options of a control that has none."""


@dataclass(frozen=True)
class RidgeOptions:
    """How the linear control is fitted."""

    components: int = 256
    """Number of principal components of the images that are kept."""


DOCUMENTED = {
    f"{kind}_{decoder}": DecoderOptions(decoder, augment=kind == "augmented")  # type: ignore[arg-type]
    for kind in ("documented", "augmented")
    for decoder in DECODERS
}
PRIVATE = {"private_dense": PrivateOptions()}
CONTROLS = {
    "mean_face": NoOptions(),
    "nearest_face": NoOptions(),
    "ridge_pca": RidgeOptions(),
    "random": NoOptions(),
    "oracle": NoOptions(),
}
