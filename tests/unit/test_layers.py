import keras
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import convolve

from gan_inversion.cgan.gradient import input_gradients
from gan_inversion.cgan.layers import (
    HaarAnalysis,
    HaarSynthesis,
    MinibatchDeviation,
    ModulatedConv2D,
    SpectralConv2D,
    SpectralDense,
)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, "float32")


def test_haar_keeps_everything():
    pictures = normal(2, 8, 6, 3)
    coefficients = HaarAnalysis()(pictures)
    assert coefficients.shape == (2, 4, 3, 12)
    np.testing.assert_allclose(np.sum(np.square(coefficients)), np.sum(pictures**2), rtol=1e-5)
    np.testing.assert_allclose(HaarSynthesis()(coefficients), pictures, atol=1e-6)


def test_haar_puts_a_flat_picture_into_its_means_and_stripes_into_one_detail():
    flat = np.asarray(HaarAnalysis()(np.ones((1, 4, 4, 1), "float32")))
    np.testing.assert_array_equal(flat[0, 0, 0], [2, 0, 0, 0])
    stripes = np.tile(np.array([1, -1], "float32"), (1, 4, 2))[..., None]
    np.testing.assert_array_equal(np.asarray(HaarAnalysis()(stripes))[0, 0, 0], [0, 2, 0, 0])


@pytest.mark.parametrize(
    ("kind", "arguments", "shape"),
    [(SpectralConv2D, (5, 3), (2, 8, 8, 4)), (SpectralDense, (5,), (2, 7))],
)
def test_a_spectral_kernel_has_the_largest_singular_value_one(kind, arguments, shape):
    layer, inputs = kind(*arguments), normal(*shape)
    for _ in range(200):
        layer(inputs, training=True)
    matrix = np.asarray(layer.kernel).reshape(-1, 5)
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    reference = type(layer).__mro__[2].from_config(layer.get_config())
    reference.build(shape)
    reference.set_weights([matrix.reshape(layer.kernel.shape) / largest, layer.bias])
    np.testing.assert_allclose(layer(inputs), reference(inputs), rtol=1e-3, atol=1e-4)


def test_a_spectral_layer_changes_its_estimate_in_training_only():
    layer = SpectralDense(3)
    layer(normal(2, 4))
    before = np.array(layer.vector)
    layer(normal(2, 4), training=False)
    np.testing.assert_array_equal(layer.vector, before)
    layer(normal(2, 4), training=True)
    assert np.abs(np.asarray(layer.vector) - before).max() > 1e-3


def test_modulation_is_that_of_the_kernel():
    """Against the definition: one scaled and normalised kernel a picture (equations 1 and 3)."""
    layer = ModulatedConv2D(4)
    maps, styles = normal(2, 6, 6, 3), normal(2, 5, seed=1)
    layer.build([maps.shape, styles.shape])
    layer.bias.assign(normal(4, seed=2))
    found = np.asarray(layer([maps, styles]))
    for picture in range(2):
        scales = styles[picture] @ np.asarray(layer.scale) + np.asarray(layer.offset)
        kernel = np.asarray(layer.kernel) * scales[:, None]
        kernel *= np.sqrt(2) / np.sqrt(np.square(kernel).sum(axis=(0, 1, 2)))
        for channel in range(4):
            expected = sum(
                convolve(maps[picture, ..., k], kernel[::-1, ::-1, k, channel], mode="constant")
                for k in range(3)
            )
            expected = expected + float(layer.bias[channel])
            np.testing.assert_allclose(found[picture, ..., channel], expected, atol=1e-4)


def test_the_minibatch_deviation_is_nothing_where_all_are_alike():
    alike = np.repeat(normal(1, 4, 4, 3), 8, axis=0)
    assert np.asarray(MinibatchDeviation()(alike))[..., 3].max() < 1e-3
    apart = np.asarray(MinibatchDeviation()(normal(64, 4, 4, 3)))[..., 3]
    np.testing.assert_allclose(apart, 1, atol=0.1)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (HaarAnalysis(), [(8, 8, 3)]),
        (HaarSynthesis(), [(4, 4, 12)]),
        (MinibatchDeviation(), [(4, 4, 3)]),
        (SpectralConv2D(5, 3, padding="same"), [(8, 8, 3)]),
        (SpectralDense(5), [(7,)]),
        (ModulatedConv2D(5, normalise=False), [(8, 8, 3), (7,)]),
    ],
)
def test_layers_are_saved_with_their_models(layer, shapes, tmp_path):
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    data = [normal(2, *shape) for shape in shapes]
    found = np.asarray(model(data))
    assert model.output_shape[1:] == found.shape[1:]
    np.testing.assert_allclose(again(data), found, atol=1e-6)


def test_input_gradients_are_those_of_a_known_function():
    x, y = normal(2, 3), normal(2, 3, seed=1)
    slopes = input_gradients(
        lambda inputs: ops.sum(inputs[0] ** 2 * inputs[1], axis=1),
        [ops.convert_to_tensor(x), ops.convert_to_tensor(y)],
    )
    np.testing.assert_allclose(slopes[0], 2 * x * y, rtol=1e-5)
    np.testing.assert_allclose(slopes[1], x**2, rtol=1e-5)
