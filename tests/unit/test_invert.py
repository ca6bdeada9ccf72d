"""What `experiments.invert` accepts, and what it says of the rest."""

import contextlib
import json
import os
import shlex
import shutil
import zipfile
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tyro

from baselines.controls import MeanFace
from experiments.invert import Options, run_all
from gan_inversion.cgan.build import build_generator
from gan_inversion.cgan.inverter import ConditionalGAN
from gan_inversion.core.errors import UserError
from gan_inversion.core.places import check_output
from gan_inversion.core.program import check_places
from gan_inversion.core.storage import sha256_file
from gan_inversion.data.source import Source
from gan_inversion.inverters.trained import Trained, open_trained, reconstruct
from gan_inversion.protocols.inversion.faces import recogniser_of
from gan_inversion.protocols.inversion.grid import Layout, draw_grid
from gan_inversion.protocols.inversion.photographs import (
    LINE,
    check_visible,
    command_for,
    contact_sheet,
    read_embeddings,
)
from gan_inversion.protocols.inversion.verdicts import nearest_of, verdict
from tests.conftest import SMALL

generator_of = partial(build_generator, dimension=512, precision="float32")


@pytest.mark.parametrize(
    ("method", "victim", "own"),
    [
        ("cgan_short", "facenet", {}),
        ("cgan_short", "my nets/net.onnx", {"victim": "my nets/net.onnx"}),
        ("mine.py:Mine", "eyes.py:look", {"own": "mine.py:Mine", "victim": "eyes.py:look"}),
    ],
)
def test_the_command_that_is_told_names_own_code(method, victim, own):
    folder = Path("runs/inversion/mine-lfw-s0")
    python, dash, program, *words = shlex.split(command_for(folder, method=method, victim=victim))
    options = tyro.cli(Options, args=words)
    assert (python, dash, program) == ("python", "-m", "experiments.invert")
    assert options.model == folder
    assert {"own": options.own, "victim": options.victim} == {"own": None, "victim": None} | own


def test_embeddings_become_unit_vectors(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 8)) * 7
    np.save(tmp_path / "mine.npy", vectors)
    names, found = read_embeddings(tmp_path / "mine.npy")
    assert names == ["0", "1", "2"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors / np.linalg.norm(vectors, axis=1)[:, None], rtol=1e-6)
    np.save(tmp_path / "one.npy", vectors[0])
    np.testing.assert_array_equal(read_embeddings(tmp_path / "one.npy")[1], found[:1])
    np.savez(tmp_path / "two.npz", embeddings=vectors, names=np.arange(3) + 7)
    names, again = read_embeddings(tmp_path / "two.npz")
    np.testing.assert_array_equal(again, found)
    assert names == ["7", "8", "9"]
    for factor in (1e25, 1e-30, 1e200):
        np.save(tmp_path / "far.npy", vectors * factor)
        np.testing.assert_allclose(read_embeddings(tmp_path / "far.npy")[1], found, rtol=1e-6)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 3, 4)), r"expected numbers \(N, D\), got float64 \(2, 3, 4\)"),
        (np.zeros((0, 4)), r"expected numbers \(N, D\), got float64 \(0, 4\)"),
        (np.array([["a", "b"]]), "expected numbers"),
        (np.array([[1.0, 2.0], [0.0, 0.0]]), "got zero norm in 1"),
        (np.array([[1.0, np.nan]]), "got NaN or infinity in 0"),
        (np.array([[1.0, np.inf], [1.0, 1.0]]), "got NaN or infinity in 0"),
    ],
)
def test_other_arrays_are_a_sentence(tmp_path, array, sentence):
    np.save(tmp_path / "mine.npy", array)
    with pytest.raises(UserError, match=sentence):
        read_embeddings(tmp_path / "mine.npy")


