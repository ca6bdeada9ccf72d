"""Spectral normalisation: a kernel divided by its largest singular value.

Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018, algorithm 1.
Keras' own wrapper overwrites the kernel instead of dividing by the value, and so leaves the
gradient of that value out.
"""

import keras
from keras import ops


def divided(kernel, vector, *, update: bool):
    """A kernel divided by the estimate of its largest singular value.

    Args:
        kernel: (..., O).
        vector: variable (O,), the estimate of the right singular vector.
        update: make one power iteration.
    """
    matrix = ops.cast(ops.reshape(kernel, (-1, kernel.shape[-1])), "float32")
    fixed, right = ops.stop_gradient(matrix), ops.cast(vector, "float32")
    left = ops.normalize(ops.matmul(fixed, right), axis=0)
    if update:
        right = ops.normalize(ops.matmul(left, fixed), axis=0)
        vector.assign(right)
    largest = ops.sum(left * ops.matmul(matrix, right))
    return kernel / ops.cast(largest, kernel.dtype)


class _Spectral(keras.layers.Layer):
    """The estimate of the right singular vector, one for each output channel of the kernel."""

    # Keras' own layers save their kernel and bias only.
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    def build(self, shape):
        super().build(shape)
        self.vector = self.add_weight(
            name="vector",
            shape=self.kernel.shape[-1:],
            initializer="random_normal",
            trainable=False,
        )

    def call(self, inputs, training=False):
        out = self.product(inputs, divided(self.kernel, self.vector, update=training))
        return self.activation(out + self.bias if self.use_bias else out)


@keras.saving.register_keras_serializable("gan_inversion")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with a spectrally normalised kernel."""

    def product(self, inputs, kernel):
        return self.convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("gan_inversion")
class SpectralDense(_Spectral, keras.layers.Dense):
    """`keras.layers.Dense` with a spectrally normalised kernel."""

    def product(self, inputs, kernel):
        return ops.matmul(inputs, kernel)
