"""The conditional GAN's training: it resumes, stops, and computes what it was told to."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import keras
import numpy as np
import pytest

from gan_inversion.cgan import inverter as cgan
from gan_inversion.cgan.adversarial import StepBatches, between
from gan_inversion.cgan.build import adversaries, opened
from gan_inversion.cgan.correct import back_projected
from gan_inversion.cgan.gradient import input_gradients
from gan_inversion.cgan.inverter import ConditionalGAN
from gan_inversion.cgan.linear import whitening_weights
from gan_inversion.cgan.mirror import with_mirrors
from gan_inversion.cgan.networks import WHITENING, discriminator, generator
from gan_inversion.cgan.options import TERMS
from gan_inversion.cgan.presets import METHODS
from gan_inversion.cgan.speed import products
from gan_inversion.core.errors import UserError
from gan_inversion.core.run import Run, to_uint8
from gan_inversion.inverters.loop import fit, save_state
from gan_inversion.recognisers import Compact
from tests.conftest import JAX, ROOT, SMALL

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def faces_embedded(faces):
    images = faces.view("aligned")
    recogniser = Compact()
    return recogniser, recogniser.embed(images), images


def trained(faces_embedded, folder, config=SMALL):
    keras.utils.clear_session()
    recogniser, embeddings, images = faces_embedded
    inverter = ConditionalGAN(config, recogniser=recogniser)
    with Run(folder, {}) as run:
        inverter.fit(embeddings, images, seed=0, run=run)
        return inverter, run.history()


@pytest.fixture(scope="module")
def through(faces_embedded, tmp_path_factory):
    """A conditional GAN trained without interruption, and its log."""
    return trained(faces_embedded, tmp_path_factory.mktemp("through"))


def test_a_resumed_run_ends_with_the_same_numbers(faces_embedded, through, tmp_path):
    through, lines = through
    trained(faces_embedded, tmp_path / "stopped", replace(SMALL, steps=2))
    resumed, again = trained(faces_embedded, tmp_path / "stopped")
    assert len(again) == len(lines) == 2
    for one, other in zip(lines, again, strict=True):
        for name in set(one) - {"seconds"}:
            assert other[name] == pytest.approx(one[name], rel=1e-4), name
    embeddings = faces_embedded[1][:4]
    np.testing.assert_allclose(resumed.invert(embeddings), through.invert(embeddings), atol=1e-4)


def test_a_discriminator_that_comes_later_finds_the_generator_that_there_was(
    faces_embedded, tmp_path, monkeypatch
):
    config = replace(SMALL, steps=4, warmup=2)
    through, lines = trained(faces_embedded, tmp_path / "through", config)
    assert [line["step"] for line in lines] == [1, 2]
    assert "train_discriminator" in lines[1] and "train_discriminator" not in lines[0]
    without, _ = trained(faces_embedded, tmp_path / "without", config.phases[0])
    embeddings = faces_embedded[1][:4]
    apart = np.abs(without.invert(embeddings) - through.invert(embeddings)).mean()
    assert 0 < apart < 0.05  # it went on from there

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    def until_then(*arguments, **options):
        fit(*arguments, **options)
        monkeypatch.setattr(cgan, "fit", interrupted)

    monkeypatch.setattr(cgan, "fit", until_then)
    with pytest.raises(KeyboardInterrupt):
        trained(faces_embedded, tmp_path / "stopped", config)
    monkeypatch.setattr(cgan, "fit", fit)
    resumed, again = trained(faces_embedded, tmp_path / "stopped", config)
    assert [line["step"] for line in again] == [1, 2]
    assert again[1]["train_loss"] == pytest.approx(lines[1]["train_loss"], rel=1e-4)
    np.testing.assert_allclose(resumed.invert(embeddings), through.invert(embeddings), atol=1e-4)
    assert not list(tmp_path.glob("stopped/warmup*"))


@pytest.mark.parametrize(("steps", "warmup"), [(4, 4), (4, 1)])
def test_phases_that_cannot_be_are_a_sentence(steps, warmup):
    with pytest.raises(UserError, match=r"expected (fewer steps|a whole number)"):
        replace(SMALL, steps=steps, warmup=warmup)


def test_the_discriminator_credits_what_it_was_shown(faces_embedded, through, tmp_path):
    inverter, _ = through
    _, embeddings, images = faces_embedded
    found = inverter.discriminator_logits(embeddings[:20], images[:20])
    assert found.shape == (20,) and np.isfinite(found).all() and found.std() > 0
    # The first block of 16 does not hang on the second.
    np.testing.assert_allclose(
        inverter.discriminator_logits(embeddings[:16], images[:16]), found[:16], atol=1e-5
    )
    inverter.save(tmp_path / "saved")
    with pytest.raises(UserError, match="has no discriminator"):
        ConditionalGAN.load(tmp_path / "saved").discriminator_logits(embeddings[:1], images[:1])


def test_every_term_is_in_the_log(faces_embedded, tmp_path):
    config = replace(SMALL, l2=1.0, diversity=0.1, steps=1, interval=1)
    _, (line,) = trained(faces_embedded, tmp_path, config)
    assert {f"train_{name}" for name in (*config.terms, "loss", "discriminator")} <= set(line)
    assert len(config.terms) == 8
    total = sum(getattr(config, name) * line[f"train_{name}"] for name in config.terms)
    assert line["train_loss"] == pytest.approx(total, rel=1e-4)


def test_training_stops_when_the_loss_is_not_finite(faces_embedded, tmp_path):
    with pytest.raises(UserError, match="training diverged: the loss is not finite in epoch"):
        wild = replace(
            SMALL, learning_rate=1e30, discriminator_learning_rate=1e30, steps=2, interval=2
        )
        trained(faces_embedded, tmp_path, wild)


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "relativistic", "gradient_penalty": 1.0},
        {"projected": 0.0, "gradient_penalty": 1.0, "augment": False},
        dict.fromkeys(TERMS, 0.0) | {"l1": 1.0, "noise": 0},
        {"committee": ("compact=2",), "target": "view", "imagined": 2},
        dict.fromkeys(TERMS, 0.0) | {"committee": ("compact=2",), "noise": 0},
    ],
)
def test_each_player_moves_and_the_recogniser_does_not(faces_embedded, changes):
    keras.utils.clear_session()
    recogniser, embeddings, images = faces_embedded
    config = replace(SMALL, steps=2, **changes)
    before = [np.array(weight) for weight in recogniser.model.weights]
    players = adversaries(config, embeddings.shape[1], recogniser, seed=0)
    assert len(players.players) == (2 if config.adversarial else 1)
    names = [variable.path for variable in players.trainable_variables]
    own = [variable.path for player in players.players for variable in player.trainable_variables]
    assert names == own
    states = [[np.array(v) for v in player.trainable_variables] for player in players.players]
    players.fit(StepBatches(embeddings, images, config, seed=0, interval=0), verbose=0)
    for player, state in zip(players.players, states, strict=True):
        pairs = zip(player.trainable_variables, state, strict=True)
        moved = [np.abs(np.asarray(variable) - old).max() > 0 for variable, old in pairs]
        assert np.mean(moved) > 0.9
    for weight, old in zip(recogniser.model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_the_recogniser_is_given_to_a_step_but_no_part_of_the_checkpoint(faces_embedded, tmp_path):
    keras.utils.clear_session()
    recogniser, embeddings, _ = faces_embedded
    players = adversaries(SMALL, embeddings.shape[1], recogniser, seed=0)
    given = {id(variable) for variable in players.non_trainable_variables}
    frozen = players.recogniser.variables
    assert len(frozen) == len(recogniser.model.weights)
    assert all(id(variable) in given for variable in frozen)
    names = {variable.path for variable in frozen}
    assert not names & {variable.path for variable in players.variables}
    save_state(players, tmp_path / "checkpoint.npz")
    kept = sum(len(model.weights) for model in (players.average, *players.players))
    with np.load(tmp_path / "checkpoint.npz") as file:
        moments = sum(len(optimizer.variables) for optimizer in players.optimizers)
        assert len(file.files) == kept + moments


def test_a_committee_adds_its_weighted_cosines(faces_embedded):
    """Of the recogniser itself in the same views: the identity term with the view as target."""
    keras.utils.clear_session()
    recogniser, embeddings, images = faces_embedded
    config = replace(SMALL, steps=2, target="view", committee=("compact=2",), recogniser_stride=1)
    players = adversaries(config, embeddings.shape[1], recogniser, seed=0)
    assert config.terms[-1] == "committee" and config.weight("committee") == 1.0
    logs = players.fit(StepBatches(embeddings, images, config, seed=0, interval=0), verbose=0)
    identity, committee = (logs.history[name][0] for name in ("identity", "committee"))
    assert committee == pytest.approx(2 * identity, rel=1e-4) and identity > 0.05


def test_whitening_makes_small_directions_as_large_as_others(faces_embedded, tmp_path):
    keras.utils.clear_session()
    random = np.random.default_rng(0)
    deviations = np.repeat([0.5, 0.1, 1e-3, 1e-6], 4)
    turned = np.linalg.qr(random.standard_normal((16, 16)))[0]
    vectors = (1 + random.standard_normal((2000, 16)) * deviations) @ turned
    kernel, bias = whitening_weights(vectors.astype("float32"), 1e-3)
    variances = np.cov(vectors.astype("float32") @ kernel + bias, rowvar=False)
    expected = deviations**2 / (deviations**2 + 1e-6)
    np.testing.assert_allclose(np.linalg.eigvalsh(variances), np.sort(expected), atol=0.1)
    np.testing.assert_allclose(variances, np.diag(np.diag(variances)), atol=0.01)

    config = replace(SMALL, steps=2, whitening=1e-3, precision="mixed_bfloat16")
    inverter, _ = trained(faces_embedded, tmp_path / "run", config)
    saved = inverter.model.get_layer(WHITENING).get_weights()
    for one, other in zip(saved, whitening_weights(faces_embedded[1], 1e-3), strict=True):
        np.testing.assert_array_equal(one, other)  # as it was before the training
    inverter.save_half(tmp_path / "half")
    for one, other in zip(
        ConditionalGAN.load(tmp_path / "half").model.get_layer(WHITENING).get_weights(),
        saved,
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_recogniser_need_not_reach_the_colours(faces_embedded):
    recogniser, embeddings, images = faces_embedded
    chosen = keras.ops.convert_to_tensor(images[:2], "float32") / 255
    given, slopes = {}, {}
    for greyscale in (False, True):
        config = replace(SMALL, greyscale=greyscale)
        frozen = adversaries(config, embeddings.shape[1], recogniser, seed=0).recogniser

        def score(inputs, frozen=frozen):
            return frozen.embed(frozen.maps(inputs[0]))[:, 0]

        given[greyscale] = np.asarray(score([chosen]))
        slopes[greyscale] = np.asarray(input_gradients(score, [chosen])[0])
    np.testing.assert_allclose(given[True], given[False], atol=1e-5)
    assert np.abs(slopes[False] - slopes[False].mean(axis=3, keepdims=True)).max() > 0
    expected = np.repeat(slopes[False].mean(axis=3, keepdims=True), 3, axis=3)
    np.testing.assert_allclose(slopes[True], expected, atol=1e-6)


def test_a_discriminator_need_not_see_colours(faces_embedded):
    _, embeddings, images = faces_embedded
    pictures = images[:4].astype("float32") / 255
    cast = np.array([0.1, -0.2, 0.1], "float32")  # another colour, as bright
    for greyscale in (False, True):
        network = discriminator(embeddings.shape[1], width=4, greyscale=greyscale)
        one, other = (
            np.asarray(network([shown, embeddings[:4]])) for shown in (pictures, pictures + cast)
        )
        assert np.allclose(one, other, atol=1e-5) is greyscale


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"committee": ("sface=1",)}, "none of dlib, sface, got 'sface=1'"),
        ({"committee": ("mobilefacenet",)}, "as name=weight, .* got 'mobilefacenet'"),
        ({"committee": ("mobilefacenet=-1",)}, "got 'mobilefacenet=-1'"),
        ({"committee": ("=2",)}, "got '=2'"),
        ({"committee": ("mobilefacenet=inf",)}, "got 'mobilefacenet=inf'"),
        ({"imagined": 99}, "expected at most 4 imagined people a step"),
        ({"imagined": -1}, "expected 0 to 1000000 for --imagined, got -1"),
        ({"imagined": 1, "identity": 0.0}, "an identity term, got 1 with the weight 0.0"),
        ({"mirrored": True, "knowledge": "black_box", "corrections": 0}, "mirror images need"),
        ({"committee": ("facenet=1", "facenet=2")}, "each .* once, got facenet twice"),
        ({"interval": 0}, "expected 1 to 100000000 for --interval, got 0"),
        ({"stages": 0}, "expected 1 to 3 for --stages, got 0"),
        ({"noise": -1}, "expected 0 to 100000 for --noise, got -1"),
        ({"ema": 1.5}, "expected 0 to 1 for --ema, got 1.5"),
        ({"whitening": float("nan")}, "expected 0 to 1 for --whitening, got nan"),
        ({"learning_rate": float("nan")}, "for --learning-rate, got nan"),
        ({"side": 128}, "expected a side of 64, 112 or 160 pixels, got 128"),
        ({"loss": "relativistic"}, "expected a gradient penalty for the relativistic loss"),
    ],
)
def test_options_that_contradict_each_other(changes, sentence):
    with pytest.raises(UserError, match=sentence):
        replace(SMALL, **changes)


def test_imagined_people_lie_between_two(faces_embedded):
    _, embeddings, images = faces_embedded
    config = replace(SMALL, imagined=4)
    batch = StepBatches(embeddings, images, config, seed=0, interval=0)[0][0]
    cosines = batch["imagined"] @ embeddings.T
    np.testing.assert_allclose(np.linalg.norm(batch["imagined"], axis=1), 1, rtol=1e-5)
    assert cosines.max() < 0.999  # nobody's own
    one, other = np.eye(2, dtype="float32")[[0]], np.eye(2, dtype="float32")[[1]]
    for share in (0.3, 0.5):
        (x, y) = between(one, other, np.array([[share]]))[0]
        assert np.arctan2(y, x) == pytest.approx(share * np.pi / 2)
    np.testing.assert_allclose(between(one, one, np.array([[0.5]])), one)


def test_mirror_images_are_trained_on_with_embeddings_of_their_own(faces_embedded):
    recogniser, embeddings, images = faces_embedded
    vectors, both = with_mirrors(embeddings, images, recogniser)
    count = len(images)
    assert both.shape == (2 * count, *images.shape[1:]) and len(vectors) == len(both)
    np.testing.assert_array_equal(both[:count], images)
    chosen = np.array([3, count + 3, count + 1])
    turned = np.stack([images[3], images[3][:, ::-1], images[1][:, ::-1]])
    np.testing.assert_array_equal(both[chosen], turned)
    np.testing.assert_allclose(vectors[chosen], recogniser.embed(turned), atol=1e-5)
    with pytest.raises(UserError, match="expected the recogniser"):
        with_mirrors(embeddings, images, None)
    inverter = ConditionalGAN(replace(SMALL, steps=2, mirrored=True), recogniser=recogniser)
    inverter.fit(embeddings, images, seed=0)
    assert inverter.invert(embeddings[:2]).shape == (2, 160, 160, 3)


@pytest.mark.data
@pytest.mark.onnx
def test_a_real_committee_pulls_at_the_pixels(faces_embedded):
    keras.utils.clear_session()
    recogniser, embeddings, images = faces_embedded
    config = replace(SMALL, steps=2, committee=("mobilefacenet=3",))
    players = adversaries(config, embeddings.shape[1], recogniser, seed=0)
    logs = players.fit(StepBatches(embeddings, images, config, seed=0, interval=0), verbose=0)
    assert 0.1 < logs.history["committee"][0] < 6
    with pytest.raises(UserError, match="a committee of Keras models, got dlib"):
        opened("dlib")


def test_each_player_has_its_own_learning_rate(faces_embedded):
    """Adam's first step is the learning rate itself, whatever the gradient."""
    keras.utils.clear_session()
    recogniser, embeddings, images = faces_embedded
    config = replace(
        SMALL, steps=1, interval=1, learning_rate=1e-3, discriminator_learning_rate=3e-3
    )
    players = adversaries(config, embeddings.shape[1], recogniser, seed=0)
    states = [[np.array(v) for v in player.trainable_variables] for player in players.players]
    players.fit(StepBatches(embeddings, images, config, seed=0, interval=0), verbose=0)
    for player, state, rate in zip(players.players, states, (1e-3, 3e-3), strict=True):
        pairs = zip(player.trainable_variables, state, strict=True)
        moved = max(np.abs(np.asarray(variable) - old).max() for variable, old in pairs)
        assert moved == pytest.approx(rate, rel=1e-2)


