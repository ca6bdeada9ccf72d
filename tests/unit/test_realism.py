"""Realism: closed forms, independent implementations, and what a worse picture must do."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import convolve1d, gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from gan_inversion.data import LFW
from gan_inversion.metrics import realism
from gan_inversion.metrics.reconstruction import contrast, feature_distance, mse, psnr, ssim
from gan_inversion.metrics.verification import auc
from gan_inversion.protocols.inversion.two_sample import two_sample_scores


@pytest.fixture(scope="module")
def pair(faces):
    images = faces.view("aligned")
    return images[:6] / 255, np.clip(images[6:12] / 255 + 0.1, 0, 1)


def test_psnr_is_scikit_images(pair):
    expected = [peak_signal_noise_ratio(x, y, data_range=1) for x, y in zip(*pair, strict=True)]
    np.testing.assert_allclose(psnr(*pair), expected)
    assert np.isinf(psnr(pair[0], pair[0])).all()


def test_ssim_is_scikit_images(pair):
    expected = [
        structural_similarity(
            x,
            y,
            data_range=1,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for x, y in zip(*pair, strict=True)
    ]
    np.testing.assert_allclose(ssim(*pair), expected, rtol=1e-9)
    np.testing.assert_allclose(ssim(pair[0], pair[0]), 1)


def test_feature_distance_is_between_directions():
    east = np.zeros((1, 2, 2, 2))
    east[..., 0] = 3
    north = np.zeros((1, 2, 2, 2))
    north[..., 1] = 5
    assert feature_distance([east], [2 * east]).tolist() == [0]
    assert feature_distance([east], [north]).tolist() == pytest.approx([2])
    assert feature_distance([east, east], [north, east]).tolist() == pytest.approx([1])
    assert feature_distance([east], [-east]).tolist() == [4]


def kernel_distance(first, second, *, paired):
    """The mean kernel within each set, less twice that between them."""
    kernels = [(x @ y.T / x.shape[1] + 1) ** 3 for x, y in ((first,) * 2, (second,) * 2)]
    within = sum(kernel[~np.eye(len(kernel), dtype=bool)].mean() for kernel in kernels)
    between = (first @ second.T / first.shape[1] + 1) ** 3
    return within - 2 * between[~np.eye(len(between), dtype=bool) | (not paired)].mean()


def test_kid_of_gaussians_is_the_closed_form():
    # In one dimension the kernel (xy + 1)^3 compares the first three moments: MMD^2 is
    # 3 (m1 - m1')^2 + 3 (m2 - m2')^2 + (m3 - m3')^2; with N(0, 1) and N(1, 1): 3 + 3 + 16.
    generator = np.random.default_rng(0)
    values = [
        realism.kernel_terms(
            generator.normal(0, 1, (2000, 1)), generator.normal(1, 1, (2000, 1))
        ).mean(dtype=float)
        for _ in range(20)
    ]
    error = np.std(values) / np.sqrt(20)
    assert np.mean(values) == pytest.approx(22, abs=4 * error) and error < 1


def test_kid_is_unbiased_where_there_is_no_difference():
    generator = np.random.default_rng(0)
    same = [realism.kernel_terms(*generator.normal(size=(2, 50, 4))).mean() for _ in range(200)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(200) and min(same) < 0
    # Pairs that belong together would pull the estimate below 0 if they were compared.
    first = generator.normal(size=(50, 4))
    assert realism.kernel_terms(first, first).mean() == pytest.approx(0, abs=1e-6)
    assert kernel_distance(first, first, paired=False) < -0.01


def test_kid_is_torchmetrics_but_for_the_pairs():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(40, 8)), generator.normal(0.3, 1.5, size=(40, 8))
    # poly_mmd of torchmetrics 1.9.0 (degree 3, coef 1) on the same arrays.
    unpaired = kernel_distance(first, second, paired=False)
    assert unpaired == pytest.approx(1.071693389723602, rel=1e-12)


def test_the_terms_of_paired_rows_add_up_to_the_kernel_distance():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(150, 8)), random.normal(0.3, 1, size=(150, 8))
    terms = realism.kernel_terms(first, second)
    assert terms.shape == (150,)
    expected = kernel_distance(first, second, paired=True)
    assert terms.mean(dtype=float) == pytest.approx(expected, rel=1e-6)


def test_the_pyramid_adds_up_to_the_picture(pair):
    planes = pair[0].transpose(0, 3, 1, 2).astype("float32")
    levels = [realism._laplacian(planes, level) for level in range(4)]
    assert [level.shape[-1] for level in levels] == [160, 80, 40, 20]
    total = levels[-1]
    for level in levels[-2::-1]:
        spread = np.zeros_like(level)
        spread[..., ::2, ::2] = 4 * total
        for axis in (2, 3):
            spread = convolve1d(spread, realism.BINOMIAL, axis=axis, mode="mirror")
        total = level + spread
    np.testing.assert_allclose(total, planes, atol=1e-6)


def test_the_sliced_distance_of_shifted_points_is_the_shift():
    # Along a direction d, points moved by s lie |s.d| apart.
    generator = np.random.default_rng(0)
    points, shift = generator.normal(size=(2, 500, 3)).astype("float32")
    directions = generator.normal(size=(3, 128)).astype("float32")
    expected = np.abs(shift[0] @ directions).mean()
    found = realism._sorted_distances(points, points + shift[0], directions).mean()
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_spectrum_finds_a_wave():
    x = np.arange(160)
    wave = np.rint(127 + 100 * np.sin(2 * np.pi * 20 * x / 160)).astype("uint8")
    pictures = np.broadcast_to(wave[None, None, :, None], (2, 160, 160, 3))
    assert realism.power_spectrum(pictures).argmax() == 20 - 1  # the first entry is 1 cycle


def spoil(images, kind, amount):
    """Real pictures made worse: blurred, noisy, or redder."""
    if kind == "blur":
        return gaussian_filter(images, (0, amount, amount, 0))
    change = np.array([amount, 0, 0])
    if kind == "noise":
        change = np.random.default_rng(0).normal(0, amount, images.shape)
    return np.clip(images + np.rint(change), 0, 255).astype("uint8")


SPOILT = [("blur", (1, 3)), ("noise", (5, 20)), ("colour", (10, 50))]


@pytest.mark.data
@pytest.mark.parametrize(("kind", "amounts"), SPOILT)
def test_worse_pictures_lie_further_from_real_ones(kind, amounts):
    lfw = LFW()
    images = lfw.view("aligned")[np.random.default_rng(0).permutation(len(lfw))[:400]]
    real, other = images[:200], images[200:]

    def distances(fake):
        swd = np.mean(list(realism.sliced_distances(real, fake).values()))
        power = realism.power_spectrum(real) - realism.power_spectrum(fake)
        return swd, np.sqrt(np.square(power).mean())

    floor = distances(other)
    assert floor[0] < 50 and floor[1] < 1
    steps = [floor, *(distances(spoil(other, kind, amount)) for amount in amounts)]
    swd, spectrum = zip(*steps, strict=True)
    assert sorted(swd) == list(swd) and swd[-1] > 3 * floor[0]
    if kind != "colour":  # a constant colour has no frequency
        assert sorted(spectrum) == list(spectrum)


@cache
def some_of_lfw():
    lfw = LFW()
    chosen = np.sort(np.random.default_rng(0).permutation(len(lfw))[:200])
    return lfw.view("aligned")[chosen], lfw.subjects[chosen]


@cache
def separated(kind=None, amount=None):
    """AUC between photographs and the same photographs, spoilt."""
    images, subjects = some_of_lfw()
    fake = images if kind is None else spoil(images, kind, amount)
    held_out, real, reconstructed = two_sample_scores(images, fake, subjects, seed=0)
    assert not set(subjects[held_out]) & set(np.delete(subjects, held_out))
    return auc(np.r_[real, reconstructed], np.repeat([False, True], len(held_out)))


@pytest.mark.data
@pytest.mark.parametrize(("kind", "amounts"), SPOILT)
def test_the_two_sample_test_sees_worse_pictures_better(kind, amounts):
    found = [separated(), *(separated(kind, amount) for amount in amounts)]
    assert found[0] == 0.5  # the same pictures on both sides
    assert all(later > earlier - 0.02 for earlier, later in pairwise(found))
    assert found[-1] > 0.8


def test_each_level_has_a_distance_along_each_direction():
    random = np.random.default_rng(0)
    real, fake = (random.integers(0, 255, (6, 40, 40, 3), "uint8") for _ in range(2))
    levels = realism.sliced_distances(real, fake, seed=3)
    assert all(found.shape == (realism.DIRECTIONS,) for found in levels.values())


def test_contrast_compares_with_the_answers_to_all():
    random = np.random.default_rng(0)
    originals, outputs = random.random((2, 5, 4, 4, 3), dtype="float32")
    every = [np.mean([mse(x[None], y[None])[0] for y in outputs]) for x in originals]
    expected = np.log(every) - np.log(mse(originals, outputs))
    np.testing.assert_allclose(contrast(originals, outputs), expected, rtol=1e-4)
    # All answers alike: nothing is nearer.
    np.testing.assert_allclose(contrast(originals, outputs[:1].repeat(5, axis=0)), 0, atol=1e-5)
