"""The loss terms of the conditional GAN: pure functions of tensors, for every Keras backend.

Images are float (B, S, S, 3) in [0, 1]. A term is a scalar; an adversarial loss is two, the
generator's and the discriminator's.
"""

import math
from collections.abc import Sequence

from keras import ops

from gan_inversion.inverters.separable import filtered

DEVIATION, REACH = 1.5, 5  # of SSIM's window, pixels
LEAST = 0.01  # difference of images below which mode seeking gets no stronger


def l1(originals, reconstructions):
    """Mean absolute error."""
    return ops.mean(ops.abs(originals - reconstructions))


def l2(originals, reconstructions):
    """Mean squared error, what the documented decoders are trained on."""
    return ops.mean(ops.square(originals - reconstructions))


def dissimilarity(originals, reconstructions):
    """1 - SSIM, mean over windows and channels, with constants as `metrics.reconstruction.ssim`.

    Wang et al., IEEE Transactions on Image Processing 2004. The window is applied at every second
    row and column: its neighbours see nearly the same pixels.
    """
    band = ops.convert_to_tensor(_band(originals.shape[1]), "float32")
    x, y = ops.cast(originals, "float32"), ops.cast(reconstructions, "float32")
    mean_x, mean_y, xx, yy, xy = (
        filtered(plane, band, band) for plane in (x, y, x * x, y * y, x * y)
    )
    likeness = (2 * mean_x * mean_y + 0.01**2) * (2 * (xy - mean_x * mean_y) + 0.03**2)
    variances = xx - mean_x**2 + yy - mean_y**2
    return 1 - ops.mean(likeness / (mean_x**2 + mean_y**2 + 0.01**2) / (variances + 0.03**2))


def _band(side: int) -> list[list[float]]:
    """Gaussian windows as rows, (P, side): every second one of those within the image."""
    window = [math.exp(-(offset**2) / (2 * DEVIATION**2)) for offset in range(-REACH, REACH + 1)]
    total = sum(window)
    return [
        [window[column - row] / total if 0 <= column - row <= 2 * REACH else 0.0
         for column in range(side)]
        for row in range(0, side - 2 * REACH, 2)
    ]  # fmt: skip


def feature_distance(originals: Sequence, reconstructions: Sequence):
    """Distance in feature maps (B, H, W, C), as `metrics.reconstruction.feature_distance`.

    Squared distance of unit vectors at a position, mean over positions and stages: LPIPS without
    learned weights (Zhang et al., CVPR 2018, equation 1).
    """
    stages = [
        ops.mean(ops.sum(ops.square(_unit(first) - _unit(second)), axis=-1))
        for first, second in zip(originals, reconstructions, strict=True)
    ]
    return sum(stages) / len(stages)


def _unit(vectors):
    vectors = ops.cast(vectors, "float32")
    return vectors * ops.rsqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-12)


def identity(embeddings, reconstructed):
    """1 - cosine between the inverted embeddings and those of the reconstructions, (B, D) each."""
    return 1 - ops.mean(ops.sum(_unit(embeddings) * _unit(reconstructed), axis=-1))


def hinge(real, fake):
    """Hinge loss of the generator and of the discriminator, from logits (B, heads).

    Lim & Ye, "Geometric GAN", 2017.
    """
    return -ops.mean(fake), ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))


def relativistic(real, fake):
    """Relativistic pairing loss of the generator and of the discriminator, from logits (B, heads).

    Huang et al., "The GAN is dead; long live the GAN! A Modern GAN Baseline" (R3GAN), NeurIPS 2024,
    equation 2. It needs `gradient_penalty` on real and on generated images.
    """
    return ops.mean(ops.softplus(real - fake)), ops.mean(ops.softplus(fake - real))


def gradient_penalty(gradients: Sequence):
    """Zero-centred penalty on the gradients of the logits by each input, (B, ...).

    Half the mean squared norm: R1 on real images, R2 on generated ones (Mescheder et al., ICML
    2018; R3GAN, equations 3 and 4).
    """
    norms = [ops.sum(ops.square(part), axis=range(1, part.ndim)) for part in gradients]
    return 0.5 * sum(ops.mean(norm) for norm in norms)


def mode_seeking(pictures, noise):
    """Distance in noise of two images of one embedding, over their distance in brightness.

    Mao et al., "Mode Seeking GANs for Diverse Image Synthesis", CVPR 2019, equation 5, as its
    inverse, so that smaller is more diverse. Only brightness counts: a cast of colour is the
    cheapest way to differ. `LEAST` bounds the term for images that are nearly equal: without it a
    generator produces stripes at the beginning of the training.

    Args:
        pictures: two batches of images, (B, S, S, 3) each, of the same embeddings.
        noise: the noise of each, (B, Z).
    """
    first, second = (ops.mean(batch, axis=-1) for batch in pictures)
    apart = ops.mean(ops.abs(first - second), axis=(1, 2))
    drawn = ops.mean(ops.abs(noise[0] - noise[1]), axis=1)
    return ops.mean(drawn / (apart + LEAST))


ADVERSARIAL = {"hinge": hinge, "relativistic": relativistic}
