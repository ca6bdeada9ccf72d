"""Bad input ends with one clear sentence and exit code 2, without a traceback."""

import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial

import pytest

from experiments import (
    dashboard,
    documented,
    embedding_speed,
    export,
    fetch,
    grid,
    inversion,
    invert,
    report,
    shadow_speed,
    tables,
    thresholds,
    train,
    train_compact,
    verification,
)
from gan_inversion.core.program import main
from gan_inversion.core.storage import data_dir

MODULES = {
    module.__name__.split(".")[1]: module
    for module in (
        documented,
        embedding_speed,
        export,
        shadow_speed,
        fetch,
        inversion,
        invert,
        tables,
        thresholds,
        train_compact,
        verification,
    )
}

NOWHERE = ["--model", "m", "--input", "i", "--output", "o"]


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main(MODULES[name].Options, MODULES[name].run_all)
        return stop.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize("name", MODULES)
def test_an_unknown_option(run, name):
    required = NOWHERE if name == "invert" else []
    code, error = run(name, *required, "--colour", "red")
    assert code == 2 and "Unrecognized options: --colour" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["documented", "--methods", "psychic"], "method must be one of mean_face, docu"),
        (
            ["documented", "--methods", "documented_deep"],
            "documented_conv_bn, not 'documented_deep'",
        ),
        (["documented", "--data", "nowhere"], "expected LFW as"),
        (["documented", "--dataset", "folder"], "expected a folder of subject/image files"),
        (["verification", "--data", "nowhere"], "expected LFW as"),
        (["embedding_speed", "--contestants", "magic"], "contestants are documented, facenet_pyt"),
        (["shadow_speed", "--decoders", "deep"], "decoders are dense, conv, conv_bn, not 'deep'"),
        (["tables", "--results", "nowhere"], "expected records of lfw in nowhere/records/inver"),
        (
            ["inversion", "--methods", "psychic"],
            "expected a method such as mean_face, nearest_face",
        ),
        (["inversion", "--methods", "mine.py:f"], "expected file.py:name with an existing file"),
        (["inversion", "--data", "nowhere"], "expected LFW as"),
        (["inversion", "--methods", "cgan_huge"], "got 'cgan_huge'; did you mean cgan"),
        (["invert", *NOWHERE], "expected a run with a trained inverter in m, found none"),
        (["thresholds", "--data", "nowhere"], "expected LFW as"),
        (["thresholds", "--data", "no\x1b[31m\n"], r"expected LFW as no\x1b[31m\n/lfw"),
        (["export", "--dataset", "folder"], "expected a folder of subject/image files"),
    ],
)
def test_a_sentence(run, tmp_path, arguments, sentence):
    code, error = run(*arguments)
    assert code == 2
    line = [line for line in error.splitlines() if line.startswith("error: ")]
    assert len(line) == 1 and sentence in line[0]
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (inversion, ["--dataset", "folder", "--data", "photos", "--runs", "photos/runs"]),
        (train, ["mean_face", "--data", "photos", "--runs", "photos"]),
        (export, ["--dataset", "folder", "--data", "photos", "--output", "photos/Ann"]),
        (grid, ["--models", "m", "--data", "photos", "--output", "photos/Ann/0.png"]),
        (report, ["--results", "photos", "--output", "photos/records/a.json"]),
        (invert, ["--model", "m", "--input", "photos", "--output", "photos"]),
        (dashboard, ["--no-serve", "--records", "photos", "--output", "photos/dashboard"]),
        (dashboard, ["--no-serve", "--records", "r", "--runs", "photos/a", "--output", "photos"]),
        (dashboard, ["--no-serve", "--records", "r", "--pages", "photos", "--output", "photos"]),
    ],
)
def test_nothing_is_written_into_what_is_read(run, tmp_path, monkeypatch, program, arguments):
    monkeypatch.setattr("gan_inversion.reporting.dashboard.read_all", lambda *given: {})
    place = tmp_path / "photos" / "Ann" / "0.png"
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    monkeypatch.setitem(MODULES, "it", program)
    code, error = run("it", *arguments)
    assert code == 2 and "which is read, lie within each other" in error, error
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [place]
    assert place.read_text() == "mine"


@pytest.mark.parametrize(
    ("program", "arguments"), [(report, []), (grid, ["--models", "m"]), (invert, NOWHERE[:4])]
)
def test_a_file_of_the_users_is_not_replaced(run, tmp_path, monkeypatch, program, arguments):
    (tmp_path / "thesis.html").write_text("<p>mine")
    monkeypatch.setitem(MODULES, "it", program)
    code, error = run("it", *arguments, "--output", "thesis.html")
    assert code == 2 and "thesis.html" in error and "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.html"]
    assert (tmp_path / "thesis.html").read_text() == "<p>mine"


