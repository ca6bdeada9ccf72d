"""ONNX recognisers: what their cards declare, what they compute, and what is refused."""

import json

import numpy as np
import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.recognisers import open_recogniser
from gan_inversion.recognisers.card import Card, read_card, ready

pytestmark = pytest.mark.onnx
onnx = pytest.importorskip("onnx")
helper, tensors = onnx.helper, onnx.numpy_helper

VALUES = {"colours": "RGB", "mean": 0, "deviation": 255, "alignment": "none"}
FLOAT = onnx.TensorProto.FLOAT


def network(shape=("N", 3, 160, 160), *, pooled=(2, 3), **changes):
    """A network from images to the mean of each colour, doubled: (N, 3)."""
    weight = tensors.from_array(np.full(3, 2, "float32"), "weight")
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "weight"], ["vector"], domain=changes.get("domain", "")),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [
            helper.make_tensor_value_info(name, changes.get("type", FLOAT), shape)
            for name in changes.get("inputs", ("image",))
        ],
        [
            helper.make_tensor_value_info(name, FLOAT, None)
            for name in changes.get("outputs", ("vector",))
        ],
        [weight, tensors.from_array(np.array(pooled, "int64"), "axes")],
    )
    domains = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    return helper.make_model(graph, opset_imports=domains, ir_version=9)


@pytest.fixture
def saved(tmp_path):
    """Saves a network, with its card beside it, and gives its path."""

    def save(model, name="means.onnx", card=VALUES):
        path = tmp_path / name
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        if card:
            path.with_suffix(".json").write_text(json.dumps(card))
        return str(path)

    return save


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 160, 160, 3), dtype=np.uint8)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("shape", "pooled"),
    [
        (("N", 3, 160, 160), (2, 3)),
        ((1, 3, 160, 160), (2, 3)),
        (("N", 160, 160, 3), (1, 2)),
        ((1, 160, 160, 3), (1, 2)),
    ],
)
def test_size_layout_and_batch_are_read_from_the_file(saved, images, shape, pooled):
    recogniser = open_recogniser(saved(network(shape, pooled=pooled)))
    assert recogniser.name == "means" and recogniser.dimension == 3
    expected = unit(images.mean(axis=(1, 2)))
    vectors = recogniser.embed(images)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert recogniser.undetected(images, vectors) is None


def test_what_the_card_says_is_done(saved, images):
    path = saved(network(), card={**VALUES, "colours": "BGR", "mean": [1, 2, 3], "deviation": 4})
    expected = unit(images.mean(axis=(1, 2))[:, ::-1] - [1, 2, 3])
    np.testing.assert_allclose(open_recogniser(path).embed(images), expected, atol=1e-4)
    same = open_recogniser(f"{path}:colours=BGR,mean=1 2 3,deviation=4,alignment=none")
    np.testing.assert_allclose(same.embed(images), expected, atol=1e-4)


def test_the_digest_names_file_and_card(saved):
    first = open_recogniser(saved(network()))
    other = open_recogniser(saved(network(), card={**VALUES, "colours": "BGR"}))
    third = open_recogniser(saved(network(("N", 3, 112, 112))))
    assert len({first.digest, other.digest, third.digest}) == 3
    assert first.details["file_digest"] == other.details["file_digest"]
    assert first.details["card"]["colours"] == "RGB"


def test_a_smaller_input_gets_resized_images(saved):
    recogniser = open_recogniser(saved(network(("N", 3, 64, 64))))
    plain = np.full((2, 160, 160, 3), (10, 20, 30), "uint8")
    np.testing.assert_allclose(
        recogniser.embed(plain), unit(np.tile([[10.0, 20, 30]], (2, 1))), atol=1e-5
    )
    assert recogniser.embed(plain[:0]).shape == (0, 3)