def test_other_files_are_a_sentence(tmp_path):
    (tmp_path / "mine.npy").write_text("no array")
    with pytest.raises(UserError, match=r"not a \.npy or \.npz file: it begins with b'no arr'"):
        read_embeddings(tmp_path / "mine.npy")
    np.save(tmp_path / "mine.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(UserError, match="holds Python objects: expected arrays of numbers"):
        read_embeddings(tmp_path / "mine.npy")
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.ones(3))
    whole = (tmp_path / "two.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"not a readable \.npy or \.npz file"):
        read_embeddings(tmp_path / "cut.npz")
    with pytest.raises(UserError, match="expected an array called embeddings, got a, b"):
        read_embeddings(tmp_path / "two.npz")


@pytest.mark.parametrize("name", ["m.pkl", "m.pt", "m.json", "m.xlsx", "m.h5"])
def test_a_file_that_is_neither_table_nor_picture_is_a_sentence(tmp_path, saved, name):
    (tmp_path / name).write_bytes(b"{}")
    options = Options(input=tmp_path / name, output=tmp_path / "out", model=saved)
    with pytest.raises(UserError, match=r"expected embeddings as \.npy, .* or a photograph, got"):
        run_all(options)


def test_a_grid_is_of_one_recogniser(tmp_path):
    models = [
        Trained(tmp_path / name, "flat", None, {"victim": {"name": name}}, {})
        for name in ("facenet", "compact")
    ]
    with pytest.raises(UserError, match="expected inverters of one recogniser, got compact, face"):
        draw_grid(models, tmp_path / "grid.png", Layout(), source=Source("synthetic"))


def test_a_contact_sheet_has_originals_above_reconstructions_and_words_below_each():
    first, second = (np.full((12, 160, 160, 3), value, "uint8") for value in (1, 2))
    names = [f"face {number}" for number in range(12)]
    said = [["photograph"] * 12, ["accepted, 0.83"] * 12]
    sheet = contact_sheet(names, [first, second], said)
    column = 3 * LINE + 2 * 160
    assert sheet.shape == (2 * column, 8 * 160, 3)
    assert (sheet[LINE : LINE + 160] == 1).all()
    assert (sheet[2 * LINE + 160 : 2 * LINE + 320] == 2).all()
    assert (sheet[column + LINE : column + LINE + 160, : 4 * 160] == 1).all()
    assert (sheet[column:, 4 * 160 :] == 255).all()
    for top in (0, LINE + 160, 2 * LINE + 320):
        line = sheet[top : top + LINE, :160]
        assert line.min() < 60 and line.max() == 255  # black on white


def test_a_verdict_says_cosine_and_threshold():
    assert verdict(0.83, 0.54) == ("accepted, 0.83 (threshold 0.54)", "yes")
    assert verdict(0.539, 0.54) == ("rejected, 0.54 (threshold 0.54)", "no")
    assert verdict(0.5, None) == ("cosine 0.50", "")
    assert verdict(None, 0.5) == ("", "") == verdict(float("nan"), 0.5)


def test_of_several_hypotheses_the_nearest_is_kept_with_its_verdict():
    """The second embedding has no score in the first hypothesis: no face was found there."""
    rows = [np.full((2, 2, 2, 3), grey, "uint8") for grey in (10, 20, 30)]
    cosines = [0.5, float("nan"), 0.9, -0.2, 0.1, 0.4]
    lines = [("ab"[i % 2], i // 2, score, 0.6, "no") for i, score in enumerate(cosines)]
    pictures, kept = nearest_of(rows, lines)
    assert pictures[:, 0, 0, 0].tolist() == [20, 30]
    assert [line[:3] for line in kept] == [("a", 1, 0.9), ("b", 2, 0.4)]


def test_to_keep_the_nearest_there_must_be_several(tmp_path):
    np.save(tmp_path / "mine.npy", np.eye(2, 512, dtype="float32"))
    options = Options(tmp_path / "mine.npy", tmp_path / "out", nearest=True)
    with pytest.raises(UserError, match=r"expected --hypotheses 2 or more, .* got 1 and compact"):
        run_all(options)
    assert not (tmp_path / "out").exists()


def test_hypotheses_that_nobody_can_tell_apart_are_not_offered():
    row = np.full((2, 160, 160, 3), 100, "uint8")
    check_visible([row, row + 6], "cgan")
    with pytest.raises(UserError, match=r"differ by 4\.0 of 255 grey levels on average"):
        check_visible([row, row + 4], "cgan")


def run_folder(path, method="documented_dense", **config):
    """What a folder of a run says, without a trained inverter that could be opened."""
    (path / "inverter").mkdir(parents=True)
    config = {"method": method, "victim": {"name": "compact", "digest": "0"}, **config}
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a run of a small conditional GAN that was not trained."""
    folder = run_folder(tmp_path_factory.mktemp("saved") / "run", method="cgan_smoke")
    inverter = ConditionalGAN(SMALL, name="cgan_smoke")
    inverter.model = generator_of(SMALL)
    inverter.save(folder / "inverter")
    return folder


EVIL = (
    "from pathlib import Path\nPath('ran').touch()\nclass X:\n    load = None\ndef f(x): return x\n"
)


@pytest.mark.parametrize("place", ["method", "victim", "recogniser", "record"])
def test_nothing_that_a_file_names_is_run(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    Path("x.py").write_text(EVIL)
    folder = tmp_path / "run"
    if place == "method":
        run_folder(folder, method="x.py:X")
    elif place == "victim":
        run_folder(folder, method="cgan_smoke", victim={"name": "x.py:f", "digest": "0"})
    else:
        run_folder(folder, method="cgan_smoke")
    inverter = ConditionalGAN(SMALL, name="cgan_smoke")
    inverter.model = generator_of(SMALL)
    inverter.recogniser_name = "x.py:f" if place == "recogniser" else "compact"
    inverter.config |= {"corrections": 1}
    inverter.save(folder / "inverter")
    if place == "record":
        (folder / "inverter" / "record.json").write_text('{"victim": "x.py:f"}')
    np.save("mine.npy", np.eye(2, 512))
    for input in ("mine.npy", "x.py"):
        with contextlib.suppress(UserError):
            run_all(Options(input=Path(input), output=Path("out"), model=folder))
    assert not Path("ran").exists()


def lambda_model(path):
    keras.Sequential([keras.Input((512,)), keras.layers.Lambda(lambda x: x)]).save(path)


def foreign_module(path):
    keras.Sequential([keras.Input((512,)), keras.layers.Dense(2)]).save(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = files["config.json"].decode().replace("keras.layers", "x")
    config = config.replace('"Dense"', '"X"').replace("keras.src", "x")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | {"config.json": config.encode()}).items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "spoil", [lambda_model, foreign_module, lambda path: path.write_bytes(b"")]
)
def test_a_model_that_asks_for_code_is_a_sentence(tmp_path, monkeypatch, spoil):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("x.py").write_text(EVIL)
    folder = run_folder(tmp_path / "run")
    config = {"decoder": "dense", "targets": "corrected", "epochs": 1, "batch_size": 2}
    (folder / "inverter" / "inverter.json").write_text(json.dumps(config))
    spoil(folder / "inverter" / "model.keras")
    with pytest.raises(UserError, match=r"model\.keras is not a model that can be opened safely"):
        open_trained(folder)
    assert not Path("ran").exists()


@pytest.mark.parametrize("name", ["config.json", "inverter/inverter.json", "inverter/weights.npz"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\0" * 99])
def test_a_damaged_inverter_is_a_sentence_that_names_the_file(tmp_path, saved, name, content):
    folder = shutil.copytree(saved, tmp_path / "run")
    open_trained(folder)
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=str(folder)):
        open_trained(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "inverter/inverter.json", "inverter/weights.npz", "thresholds.json"]
)
def test_a_pipe_in_place_of_a_models_file_is_a_sentence(tmp_path, saved, name):
    folder = shutil.copytree(saved, tmp_path / "run")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(UserError, match=f"{folder}.*(is no regular file|found none)"):
        open_trained(folder)


@pytest.mark.parametrize(
    "option", [{"name": []}, {"dimension": 10**30}, {"turns": "x"}, {"precision": 2.5}]
)
def test_options_of_another_type_in_a_model_are_a_sentence(tmp_path, saved, option):
    folder = shutil.copytree(saved, tmp_path / "run")
    file = folder / "inverter" / "inverter.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | option))
    with contextlib.suppress(UserError):
        reconstruct(open_trained(folder).inverter, np.ones((2, 512), "float32"))


def test_a_network_of_other_outputs_is_a_sentence(tmp_path):
    folder = run_folder(tmp_path / "run")
    config = {"decoder": "dense", "targets": "corrected", "epochs": 1, "batch_size": 2}
    (folder / "inverter" / "inverter.json").write_text(json.dumps(config))
    given = keras.Input((512,))
    picture = keras.layers.UpSampling2D(160)(
        keras.layers.Reshape((1, 1, 3))(keras.layers.Dense(3)(given))
    )
    for outputs in ([picture, picture], keras.layers.Flatten()(picture)):
        keras.Model(given, outputs).save(folder / "inverter" / "model.keras")
        with pytest.raises(UserError, match="expected a network from embeddings"):
            open_trained(folder)


def test_an_output_within_the_input_is_refused(tmp_path):
    for output, *inputs in (
        ("photos", "photos"),
        ("photos/out", "photos"),
        ("photos", "photos/me.jpg"),
        ("model/inverter", "mine.npy", "model"),
    ):
        with pytest.raises(UserError, match="which is read, lie within each other"):
            check_output(tmp_path / output, *(tmp_path / path for path in inputs))
    check_output(tmp_path / "out", tmp_path / "photos", None)


def test_a_link_that_leads_to_itself_is_a_sentence(tmp_path, saved):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    np.save(tmp_path / "mine.npy", np.eye(2, 512))
    given = {"input": tmp_path / "mine.npy", "output": tmp_path / "out", "model": saved}
    for name in given:
        check_output(given["output"], tmp_path / "loop")
        with pytest.raises(UserError, match="loop"):
            check_places(Options(**given | {name: tmp_path / "loop"}))
            run_all(Options(**given | {name: tmp_path / "loop"}))


def test_a_recogniser_of_ones_own_comes_from_the_command_line_and_is_the_same(tmp_path):
    own = f"{tmp_path / 'mine.py'}:embed"
    (tmp_path / "mine.py").write_text("def embed(images):\n    return images[:, 0, 0] + 1.0\n")
    victim = {"name": "embed", "digest": sha256_file(tmp_path / "mine.py")}
    trained = Trained(tmp_path, "ridge_pca", MeanFace(), {"victim": victim}, {})
    assert recogniser_of(trained, own).name == "embed"
    with pytest.raises(UserError, match=r"of its own, embed: give it as --victim file.py:embed"):
        recogniser_of(trained, None)
    with pytest.raises(UserError, match=r"inverts embeddings of embed .* got compact"):
        recogniser_of(trained, "compact")
