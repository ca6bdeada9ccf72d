"""The coarse image that a generator starts from: a linear function of the embedding.

Ridge regression (Hoerl & Kennard, Technometrics 1970) finds in seconds what gradient descent needs
hundreds of steps for: where the face is, its colours and its light.
"""

import keras
import numpy as np
from sklearn.linear_model import Ridge

from gan_inversion.data.dataset import Images

PENALTY = 0.01  # per image, with embeddings scaled to variance 1 per component
LIMIT = 0.99  # largest pixel value in [-1, 1]: its inverse hyperbolic tangent is fitted
BLOCK = 256  # images shrunk at once


def coarse_weights(embeddings: np.ndarray, images: Images, side: int) -> list[np.ndarray]:
    """Kernel (D, side * side * 3) and bias of the linear map from scaled embeddings.

    Args:
        embeddings: float32 (N, D), unit norm.
        images: uint8 (N, S, S, 3).
        side: of the coarse image, in pixels.
    """
    count, dimension = embeddings.shape
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
    ridge.fit(embeddings * dimension**0.5, np.arctanh(np.clip(pictures, -LIMIT, LIMIT)))
    return [ridge.coef_.T.astype("float32"), ridge.intercept_.astype("float32")]
