"""What every inverter must do, whatever it is."""

from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from baselines.controls import MeanFace, NearestFace, Oracle, Random, RidgePCA
from baselines.decoders import DECODERS
from baselines.options import DecoderOptions
from gan_inversion.cgan.inverter import ConditionalGAN
from gan_inversion.cgan.turns import train_in_turn
from gan_inversion.core.errors import UserError
from gan_inversion.data import Subset
from gan_inversion.inverters.families import FAMILIES, changed, specified
from gan_inversion.recognisers import Compact
from tests.conftest import SMALL

pytestmark = pytest.mark.usefixtures("eager")
DIMENSION = 512


@pytest.fixture(scope="module")
def fitted_on(faces):
    images = faces.view("aligned")
    chosen = np.arange(0, len(images), 2)
    embeddings = np.random.default_rng(0).standard_normal((len(chosen), DIMENSION))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype("float32"), Subset(images, chosen)


# Of families with many presets some; every preset of the others.
CHOSEN = {
    "cgan": ("cgan", "cgan_mse", "cgan_black_box"),
    "documented": (
        "documented_dense",
        "documented_conv",
        "documented_conv_bn",
        "augmented_dense",
        "generalised_conv",
    ),
    "private": (),  # trains in a process of its own: see test_private
    "adapter": (),  # looks for an inverter beside its run: see test_adapter
}
SMALL_OPTIONS = {
    **{"epochs": 1, "batch_size": 8, "components": 8},
    **{"steps": 2, "interval": 2, "warmup": 0, "surrogate": 1},
}


def small(name, **changes):
    """A method of the registry, to be trained in a moment."""
    spec = specified(name).rehearsed()
    options = changed(spec.options, SMALL_OPTIONS | changes)
    return replace(spec, options=options).make(recogniser=Compact())


NAMES = [
    name
    for family in FAMILIES.values()
    for name in CHOSEN.get(family.name, tuple(family.presets))
    if not specified(name).make().gives_vectors  # see test_translation
]
INVERTERS = {name: partial(small, name) for name in NAMES}
# Its targets cannot be reached: [-1, 1] behind a sigmoid.
INVERTERS["documented_dense, as documented"] = partial(
    small, "documented_dense", targets="documented"
)


@pytest.fixture(scope="module", params=INVERTERS)
def inverter(request, fitted_on):
    keras.utils.clear_session()
    inverter = INVERTERS[request.param]()
    assert inverter.name == request.param.partition(",")[0]
    inverter.fit(*fitted_on, seed=0)
    return inverter


def test_it_returns_pictures(inverter, fitted_on):
    pictures = inverter.invert(fitted_on[0][:3])
    assert pictures.shape == (3, 160, 160, 3) and pictures.dtype == np.float32
    assert pictures.min() >= 0 and pictures.max() <= 1 + 1e-6


def test_it_is_a_function_of_the_embedding(inverter, fitted_on):
    embeddings = fitted_on[0][:4]
    one_by_one = np.concatenate([inverter.invert(row[None]) for row in embeddings])
    np.testing.assert_allclose(inverter.invert(embeddings), one_by_one, atol=1e-5)


def test_it_loads_what_it_saved(inverter, fitted_on, tmp_path):
    inverter.save(tmp_path / "saved")
    again = type(inverter).load(tmp_path / "saved")
    assert again.name == inverter.name
    np.testing.assert_allclose(
        again.invert(fitted_on[0][:3]), inverter.invert(fitted_on[0][:3]), atol=1e-6
    )


def test_it_says_what_it_knows(inverter):
    assert inverter.knowledge in ("black_box", "white_box")


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros((2, 7), "float32"), r"expected embeddings \(N, 512\), got \(2, 7\)"),
        (np.zeros(512, "float32"), r"expected embeddings \(N, 512\), got \(512,\)"),
        (np.full((1, 512), np.nan, "float32"), "expected finite embeddings"),
    ],
)
def test_wrong_embeddings_are_a_sentence(inverter, embeddings, message):
    with pytest.raises(UserError, match=message):
        inverter.invert(embeddings)


@pytest.mark.parametrize("name", INVERTERS)
def test_wrong_pictures_are_a_sentence(name, fitted_on):
    with pytest.raises(UserError, match="expected embeddings"):
        INVERTERS[name]().fit(fitted_on[0], np.zeros((len(fitted_on[0]), 9, 9, 3)), seed=0)


@pytest.mark.parametrize("name", INVERTERS)
def test_inverting_before_fitting_is_a_sentence(name):
    with pytest.raises(UserError, match="must be fitted or loaded"):
        INVERTERS[name]().invert(np.zeros((1, 512), "float32"))