@pytest.mark.parametrize("arguments", [["--seeds", "one"], ["--dataset", "celeba"]])
def test_a_value_of_the_wrong_kind(run, arguments):
    code, error = run("documented", *arguments)
    assert code == 2 and arguments[0] in error and "Traceback" not in error


def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, error = run(
        "documented", "--smoke", "--methods", "mean_face", "--runs", tmp_path / "file" / "runs"
    )
    assert code == 2 and "error: cannot write" in error and "is a file, expected a folder" in error


def test_a_cache_that_cannot_be_written(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GAN_INVERSION_CACHE", str(tmp_path / "file" / "cache"))
    code, error = run("documented", "--smoke", "--methods", "mean_face")
    assert code == 2 and "error: cannot write" in error and "Not a directory" in error


def test_a_data_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, error = run("fetch", "--data", tmp_path / "file" / "data")
    assert code == 2 and "error: cannot write" in error and "Not a directory" in error


@pytest.mark.data
def test_an_altered_facenet(run, tmp_path, monkeypatch):
    weights = tmp_path / "data" / "facenet_nhwc" / "weights"
    weights.mkdir(parents=True)
    for name in ("lfw-deepfunneled.tgz", "pairs.txt"):
        (tmp_path / "data" / name).symlink_to(data_dir() / name)
    for array in (data_dir() / "facenet_nhwc" / "weights").glob("*.npy"):
        (weights / array.name).symlink_to(array)
    first = sorted(weights.iterdir())[0]
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.unlink()
    first.write_bytes(content)
    monkeypatch.setenv("GAN_INVERSION_DATA", str(tmp_path / "data"))
    code, error = run("documented", "--methods", "mean_face")
    assert code == 2 and "expected the 266 FaceNet arrays in" in error


BROKEN = """
import numpy as np

def short(embeddings):
    return np.zeros((len(embeddings) - 1, 160, 160, 3))

def small(embeddings):
    return np.zeros((len(embeddings), 64, 64, 3))

def undefined(embeddings):
    return np.full((len(embeddings), 160, 160, 3), np.nan)

def bright(embeddings):
    return np.full((len(embeddings), 160, 160, 3), 255.0)

def flat(images):
    return np.zeros(len(images))

def blind(images):
    return np.full((len(images), 8), np.nan)

number = 3
"""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--methods", "broken.py:short"], "expected reconstructions (128, 160, 160, 3), got (127"),
        (["--methods", "broken.py:small"], "got (128, 64, 64, 3)"),
        (["--methods", "broken.py:undefined"], "expected finite reconstructions, got NaN"),
        (["--methods", "broken.py:bright"], "expected reconstructions in [0, 1] or uint8, got"),
        (["--methods", "broken.py:number"], "expected a function or an inverter"),
        (["--methods", "broken.py:nothing"], "broken.py defines nothing called 'nothing'"),
        (["--methods", "ridge_pca_n9999"], "training images, got 9999"),
        (["--victim", "broken.py:flat"], "expected 64 embeddings (N, D) from flat, got (64,)"),
        (["--victim", "broken.py:blind"], "blind rejects all 800 real images"),
        (["--reconstructions", "nowhere"], "expected an index with the columns image,reconst"),
    ],
)
def test_what_does_not_work_of_a_users_own(run, tmp_path, arguments, sentence):
    (tmp_path / "broken.py").write_text(BROKEN)
    code, error = run("inversion", "--smoke", *arguments)
    line = [line for line in error.splitlines() if line.startswith("error: ")]
    assert code == 2 and len(line) == 1 and sentence in line[0] and "Traceback" not in error
    assert not list(tmp_path.rglob("records"))


@pytest.mark.parametrize("busy", [False, True])
def test_ctrl_c_while_an_object_is_cleaned_up(busy, request, monkeypatch, capsys):
    # Python reports what is raised there and drops it; the program would run to its end.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    request.addfinalizer(partial(signal.signal, signal.SIGINT, before))
    start = threading.Thread.start
    late = iter([busy])

    def started(thread):
        start(thread)
        if next(late, False):  # so busy that it is repeated before it was left
            time.sleep(0.3)

    monkeypatch.setattr(threading.Thread, "start", started)

    class Interrupted:
        def __del__(self):
            raise KeyboardInterrupt

    @dataclass
    class Options:
        pass

    def body(options):
        Interrupted()
        time.sleep(1)
        raise AssertionError("the interruption was dropped")

    monkeypatch.setattr(sys, "argv", ["interrupted"])
    with pytest.raises(SystemExit) as stop:
        main(Options, body)
    assert stop.value.code == 130
    assert "the same command goes on from there" in capsys.readouterr().err