def test_batches_hang_on_seed_and_step_only(faces_embedded):
    _, embeddings, images = faces_embedded
    config = replace(SMALL, steps=40, interval=20)
    first, second = (StepBatches(embeddings, images, config, seed=0, interval=i) for i in (0, 1))
    through = StepBatches(embeddings, images, replace(config, interval=40), seed=0, interval=0)
    for name in ("images", "embeddings", "noise"):
        np.testing.assert_array_equal(second[3][0][name], through[23][0][name])
    rounds = [first[step][0]["embeddings"] for step in range(12)]  # 48 images, 4 a step
    assert len(np.unique(np.concatenate(rounds), axis=0)) == 48


def test_without_its_recogniser_or_images_it_says_so(faces_embedded):
    recogniser, embeddings, images = faces_embedded
    with pytest.raises(UserError, match="expected one that is a Keras model, got none"):
        ConditionalGAN(SMALL).fit(embeddings, images, seed=0)
    with pytest.raises(UserError, match="no corrections by a recogniser that is a black box"):
        replace(SMALL, knowledge="black_box")
    with pytest.raises(UserError, match="expected 4 images or more, got 3"):
        ConditionalGAN(SMALL, recogniser=recogniser).fit(embeddings[:3], images[:3], seed=0)


def test_an_attacker_knows_the_recogniser_if_anything_asks_it():
    pixels = METHODS["cgan_l1_ssim_cpu"]
    assert ConditionalGAN(pixels).knowledge == "black_box"
    for asking in ({"corrections": 1}, {"identity": 1.0}, {"midlayer": 1.0}, {"mirrored": True}):
        assert ConditionalGAN(replace(pixels, **asking)).knowledge == "white_box"
    assert ConditionalGAN(METHODS["cgan_black_box_cpu"]).knowledge == "black_box"


