import numpy as np
import pytest

from baselines.inverter import Varied, in_range
from gan_inversion.core.seeding import stream
from gan_inversion.inverters.augment import draw_views, view
from gan_inversion.inverters.loop import shuffled


def pictures(count=2, side=16):
    return np.random.default_rng(0).random((count, side, side, 3), "float32")


def plain(count, side, **changes):
    views = {
        "shift": np.zeros((count, 2), "float32"),
        "scale": np.ones((count, 2), "float32"),
        "noise": np.zeros((count, side, side, 3), "float32"),
    }
    return {**views, **changes}


def test_a_view_without_changes_is_the_picture():
    np.testing.assert_allclose(view(pictures(), plain(2, 16)), pictures(), atol=1e-5)


def test_a_shift_by_whole_pixels_moves_the_picture_and_repeats_its_edge():
    shift = np.array([[2 / 16, 0], [0, -3 / 16]], "float32")
    found = np.asarray(view(pictures(), plain(2, 16, shift=shift)))
    np.testing.assert_allclose(found[0, :-2], pictures()[0, 2:], atol=1e-4)
    np.testing.assert_allclose(found[0, -1], pictures()[0, -1], atol=1e-4)
    np.testing.assert_allclose(found[1, :, 3:], pictures()[1, :, :-3], atol=1e-4)


def test_a_negative_scale_mirrors():
    scale = np.array([[1, -1], [1, 1]], "float32")
    found = np.asarray(view(pictures(), plain(2, 16, scale=scale)))
    np.testing.assert_allclose(found[0], pictures()[0, :, ::-1], atol=1e-5)
    np.testing.assert_allclose(found[1], pictures()[1], atol=1e-5)


def test_resizing_keeps_the_centre_of_a_ramp():
    ramp = np.broadcast_to(np.arange(16, dtype="float32")[None, :, None, None], (1, 16, 16, 3))
    found = np.asarray(view(ramp, plain(1, 16, scale=np.full((1, 2), 2, "float32"))))
    np.testing.assert_allclose(np.diff(found[0, 2:-2, 0, 0]), 0.5, atol=1e-4)
    np.testing.assert_allclose(found[0].mean(), 7.5, atol=1e-4)


def test_a_view_may_be_larger_than_the_picture():
    assert view(pictures(), plain(2, 32)).shape == (2, 32, 32, 3)


def test_a_sharp_view_moves_and_mirrors_by_whole_pixels_and_changes_none():
    views = plain(
        2,
        16,
        shift=np.array([[2.3 / 16, 0.4 / 16], [0, 0]], "float32"),
        scale=np.array([[1.1, 1.1], [0.9, -0.9]], "float32"),
        noise=np.ones((2, 16, 16, 3), "float32"),
    )
    found = np.asarray(view(pictures(), views, sharp=True))
    np.testing.assert_allclose(found[0, :-2], pictures()[0, 2:], atol=1e-4)
    np.testing.assert_allclose(found[1], pictures()[1, :, ::-1], atol=1e-4)


def test_colours():
    def seen(*colour):
        return np.asarray(view(pictures(), plain(2, 16, colour=np.array([colour] * 2, "float32"))))

    np.testing.assert_allclose(seen(0, 1, 1), pictures(), atol=1e-5)
    np.testing.assert_allclose(seen(0.1, 1, 1), pictures() + 0.1, atol=1e-5)
    grey = seen(0, 1, 0)
    np.testing.assert_allclose(grey[..., 0], grey[..., 2], atol=1e-5)
    flat = seen(0, 0, 1)
    np.testing.assert_allclose(flat[1], pictures()[1].mean(), atol=1e-5)


@pytest.mark.parametrize("strong", [False, True])
def test_draws_hang_on_the_stream_and_stay_in_their_limits(strong):
    first, again, other = (draw_views(stream(s, "v"), 500, 8, strong=strong) for s in (0, 0, 1))
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])
        assert values.dtype == np.float32 and len(values) == 500
        assert np.abs(values - other[name]).max() > 0
    assert ("colour" in first) == strong
    assert (first["scale"][:, 1] < 0).mean() == pytest.approx(0.5 if strong else 0, abs=0.1)
    assert np.abs(first["shift"]).max() <= 0.05
    assert np.abs(first["scale"]).min() >= 1 / 1.1 and np.abs(first["scale"]).max() <= 1.1


def test_half_of_the_pictures_keep_their_colours():
    colours = draw_views(stream(0, "v"), 500, 8, strong=True)["colour"]
    untouched = (colours == [0, 1, 1]).all(axis=1)
    assert untouched.mean() == pytest.approx(0.5, abs=0.1)
    assert np.ptp(colours[~untouched], axis=0).min() > 0.2


def test_an_augmented_decoder_sees_every_image_in_another_way_each_epoch():
    images = (255 * pictures(4, 160)).astype("uint8")
    batches = shuffled(np.eye(4, dtype="float32"), images, batch_size=2, seed=0)

    def seen(epoch):
        varied = Varied(batches(epoch), lambda p: in_range(p, low=0, high=1), seed=0, epoch=epoch)
        assert len(varied) == 2
        parts = [varied[place] for place in range(2)]
        order = np.concatenate([inputs for inputs, _ in parts]).argmax(axis=1)
        return np.concatenate([targets for _, targets in parts])[np.argsort(order)]

    first = seen(0)
    assert first.dtype == np.float32 and first.min() >= 0 and first.max() <= 1
    np.testing.assert_array_equal(first, seen(0))
    assert (np.abs(first - seen(1)).mean(axis=(1, 2, 3)) > 0.01).all()
    assert (np.abs(first - images / 255).mean(axis=(1, 2, 3)) > 0.01).all()
