"""The linear parts of a generator: they are computed before the training and stay as they are.

Whitening gives the small directions of an embedding, in which people differ too, a weight that
gradient descent notices. The coarse image, by ridge regression (Hoerl & Kennard, Technometrics
1970), finds in seconds what gradient descent needs hundreds of steps for: where the face is, its
colours and its light.
"""

import keras
import numpy as np
from sklearn.linear_model import Ridge

from gan_inversion.cgan.networks import COARSE, WHITENING
from gan_inversion.cgan.options import Config
from gan_inversion.data.dataset import Images

PENALTY = 0.01  # per image, with embeddings scaled to variance 1 per component
LIMIT = 0.99  # largest pixel value in [-1, 1]: its inverse hyperbolic tangent is fitted
BLOCK = 256  # images shrunk at once


def set_linear_parts(
    generators: list[keras.Model], config: Config, embeddings: np.ndarray, images: Images
) -> None:
    """Compute the linear parts from the training images, and set them in each generator.

    Args:
        generators: of this configuration.
        config: whether there is whitening; the side of the images.
        embeddings: float32 (N, D), unit norm.
        images: uint8 (N, S, S, 3).
    """
    code = embeddings * embeddings.shape[1] ** 0.5  # as in the generator
    parts = {}
    if config.whitening:
        kernel, bias = parts[WHITENING] = whitening_weights(embeddings, config.whitening)
        code = embeddings @ kernel + bias
    parts["coarse"] = coarse_weights(code, images, config.side // COARSE)
    for generator in generators:
        for name, weights in parts.items():
            generator.get_layer(name).set_weights(weights)


def whitening_weights(embeddings: np.ndarray, deviation: float) -> list[np.ndarray]:
    """Kernel (D, D) and bias (D,) of the map to components of about unit variance.

    Args:
        embeddings: float32 (N, D).
        deviation: standard deviation, in one direction, whose component becomes half of that
            variance; components of still smaller deviation become smaller in proportion.
    """
    exact = embeddings.astype("float64")
    mean = exact.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(exact, rowvar=False))
    kernel = directions / np.sqrt(np.maximum(variances, 0) + deviation**2)
    return [kernel.astype("float32"), (-mean @ kernel).astype("float32")]


def coarse_weights(code: np.ndarray, images: Images, side: int) -> list[np.ndarray]:
    """Kernel (D, side * side * 3) and bias of the linear map from what a generator starts with.

    Args:
        code: float32 (N, D).
        images: uint8 (N, S, S, 3).
        side: of the coarse image, in pixels.
    """
    count = len(code)
    small = [
        np.asarray(
            keras.ops.image.resize(
                np.asarray(images[np.arange(start, min(start + BLOCK, count))], "float32"),
                (side, side),
                antialias=True,
            )
        )
        for start in range(0, count, BLOCK)
    ]
    pictures = np.concatenate(small).reshape(count, -1) / 127.5 - 1
    ridge = Ridge(alpha=PENALTY * count)
    ridge.fit(code, np.arctanh(np.clip(pictures, -LIMIT, LIMIT)))
    return [ridge.coef_.T.astype("float32"), ridge.intercept_.astype("float32")]