def test_a_file_that_promises_several_images_and_takes_one(saved, images):
    model = network()
    shape = tensors.from_array(np.array([1, 3], "int64"), "shape")
    model.graph.initializer.append(shape)
    model.graph.node[1].output[0] = "doubled"
    model.graph.node.append(helper.make_node("Reshape", ["doubled", "shape"], ["vector"]))
    np.testing.assert_allclose(
        open_recogniser(saved(model)).embed(images), unit(images.mean(axis=(1, 2))), atol=1e-5
    )


def test_a_file_that_mixes_the_images_of_a_batch_gets_one_at_a_time(saved, images):
    model = network()
    model.graph.initializer.append(tensors.from_array(np.array([-1, 3], "int64"), "shape"))
    model.graph.node[1].output[0] = "doubled"
    model.graph.node.append(helper.make_node("Transpose", ["doubled"], ["turned"]))
    model.graph.node.append(helper.make_node("Reshape", ["turned", "shape"], ["vector"]))
    np.testing.assert_allclose(
        open_recogniser(saved(model)).embed(images), unit(images.mean(axis=(1, 2))), atol=1e-5
    )


def test_a_file_whose_vectors_have_no_fixed_length_is_a_sentence(saved):
    model = network()
    model.graph.initializer.append(tensors.from_array(np.array([0.997], "float32"), "limit"))
    model.graph.initializer.append(tensors.from_array(np.array([1, -1], "int64"), "shape"))
    model.graph.node[1].output[0] = "doubled"
    model.graph.node.append(helper.make_node("Greater", ["image", "limit"], ["bright"]))
    model.graph.node.append(helper.make_node("Compress", ["image", "bright"], ["kept"]))
    model.graph.node.append(helper.make_node("Reshape", ["kept", "shape"], ["vector"]))
    with pytest.raises(UserError, match="the length of its vectors hangs on the image"):
        open_recogniser(saved(model))


def test_a_file_that_gives_no_number_is_a_sentence(saved):
    model = network()
    model.graph.initializer.append(tensors.from_array(np.zeros(1, "float32"), "zero"))
    model.graph.node[1].output[0] = "doubled"
    model.graph.node.append(helper.make_node("Sub", ["doubled", "doubled"], ["nothing"]))
    model.graph.node.append(helper.make_node("Div", ["nothing", "zero"], ["vector"]))
    with pytest.raises(UserError, match="gives no finite vector, not even of noise"):
        open_recogniser(saved(model))


def test_a_zero_vector_is_no_embedding(saved):
    black = np.zeros((2, 160, 160, 3), "uint8")
    assert np.isnan(open_recogniser(saved(network())).embed(black)).all()


def external():
    model = network()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    return model


REFUSED = {
    "text": (b"this is no network", "is no ONNX file"),
    "nothing": (b"", "is no ONNX file: it holds no network"),
    "cut short": (network().SerializeToString()[:-40], "is no ONNX file"),
    "free size": (network(("N", 3, "H", "W")), r"square images of fixed size, .* got \?x3x\?x\?"),
    "free rank": (network(None), "for one image or any number, got no shape"),
    "not square": (network(("N", 3, 112, 96)), "expected square images .* got .x3x112x96"),
    "four channels": (network(("N", 4, 112, 112)), "with 3 channels, got .x4x112x112"),
    "batch of 8": (network((8, 3, 112, 112)), "for one image or any number, got 8x3x112x112"),
    "integers": (network(type=onnx.TensorProto.INT32), "expected an input of floats"),
    "two inputs": (network(inputs=("image", "other")), "one input and one output, got 2 and 1"),
    "two outputs": (network(outputs=("vector", "mean")), "one input and one output, got 1 and 2"),
    "other files": (external(), "keeps weights in other files: expected one file"),
    "other operators": (network(domain="mine"), "needs the operator Mul of mine: expected built"),
    "unknown name": (network(outputs=("nowhere",)), "cannot be run"),
    "a number": (network(pooled=(1, 2, 3)), "expected a vector for each image|cannot be computed"),
}


