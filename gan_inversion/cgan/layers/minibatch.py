"""Minibatch deviation: lets a discriminator notice a generator whose images are all alike."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("gan_inversion")
class MinibatchDeviation(keras.layers.Layer):
    """Append the mean deviation over the batch as a channel: (B, H, W, C) -> (B, H, W, C + 1).

    Karras et al., "Progressive Growing of GANs", ICLR 2018, section 3.
    """

    def call(self, inputs):
        deviation = ops.sqrt(ops.var(ops.cast(inputs, "float32"), axis=0) + 1e-8)
        mean = ops.cast(ops.mean(deviation), inputs.dtype)
        return ops.concatenate([inputs, mean * ops.ones_like(inputs[..., :1])], axis=-1)

    def compute_output_shape(self, shape):
        return *shape[:-1], shape[-1] + 1
