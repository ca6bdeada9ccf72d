import numpy as np
import pytest
from keras import ops

from gan_inversion.cgan import losses
from gan_inversion.metrics import reconstruction


def pictures(count=3, side=32, seed=0):
    return np.random.default_rng(seed).random((count, side, side, 3), "float32")


def test_pixel_terms_are_means():
    first, second = np.zeros((2, 4, 4, 3), "float32"), np.full((2, 4, 4, 3), 0.5, "float32")
    assert float(losses.l1(first, second)) == 0.5
    assert float(losses.l2(first, second)) == 0.25


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5])
def test_dissimilarity_is_one_less_the_published_ssim(noise):
    first = pictures()
    second = np.clip(first + noise * (pictures(seed=1) - 0.5), 0, 1).astype("float32")
    expected = 1 - reconstruction.ssim(first, second).mean()
    assert float(losses.dissimilarity(first, second)) == pytest.approx(expected, abs=2e-4)


def test_the_feature_distance_is_that_of_the_examination():
    shapes = [(2, 5, 5, 7), (2, 3, 3, 4)]
    rng = np.random.default_rng(0)
    first, second = ([rng.standard_normal(s, "float32") for s in shapes] for _ in range(2))
    expected = reconstruction.feature_distance(first, second).mean()
    assert float(losses.feature_distance(first, second)) == pytest.approx(expected, rel=1e-4)
    zero = [np.zeros(s, "float32") for s in shapes]
    assert np.isfinite(float(losses.feature_distance(zero, second)))


def test_identity_is_one_less_the_cosine():
    first = np.array([[1, 0], [0, 2]], "float32")
    second = np.array([[3, 0], [1, 1]], "float32")
    assert float(losses.identity(first, second)) == pytest.approx(1 - (1 + 0.5**0.5) / 2)


def test_hinge_by_hand():
    real, fake = np.array([[2.0], [0.5]]), np.array([[-3.0], [1.0]])
    generator, discriminator = losses.hinge(real, fake)
    assert float(discriminator) == pytest.approx((0 + 0.5) / 2 + (0 + 2) / 2)
    assert float(generator) == pytest.approx(1.0)


def test_relativistic_by_hand():
    real, fake = np.array([[1.0], [0.0]]), np.array([[0.0], [2.0]])
    softplus = np.log1p(np.exp(np.array([-1.0, 2.0, 1.0, -2.0])))
    generator, discriminator = losses.relativistic(real, fake)
    assert float(discriminator) == pytest.approx(softplus[:2].mean())
    assert float(generator) == pytest.approx(softplus[2:].mean())


def test_the_penalty_is_half_the_mean_squared_norm():
    gradients = [np.full((2, 3), 2.0, "float32"), np.array([[1.0], [3.0]], "float32")]
    expected = 0.5 * ((12 + 1) + (12 + 9)) / 2
    assert float(losses.gradient_penalty(gradients)) == pytest.approx(expected)


def test_mode_seeking_falls_as_pictures_differ():
    noise = np.zeros((2, 4), "float32"), np.ones((2, 4), "float32")
    alike = ops.convert_to_tensor(pictures(2))
    near, far = (float(losses.mode_seeking((alike, alike + step), noise)) for step in (0.1, 0.5))
    assert near == pytest.approx(1 / 0.11, rel=1e-3) and far == pytest.approx(1 / 0.51, rel=1e-3)


def test_mode_seeking_does_not_see_a_cast_of_colour():
    alike = np.full((2, 8, 8, 3), 0.5, "float32")
    noise = np.zeros((2, 4), "float32"), np.ones((2, 4), "float32")
    cast = alike + np.array([0.1, -0.1, 0], "float32")
    found = [float(losses.mode_seeking((alike, other), noise)) for other in (alike, cast)]
    assert found[1] == pytest.approx(found[0], rel=1e-3)