def test_conditional_gans_trained_in_turn_end_as_if_trained_alone(fitted_on, monkeypatch):
    # TensorFlow's seed, which Keras' function sets, throws the compiled step away.
    monkeypatch.setattr(keras.utils, "set_random_seed", lambda seed: pytest.fail("seed set"))
    embeddings, images = fitted_on
    config = replace(SMALL, steps=2)
    members = np.random.default_rng(0).random((len(images), 2)) < 0.5
    recogniser = Compact()
    found = [
        inverter.model.get_weights()
        for inverter in train_in_turn(
            config, embeddings, images, members, seeds=(3, 4), recogniser=recogniser
        )
    ]
    for own, seed, weights in zip(members.T, (3, 4), found, strict=True):
        alone = ConditionalGAN(config, recogniser=recogniser)
        alone.fit(embeddings[own], Subset(images, np.flatnonzero(own)), seed=seed)
        for one, other in zip(weights, alone.model.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    few = np.arange(len(images))[:, None] < [8, 2]
    with pytest.raises(UserError, match="expected 4 images or more, got 2"):
        next(train_in_turn(config, embeddings, images, few, seeds=(3, 4), recogniser=recogniser))
    with pytest.raises(UserError, match="one phase and no mirror images"):
        next(
            train_in_turn(
                replace(config, steps=4, warmup=2),
                embeddings,
                images,
                members,
                seeds=(3, 4),
                recogniser=recogniser,
            )
        )


# What each control is for.


def test_the_oracle_returns_the_very_pictures(fitted_on):
    oracle = Oracle()
    oracle.fit(*fitted_on, seed=0)
    originals = fitted_on[1][np.arange(len(fitted_on[0]))] / np.float32(255)
    np.testing.assert_array_equal(oracle.invert(fitted_on[0]), originals)


def test_the_nearest_face_is_that_of_the_most_similar_embedding(fitted_on):
    nearest = NearestFace()
    nearest.fit(*fitted_on, seed=0)
    asked = 0.9 * fitted_on[0][[5]] + 0.1 * fitted_on[0][[6]]
    expected = fitted_on[1][np.array([5])] / np.float32(255)
    np.testing.assert_array_equal(nearest.invert(asked), expected)


def test_random_pictures_do_not_follow_the_embedding(fitted_on):
    random = Random()
    random.fit(*fitted_on, seed=0)
    embeddings = np.random.default_rng(1).standard_normal((200, 512)).astype("float32")
    pictures = random.invert(embeddings)
    assert len({picture.tobytes() for picture in pictures}) > 15  # of 24
    own = fitted_on[1][np.arange(24)] / np.float32(255)
    hits = (random.invert(fitted_on[0]) == own).all(axis=(1, 2, 3)).sum()
    assert hits <= 5  # one is expected by chance


def test_the_mean_face_is_the_mean(fitted_on):
    mean = MeanFace()
    mean.fit(*fitted_on, seed=0)
    images = fitted_on[1][np.arange(24)]
    np.testing.assert_allclose(
        mean.invert(fitted_on[0][:1])[0], images.mean(axis=0) / 255, atol=1e-6
    )


def test_ridge_finds_a_linear_world(faces):
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((400, 4)).astype("float32")
    directions = rng.standard_normal((4, 160 * 160 * 3)) * 8
    flat = np.clip(128 + embeddings @ directions, 0, 255)
    images = flat.reshape(-1, 160, 160, 3).astype("uint8")
    ridge = RidgePCA(components=8)
    ridge.fit(embeddings[:300], images[:300], seed=0)
    error = np.abs(ridge.invert(embeddings[300:]) - images[300:] / 255).mean()
    assert error < 0.01 < np.abs(images[300:] / 255 - 0.5).mean() / 4


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("dense", 20_131_584), ("conv", 40_015_872), ("conv_bn", 40_213_472)],
)
def test_the_decoders_have_the_documented_parameters(name, parameters):
    assert DECODERS[name]().count_params() == parameters


def test_an_unknown_decoder_is_a_sentence():
    with pytest.raises(UserError, match="expected one of dense, conv, conv_bn, not 'deep'"):
        DecoderOptions("deep")


@pytest.mark.parametrize(("decoder", "parameters"), [("dense", 19_934_976), ("conv", 39_622_656)])
def test_a_generalised_decoder_takes_128_numbers_and_is_otherwise_the_thesis(decoder, parameters):
    assert DECODERS[decoder](128).count_params() == parameters
    thesis, ours = DECODERS[decoder](), DECODERS[decoder](128)
    assert [type(layer) for layer in thesis.layers] == [type(layer) for layer in ours.layers]


def test_the_thesis_decoders_refuse_128_numbers_and_say_what_takes_them(faces):
    embeddings, images = np.eye(128, dtype="float32"), np.zeros((128, 160, 160, 3), "uint8")
    with pytest.raises(UserError, match=r"of 512 numbers, as in the thesis, got 128: generalised_"):
        small("documented_dense").fit(embeddings, images, seed=0)
    with pytest.raises(UserError, match="expected embeddings of 128, 512, 1152 or 2048 numbers"):
        small("generalised_conv").fit(np.eye(100, dtype="float32"), images[:100], seed=0)
    inverter = small("generalised_dense")
    inverter.fit(embeddings, images, seed=0)
    assert inverter.dimension == 128 and inverter.invert(embeddings[:2]).shape[0] == 2
