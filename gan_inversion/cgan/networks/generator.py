"""The conditional generator, which turns an embedding and noise into an image.

Dense layers turn both into a style; upsampling residual blocks of modulated convolutions, without
batch normalisation, start from a map of 4x4 to 7x7 positions and end with Haar coefficients (Karras
et al., CVPR 2020; Gal et al., SIGGRAPH 2021). These details are added to a coarse image, a linear
function of the embedding that is not trained with them.
"""

from functools import partial

import keras
from keras import layers

from gan_inversion.cgan.layers import HaarSynthesis, ModulatedConv2D

STARTS = {64: 4, 112: 7, 160: 5}  # side of the image -> side of the first map
STYLE = 256  # components of a style
COARSE = 4  # side of the image divided by that of the coarse image
WHITENING = "whitening"  # name of the layer
LOUDNESS = 0.1  # initial deviation of the noise's weights; from 0 they would find no direction
WIDEST = 6  # the most channels, as a multiple of `width`


def generator(
    dimension: int,
    *,
    noise: int,
    side: int = 160,
    width: int = 64,
    whitened: bool = False,
    precision: str = "float32",
) -> keras.Model:
    """Embeddings (N, dimension) and noise (N, noise) -> images in [0, 1], (N, side, side, 3).

    Args:
        dimension: of the embedding, which has unit norm.
        noise: components of the noise, standard normal; may be 0.
        side: of the image, a key of `STARTS`.
        width: channels of the largest maps; they double with every halving of the side, up to
            six times as many.
        whitened: whether a layer `whitening`, which is not trained, makes all directions of the
            embedding alike; until it is given weights (`cgan.linear`), it gives zeros.
        precision: Keras' dtype policy.
    """
    inputs = [keras.Input((dimension,), name="embedding"), keras.Input((noise,), name="noise")]
    dense = partial(layers.Dense, dtype=precision)
    if whitened:
        code = _fixed(dimension, WHITENING)(inputs[0])
    else:
        code = layers.Rescaling(dimension**0.5, dtype=precision)(inputs[0])  # of variance 1 each
    style = layers.Concatenate(dtype=precision)([code, inputs[1]])
    for _ in range(2):
        style = dense(STYLE, activation="leaky_relu", kernel_initializer="he_normal")(style)
    here, half = STARTS[side], side // 2

    def channels() -> int:
        return width * min(half // here, WIDEST)

    x = dense(here * here * channels())(style)
    x = layers.Reshape((here, here, channels()), dtype=precision)(x)
    while here < half:
        here *= 2
        x = _upsampled(x, style, _grain(inputs[1], here), channels(), precision)
    # Zeros: otherwise details as strong as the means would begin as a pattern of two pixels.
    coefficients = ModulatedConv2D(12, normalise=False, initializer="zeros", dtype=precision)
    x = HaarSynthesis(dtype="float32")(coefficients([x, style]))
    x = layers.Add(dtype="float32")([x, _coarse(code, side // COARSE)])
    x = layers.Activation("tanh", dtype="float32")(x)
    picture = layers.Rescaling(0.5, offset=0.5, dtype="float32")(x)
    return keras.Model(inputs, picture, name="generator")


def _coarse(code, side: int) -> keras.KerasTensor:
    """Coarse image, enlarged; grey until the layer `coarse` is given weights (`cgan.linear`)."""
    x = _fixed(side * side * 3, "coarse")(code)
    x = layers.Reshape((side, side, 3), dtype="float32")(x)
    return layers.UpSampling2D(COARSE, interpolation="bilinear", dtype="float32")(x)


def _fixed(units: int, name: str) -> layers.Dense:
    """A linear layer that is not trained, but given weights. They need all digits of float32."""
    return layers.Dense(
        units, kernel_initializer="zeros", trainable=False, name=name, dtype="float32"
    )


def _grain(noise, side: int) -> keras.KerasTensor | None:
    """The noise as a map (N, side, side, 1) that looks white: a random projection, not trained.

    Karras et al., "A Style-Based Generator", CVPR 2019, add new maps in each pass, from which hair
    and skin take their texture. These depend on the noise alone, so that embedding and noise
    determine an image.
    """
    components = noise.shape[-1]
    if not components:
        return None
    dense = layers.Dense(
        side * side,
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(stddev=components**-0.5),
        trainable=False,
        name=f"grain_{side}",
        dtype="float32",
    )
    return layers.Reshape((side, side, 1), dtype="float32")(dense(noise))


def _upsampled(x, style, grain, channels: int, precision: str) -> keras.KerasTensor:
    """Residual block: (N, H, W, I) -> (N, 2H, 2W, channels); it enlarges after one convolution."""
    up = partial(layers.UpSampling2D, 2, interpolation="bilinear", dtype=precision)
    active = partial(layers.LeakyReLU, 0.2, dtype=precision)
    skip = layers.Conv2D(channels, 1, use_bias=False, dtype=precision)(x)
    y = active()(ModulatedConv2D(channels, dtype=precision)([x, style]))
    y = ModulatedConv2D(channels, dtype=precision)([up()(y), style])
    if grain is not None:
        start = keras.initializers.RandomNormal(stddev=LOUDNESS)
        spread = layers.Conv2D(
            channels, 1, use_bias=False, kernel_initializer=start, dtype=precision
        )
        y = layers.Add(dtype=precision)([y, spread(grain)])
    y = active()(y)
    y = layers.Add(dtype=precision)([up()(skip), y])
    return layers.Rescaling(0.5**0.5, dtype=precision)(y)  # keeps the variance
