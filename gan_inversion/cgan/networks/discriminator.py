"""The discriminator: is this a photograph, and one of the person with this embedding?

One head reads pixels; light heads read feature maps of a frozen recogniser (Sauer et al.,
"Projected GANs Converge Faster", NeurIPS 2021). Each is conditioned by projection (Miyato & Koyama,
"cGANs with Projection Discriminator", ICLR 2018) and spectrally normalised.
"""

from collections.abc import Sequence
from functools import partial

import keras
from keras import layers

from gan_inversion.cgan.layers import (
    HaarAnalysis,
    MinibatchDeviation,
    SpectralConv2D,
    SpectralDense,
)
from gan_inversion.data.views import SIZE

SMALLEST = 7  # maps are halved until their side is no larger
HEAD = 128  # channels of a feature head


def discriminator(
    dimension: int,
    *,
    side: int = SIZE,
    width: int = 32,
    maps: Sequence[tuple[int, int, int]] = (),
    greyscale: bool = False,
    precision: str = "float32",
) -> keras.Model:
    """Images and embeddings -> a list of logits of being real: (N, 1), and (M, heads) if any.

    The inputs are a list: images in [0, 1], (N, S, S, 3); embeddings (N, dimension); and
    with heads on feature maps, which need not see all images, a map (M, H, W, C) for each head
    and the embeddings of those images (M, dimension).

    Args:
        dimension: of the embedding, which has unit norm.
        side: of the images, S.
        width: channels of the pixel head's largest maps.
        maps: shapes (H, W, C) of the feature maps.
        greyscale: whether the pixel head sees brightness only.
        precision: Keras' dtype policy.
    """
    embedding = keras.Input((dimension,), name="embedding")
    code = layers.Rescaling(dimension**0.5, dtype=precision)(embedding)
    picture = keras.Input((side, side, 3), name="picture")
    x = keras.ops.mean(picture, axis=3, keepdims=True) if greyscale else picture
    x = layers.Rescaling(2.0, offset=-1.0, dtype="float32")(x)
    x = HaarAnalysis(dtype=precision)(x)  # (N, S/2, S/2, 12), or 4
    x = _conv(x, width, 3, precision)
    channels = width
    while x.shape[1] > SMALLEST:
        channels = min(2 * channels, 8 * width)
        x = _downsampled(x, channels, precision)
    logits = [_head(x, code, precision)]
    inputs = [picture, embedding]
    if maps:
        features = [keras.Input(shape, name=f"map_{place}") for place, shape in enumerate(maps)]
        owner = keras.Input((dimension,), name="embedding_of_maps")
        code = layers.Rescaling(dimension**0.5, dtype=precision)(owner)
        heads = [_feature_head(feature, code, precision) for feature in features]
        logits.append(layers.Concatenate(dtype="float32")(heads) if len(heads) > 1 else heads[0])
        inputs += [*features, owner]
    return keras.Model(inputs, logits, name="discriminator")


def _feature_head(x, code, precision: str) -> keras.KerasTensor:
    """Logits of a light head on a feature map."""
    # Unit length at each position: recognisers' maps differ in scale by orders of magnitude.
    scale = x.shape[-1] ** 0.5
    x = layers.UnitNormalization(dtype="float32")(x)
    x = layers.Rescaling(scale, dtype=precision)(x)
    x = _conv(x, HEAD, 1, precision)
    while x.shape[1] > SMALLEST:
        x = _conv(x, HEAD, 3, precision, strides=2)
    return _head(x, code, precision)


def _conv(x, channels: int, size: int, precision: str, **options) -> keras.KerasTensor:
    conv = SpectralConv2D(channels, size, padding="same", dtype=precision, **options)
    return layers.LeakyReLU(0.2, dtype=precision)(conv(x))


def _downsampled(x, channels: int, precision: str) -> keras.KerasTensor:
    """Residual block: (N, H, W, I) -> (N, H/2, W/2, channels)."""
    down = partial(layers.AveragePooling2D, 2, padding="same", dtype=precision)
    skip = SpectralConv2D(channels, 1, use_bias=False, dtype=precision)(down()(x))
    y = _conv(x, x.shape[-1], 3, precision)
    y = _conv(y, channels, 3, precision, strides=2)
    y = layers.Add(dtype=precision)([skip, y])
    return layers.Rescaling(0.5**0.5, dtype=precision)(y)


def _head(x, code, precision: str) -> keras.KerasTensor:
    """Logits of one head: a sum over positions, and its product with the projected embedding."""
    x = MinibatchDeviation(dtype=precision)(x)
    x = _conv(x, HEAD, 3, precision)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)  # (N, HEAD)
    unconditional = SpectralDense(1, dtype="float32")(x)
    projected = SpectralDense(HEAD, use_bias=False, dtype="float32")(code)
    return layers.Add(dtype="float32")(
        [unconditional, layers.Dot(1, dtype="float32")([x, projected])]
    )
