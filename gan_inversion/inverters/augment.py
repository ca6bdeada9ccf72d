"""Random, differentiable views of images, which recogniser and discriminator see in training.

Small shifts, resizings and noise keep a generator from producing patterns that fool a recogniser at
one position only; mirroring and changed colours keep a discriminator from memorising the
photographs (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS
2020). Random numbers come from numpy, so that they are the same with every backend.
"""

from collections.abc import Mapping

import numpy as np
from keras import ops

from gan_inversion.inverters.separable import filtered

SHIFT = 0.05  # of the side, at most, either way
RESIZE = 1.1  # factor, at most, either way
NOISE = 0.03  # largest deviation; pixels are in [0, 1]
BRIGHTNESS, CONTRAST, SATURATION = 0.15, 1.25, 1.5  # at most: a summand and two factors, either way
RECOLOURED = 0.5  # share of images; the others show a discriminator which colours are real


def draw_views(
    generator: np.random.Generator, count: int, side: int, *, strong: bool
) -> dict[str, np.ndarray]:
    """Sample `count` random views: arrays for `view`, with a row for each image.

    Args:
        generator: source of random numbers.
        count: number of images, B.
        side: of the views, in pixels.
        strong: mirror and recolour as well.
    """

    def uniform(limit: float, *shape: int) -> np.ndarray:
        return generator.uniform(-limit, limit, (count, *shape)).astype("float32")

    scale = np.exp(uniform(np.log(RESIZE)))
    mirror = np.where(generator.random(count) < (0.5 if strong else 0), -1, 1)
    views = {
        "shift": uniform(SHIFT, 2),
        "scale": np.stack([scale, scale * mirror], axis=1).astype("float32"),
        "noise": generator.standard_normal((count, side, side, 3), "float32")
        * np.abs(uniform(NOISE, 1, 1, 1)),
    }
    if strong:
        drawn = [uniform(BRIGHTNESS), *(uniform(np.log(most)) for most in (CONTRAST, SATURATION))]
        brightness, *factors = drawn * (generator.random(count) < RECOLOURED)
        views["colour"] = np.stack([brightness, *np.exp(factors)], axis=1).astype("float32")
    return views


def view(pictures, views: Mapping, *, sharp: bool = False, side: int | None = None):
    """Apply sampled views of side V to images: float (B, S, S, 3) -> (B, V, V, 3).

    Sharp views are shifted by whole pixels and neither resized nor noisy: only then can a
    discriminator tell the texture of skin from a grid of pixels. They may have a side of their own.
    """
    side = side or views["noise"].shape[1]
    shift, scale = views["shift"], views["scale"]
    if sharp:
        shift, scale = ops.round(shift * side) / side, ops.sign(scale)
    rows, columns = (
        _weights(shift[:, axis], scale[:, axis], pictures.shape[1], side) for axis in (0, 1)
    )
    pictures = filtered(pictures, rows, columns)
    if "colour" in views:
        pictures = _recoloured(pictures, views["colour"])
    return pictures if sharp else pictures + views["noise"]


def _weights(shift, scale, source: int, side: int):
    """Bilinear resampling about the centre as matrices, (B, side, source); edges are repeated."""
    places = (np.arange(side, dtype="float32") + 0.5) / side - 0.5  # in [-1/2, 1/2]
    places = places[None] / scale[:, None] + shift[:, None] + 0.5
    places = ops.clip(places * source - 0.5, 0, source - 1)  # (B, side)
    return ops.relu(1 - ops.abs(places[:, :, None] - np.arange(source, dtype="float32")))


def _recoloured(pictures, colour):
    brightness, contrast, saturation = (colour[:, index, None, None, None] for index in range(3))
    grey = ops.mean(pictures, axis=3, keepdims=True)
    pictures = grey + saturation * (pictures - grey)
    level = ops.mean(pictures, axis=(1, 2, 3), keepdims=True)
    return level + contrast * (pictures - level) + brightness


def of_fixed_colours(pictures):
    """The same images, (B, S, S, 3), whose colours no gradient reaches, only their brightness."""
    grey = ops.mean(pictures, axis=3, keepdims=True)
    return grey + ops.stop_gradient(pictures - grey)
