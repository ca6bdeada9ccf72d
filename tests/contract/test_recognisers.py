"""What every recogniser must do."""

import json
import time

import keras
import numpy as np
import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.data import LFW
from gan_inversion.data.weights import MOBILEFACENET
from gan_inversion.recognisers import (
    RECOGNISERS,
    Compact,
    embed_cached,
    load_recogniser,
    open_recogniser,
)
from gan_inversion.recognisers.aligned import AlignedRecogniser
from gan_inversion.recognisers.base import KerasRecogniser, Recogniser, fastest_precision
from gan_inversion.recognisers.facenet import FaceNet
from gan_inversion.recognisers.mobilefacenet import load_weights, mobilefacenet, read_weights

MODERN = (pytest.mark.data, pytest.mark.onnx)
NEEDS = {
    "facenet": pytest.mark.data,
    "dlib": pytest.mark.dlib,
    "sface": MODERN,
    "mobilefacenet": MODERN,
}
MARKED = [pytest.param(name, marks=NEEDS.get(name, ())) for name in RECOGNISERS]


@pytest.fixture(scope="module", params=MARKED)
def recogniser(request) -> Recogniser:
    return load_recogniser(request.param)


@pytest.fixture
def images(faces, recogniser):
    """Drawn faces; photographs where a detector must find a face."""
    source = LFW() if isinstance(recogniser, AlignedRecogniser) else faces
    return source.view("aligned")[:5]


def test_embeddings_are_unit_vectors(recogniser, images):
    embeddings = recogniser.embed(images)
    assert embeddings.shape == (5, recogniser.dimension) and embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_an_embedding_does_not_hang_on_its_batch(recogniser, images):
    one_by_one = np.concatenate([recogniser.embed(image[None]) for image in images])
    np.testing.assert_allclose(recogniser.embed(images), one_by_one, atol=1e-4)


def test_the_digest_names_the_weights(recogniser):
    assert len(recogniser.digest) == 64 and RECOGNISERS[recogniser.name] is type(recogniser)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_its_two_halves_make_the_recogniser(recogniser, images, stages):
    if not isinstance(recogniser, KerasRecogniser):
        pytest.skip("no gradient goes through it")
    look, recognise = recogniser.differentiable("float32", stages)
    maps = keras.tree.flatten(look(images.astype("float32")))
    expected = recogniser.features(images)[:stages] or [images]
    for found, wanted in zip(maps, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=0.05 * np.abs(wanted).max())
    whole = np.asarray(recogniser.model.predict_on_batch(images.astype("float32")))
    cosines = (np.asarray(recognise(maps[-1])) * whole).sum(axis=1)
    np.testing.assert_allclose(cosines, 1, atol=1e-3)
    assert not look.trainable_variables and not recognise.trainable_variables


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 64, 64, 3), "uint8"),
        np.zeros((160, 160, 3), "uint8"),
        np.zeros((2, 160, 160, 3), "float32"),
    ],
)
def test_wrong_pictures_are_a_sentence(recogniser, images):
    with pytest.raises(UserError, match=r"images must be uint8 \(N, 160, 160, 3\)"):
        recogniser.embed(images)


def test_embeddings_are_cached_in_parts(faces, monkeypatch):
    compact = load_recogniser("compact")
    images = faces.view("aligned")
    monkeypatch.setattr("gan_inversion.recognisers.cache.PART", 20)
    asked = []
    embed = compact.embed
    compact.embed = lambda images: asked.append(len(images)) or embed(images)
    first = embed_cached(compact, images, key="test-parts")
    assert asked == [20, 20, 8]
    assert (embed_cached(compact, images, key="test-parts") == first).all()
    assert asked == [20, 20, 8]


def test_the_faster_precision_is_timed_once_and_remembered():
    def turn_in(precision):
        begun.append(precision)
        return lambda: time.sleep(0.02 if precision == "float32" else 0.001)

    begun = []
    assert fastest_precision(turn_in, name="sleeper") == "bfloat16"
    assert sorted(begun) == ["bfloat16", "float32"]
    assert fastest_precision(turn_in, name="sleeper") == "bfloat16"
    assert len(begun) == 2


def test_the_precision_is_timed_where_none_is_given(monkeypatch, tmp_path):
    monkeypatch.delenv("GAN_INVERSION_PRECISION")
    monkeypatch.setenv("GAN_INVERSION_CACHE", str(tmp_path))
    chosen = Compact(precision="auto").precision
    (memory,) = tmp_path.glob("precision/compact-*.json")
    assert json.loads(memory.read_text()) == [chosen] and chosen in ("float32", "bfloat16")


def test_the_precision_can_be_given(monkeypatch):
    monkeypatch.setenv("GAN_INVERSION_PRECISION", "bfloat16")
    assert Compact(precision="auto").precision == "bfloat16"
    monkeypatch.setenv("GAN_INVERSION_PRECISION", "float8")
    with pytest.raises(UserError, match="must be float32 or bfloat16, not 'float8'"):
        Compact(precision="auto")


def test_an_unknown_recogniser_is_a_sentence():
    with pytest.raises(UserError, match="recogniser must be one of facenet, compact, dlib"):
        load_recogniser("arcface")


def test_missing_weights_are_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"expected the 266 FaceNet arrays in .*, got 0"):
        FaceNet(tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["facenet", pytest.param("mobilefacenet", marks=MODERN)])
def test_gradients_reach_the_pixels(name):
    victim = RECOGNISERS[name](precision="float32")
    images = LFW().view("aligned")[:2].astype("float32")
    target = np.asarray(victim.model(images))[::-1]

    def loss(pixels):
        return -keras.ops.sum(victim.model(pixels) * target)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        pixels = tf.Variable(images)
        with tf.GradientTape() as tape:
            value = loss(pixels)
        gradient = np.asarray(tape.gradient(value, pixels))
    else:
        import jax

        gradient = np.asarray(jax.grad(loss)(images))
    assert gradient.shape == images.shape and np.isfinite(gradient).all()
    # Following it makes the faces more alike: it is a gradient and not just numbers.
    step = images - 20 * gradient / np.abs(gradient).max()
    assert float(loss(step)) < float(loss(images)) - 0.01


@pytest.mark.data
@pytest.mark.onnx
def test_the_keras_network_computes_what_the_onnx_file_does():
    faces = np.random.default_rng(0).integers(0, 256, (6, 112, 112, 3), dtype=np.uint8)
    by_onnx = open_recogniser(f"{MOBILEFACENET.verified()}:mobilefacenet").embed(faces)
    network = mobilefacenet(side=112)
    load_weights(network, read_weights(MOBILEFACENET.verified()))
    by_keras = np.asarray(network.predict_on_batch(faces.astype("float32")))
    np.testing.assert_allclose(by_keras, by_onnx, atol=1e-4)


@pytest.mark.data
@pytest.mark.onnx
def test_the_usual_crop_is_nearly_the_aligned_face():
    """What a generator is trained through: no detector, so that gradients reach the pixels."""
    images = LFW().view("aligned")[:40]
    recogniser = load_recogniser("mobilefacenet")
    by_crop = np.asarray(recogniser.model.predict_on_batch(images.astype("float32")))
    assert np.median((by_crop * recogniser.embed(images)).sum(axis=1)) > 0.9
