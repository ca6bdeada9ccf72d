"""Modulated convolution: a style scales the input channels, and their energy is divided out.

Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020, equations 1 to 3.
Style and normalisation are applied to the feature maps instead of to one kernel per image, which
gives the same result and needs no grouped convolution.
"""

import keras
from keras import ops

EPSILON = 1e-6


@keras.saving.register_keras_serializable("gan_inversion")
class ModulatedConv2D(keras.layers.Layer):
    """Convolution, (B, H, W, I) and styles (B, S) -> (B, H, W, O).

    Args:
        filters: O.
        size: side of the kernel.
        normalise: divide the outputs by the energy that the style brought in.
        initializer: of the kernel.
    """

    def __init__(
        self,
        filters: int,
        *,
        size: int = 3,
        normalise: bool = True,
        initializer: str = "he_normal",
        **options,
    ):
        super().__init__(**options)
        self.filters, self.size, self.normalise = filters, size, normalise
        self.initializer = initializer

    def build(self, shapes):
        channels, style = shapes[0][-1], shapes[1][-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.size, self.size, channels, self.filters),
            initializer=self.initializer,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.scale = self.add_weight(
            name="scale", shape=(style, channels), initializer="lecun_normal"
        )
        self.offset = self.add_weight(name="offset", shape=(channels,), initializer="ones")

    def call(self, inputs):
        maps, styles = inputs
        scales = ops.matmul(styles, self.scale) + self.offset  # (B, I)
        out = ops.conv(maps * scales[:, None, None], self.kernel, padding="same")
        if self.normalise:
            energy = ops.sum(ops.square(self.kernel), axis=(0, 1))  # (I, O)
            energy = ops.matmul(ops.square(scales), energy) * 0.5 + EPSILON  # 0.5: a ReLU halves it
            out *= ops.rsqrt(energy)[:, None, None]
        return out + self.bias

    def compute_output_shape(self, shapes):
        return *shapes[0][:-1], self.filters

    def get_config(self):
        own = ("filters", "size", "normalise", "initializer")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