def test_the_generator_has_grain_to_take_its_texture_from():
    keras.utils.set_random_seed(0)
    model = generator(32, noise=16, side=64, width=4)
    grains = [layer for layer in model.layers if layer.name.startswith("grain")]
    assert [layer.name for layer in grains] == ["grain_8", "grain_16", "grain_32"]
    noise = np.random.default_rng(0).standard_normal((200, 16), "float32")
    maps = np.asarray(grains[-1](noise)).reshape(200, 32, 32)
    assert maps.std() == pytest.approx(1, abs=0.1)
    neighbours = np.corrcoef(maps[:, :, :-1].ravel(), maps[:, :, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.05
    assert not any(layer.trainable_variables for layer in grains)
    plain = generator(32, noise=0, side=64, width=4)
    assert not any(layer.name.startswith("grain") for layer in plain.layers)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts in TensorFlow's graph")
def test_the_operations_of_a_known_step_are_counted():
    """By hand: of the dense layer the gradient alone, which does not need the layer's output; of
    the convolution both directions."""
    import tensorflow as tf

    dense, conv = keras.layers.Dense(7, use_bias=False), keras.layers.Conv2D(5, 3, use_bias=False)
    x, pictures = tf.ones((2, 4)), tf.ones((2, 8, 8, 3))

    def step():
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            total = tf.reduce_sum(dense(x)) + tf.reduce_sum(conv(pictures) ** 2)
        return tape.gradient(total, [dense.kernel, conv.kernel, pictures])

    step()
    graph = tf.function(step).get_concrete_function().graph
    product, convolution = 2 * 4 * 7, 2 * 6 * 6 * 5 * 27
    assert products(graph) == pytest.approx(2e-9 * (product + 3 * convolution))


def test_a_discriminator_may_see_smaller_images(faces_embedded, tmp_path):
    _, embeddings, images = faces_embedded
    config = replace(SMALL, discriminator_side=64, steps=1, interval=1)
    inverter, (line,) = trained(faces_embedded, tmp_path, config)
    assert inverter._players.discriminator.inputs[0].shape == (None, 64, 64, 3)
    assert np.isfinite(line["train_discriminator"])
    assert np.isfinite(inverter.discriminator_logits(embeddings[:4], images[:4])).all()
    with pytest.raises(UserError, match="expected a side of 64, 112 or 160 pixels, got 32"):
        replace(SMALL, discriminator_side=32)


def test_a_players_gradient_is_that_of_its_own_loss(faces_embedded):
    """Each has a tape of its own; one that records everything gives the same slopes."""
    tf = pytest.importorskip("tensorflow")
    recogniser, embeddings, images = faces_embedded
    players = adversaries(SMALL, embeddings.shape[1], recogniser, seed=0)
    drawn = StepBatches(embeddings, images, SMALL, seed=0, interval=0)[0]
    (batch,) = tf.nest.map_structure(tf.convert_to_tensor, drawn)
    found, losses, losses_of = [], [], players.losses
    for optimizer in players.optimizers:
        optimizer.apply = lambda slopes, _: found.append(slopes)
    players.losses = lambda batch: losses.extend(losses_of(batch)) or losses
    with tf.GradientTape(persistent=True) as tape:
        players.train_step((batch,))
    assert len(found) == len(losses) == 2
    for slopes, loss, player in zip(found, losses, players.players, strict=True):
        expected = tape.gradient(loss, player.trainable_variables)
        for one, other in zip(slopes, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def losses_from_given_weights(images):
    """Losses of two steps from weights that are the same on every backend."""
    config = replace(SMALL, loss="relativistic", gradient_penalty=0.5, diversity=0.1, ramp=4)
    recogniser = Compact()
    players = adversaries(config, 512, recogniser, seed=0)
    random = np.random.default_rng(0)
    for model in (*players.players, players.average):
        model.set_weights([0.05 * random.standard_normal(w.shape) for w in model.weights])
    draws = StepBatches(recogniser.embed(images), images, config, seed=0, interval=0)
    found = players.fit(draws, shuffle=False, verbose=0).history
    return np.array([found[name][-1] for name in sorted(found)])


ELSEWHERE = """
from gan_inversion.core.backend import load_backend
load_backend()
import jax, keras, numpy as np
assert keras.backend.backend() == "jax" and len(jax.devices()) == 2
keras.distribution.set_distribution(keras.distribution.DataParallel())
from tests.unit.test_adversarial import losses_from_given_weights
assert jax.config.jax_default_matmul_precision == "float32"
np.save("found.npy", losses_from_given_weights(np.load("images.npy")))
"""


def test_two_devices_under_jax_give_the_losses_of_one(faces, tmp_path):
    """And, as these tests run under TensorFlow, both backends give the same losses."""
    pytest.importorskip("jax")
    images = faces.view("aligned")[:24]
    np.save(tmp_path / "images.npy", images)
    environment = {**os.environ, **JAX, "PYTHONPATH": str(ROOT)}
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    script = [sys.executable, "-c", ELSEWHERE]
    process = subprocess.Popen(script, cwd=tmp_path, env=environment)
    expected = losses_from_given_weights(images)
    assert len(expected) == 9 and np.isfinite(expected).all()
    assert process.wait() == 0
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, rtol=1e-3)


def test_corrections_bring_pictures_nearer_to_the_wanted_embeddings():
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.standard_normal((8, 8)))[0].astype("float32")
    wanted = random.standard_normal((20, 8)).astype("float32")
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    shrunk = np.linspace(0.3, 1, 8, dtype="float32")  # what this generator does to an embedding

    def draw(given):
        pictures = np.full((len(given), 160, 160, 3), 0.5, "float32")
        pictures[:, :8, 0, 0] += 0.2 * (given @ basis) * shrunk
        return pictures

    def embed(pictures):
        found = (pictures[:, :8, 0, 0] / np.float32(255) - 0.5) @ basis.T
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def cosines(corrections, gain=0.4):
        pictures = back_projected(draw, embed, wanted, corrections=corrections, gain=gain)
        return (embed(to_uint8(pictures)) * wanted).sum(axis=1)

    assert (back_projected(draw, embed, wanted, corrections=0, gain=1) == draw(wanted)).all()

    def finds_none(pictures):
        return np.where(np.arange(len(pictures))[:, None] < 3, np.nan, embed(pictures))

    kept = back_projected(draw, finds_none, wanted, corrections=2, gain=0.4)
    np.testing.assert_array_equal(kept[:3], draw(wanted)[:3])  # a picture, if not a better one
    assert not np.array_equal(kept[3:], draw(wanted)[3:])
    found = [cosines(corrections) for corrections in (0, 1, 3, 10)]
    assert all((later >= earlier).all() for earlier, later in pairwise(found))
    assert found[0].mean() < 0.97 and found[-1].mean() > 0.999
    # Moved too far, the pictures are worse than the first: that one stays.
    assert (cosines(3, gain=-5) == cosines(0)).all()