def changed(change):
    model = network()
    change(model)
    return model


def functions(model):
    node = helper.make_node("Identity", ["x"], ["y"])
    function = helper.make_function(
        "com.microsoft", "Own", ["x"], ["y"], [node], [helper.make_opsetid("", 18)]
    )
    model.functions.append(function)


def sparse(model):
    values = tensors.from_array(np.ones(1, "float32"), "hidden")
    places = tensors.from_array(np.zeros(1, "int64"), "places")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [3]))


def loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["never"], body=body))


def no_rows(model):
    model.graph.initializer.append(tensors.from_array(np.array([0, 3], "int64"), "none"))
    model.graph.node[1].output[0] = "doubled"
    model.graph.initializer.append(tensors.from_array(np.zeros((0,), "int64"), "rows"))
    model.graph.node.append(helper.make_node("Gather", ["doubled", "rows"], ["vector"], axis=0))


REFUSED |= {
    "functions": (changed(functions), "defines functions of its own"),
    "sparse tensors": (changed(sparse), "holds sparse tensors"),
    "a loop": (changed(loop), "needs the operator Loop, which may never end"),
    "no rows": (changed(no_rows), r"expected a vector for each image, got \(0, 3\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_a_sentence(saved, case):
    model, sentence = REFUSED[case]
    with pytest.raises(UserError, match=sentence) as caught:
        open_recogniser(saved(model))
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_weights_of_a_branch_in_other_files_are_refused(saved):
    model = network()
    inner = external().graph
    inner.ClearField("input")
    model.graph.node.append(
        helper.make_node("If", ["weight"], ["unused"], then_branch=inner, else_branch=inner)
    )
    with pytest.raises(UserError, match="keeps weights in other files"):
        open_recogniser(saved(model))


def test_a_missing_file_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"expected an ONNX file in .*none\.onnx, found none"):
        open_recogniser(f"{tmp_path / 'none.onnx'}:insightface")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", r"expected a card beside .*m\.onnx, as m\.toml, or its name .*m\.onnx:insightface"),
        ("arcface", "expected a card of insightface, mobilefacenet, sface, got 'arcface'"),
        ("colours=RGB", "got no mean, deviation"),
        ("colours=RGB,mean=1,deviation=0", "expected a deviation other than 0"),
        ("colours=RGB,mean=1 2,deviation=1", "mean: expected 1 or 3 numbers, got '1 2'"),
        ("colours=RGB,mean=nan,deviation=1", "mean: expected 1 or 3 numbers, got 'nan'"),
        (f"colours=RGB,mean={'9' * 401},deviation=1", "mean: expected 1 or 3 numbers"),
        ("colours=grey,mean=1,deviation=1", "expected colours RGB or BGR, got grey"),
        ("colours=RGB,mean=1,deviation=1,size=5", "got unknown size"),
        ("colours=RGB,mean=1,deviation=1,accuracy=99", "expected an accuracy from 0 to 1"),
    ],
)
def test_a_wrong_card_is_a_sentence(tmp_path, given, sentence):
    with pytest.raises(UserError, match=sentence):
        read_card(tmp_path / "m.onnx", given)
    with pytest.raises(UserError, match=r"expected an ONNX file in .*found none"):
        open_recogniser(f"{tmp_path}/m.onnx:{given}" if given else f"{tmp_path}/m.onnx")


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000, '{"colours": 1}', "\x00"])
@pytest.mark.parametrize("ending", [".json", ".toml"])
def test_a_broken_card_is_a_sentence(tmp_path, text, ending):
    (tmp_path / f"m{ending}").write_text(text)
    with pytest.raises(UserError, match=r"m\.(json|toml)"):
        read_card(tmp_path / "m.onnx")


def test_the_ready_cards_are_cards():
    assert set(ready()) == {"insightface", "mobilefacenet", "sface"}
    for name in ready():
        assert isinstance(read_card(None, name), Card)
