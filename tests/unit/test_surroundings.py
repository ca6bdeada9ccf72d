"""What a user's machine, settings and files of code may be like."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, fields, is_dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar, get_args, get_type_hints

import keras
import numpy as np
import pytest

import experiments
from experiments import inversion, shadows
from experiments.common import FamilyOptions, rehearsed
from gan_inversion.cgan.options import Config
from gan_inversion.core import device
from gan_inversion.core.errors import UserError
from gan_inversion.core.options import RANGES, check_options
from gan_inversion.core.own import load_object
from gan_inversion.core.places import check_writable
from gan_inversion.inverters.leak_callback import LeakCallback
from gan_inversion.inverters.own import own_spec
from gan_inversion.recognisers import open_recogniser
from tests.conftest import ROOT
from tests.programs import call


@dataclass(frozen=True)
class Options:
    seed: int = 0
    seeds: tuple[int, ...] = (0, 1)
    epochs: int = 10
    port: int = 6006
    units: tuple[str, ...] = ("image",)
    judges: tuple[str, ...] = ()
    smoke: bool = False


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"seed": -1}, "expected 0 to 4294967295 for --seed, got -1"),
        ({"seeds": (0, 10**24)}, f"for --seeds, got {10**24}"),
        ({"epochs": 0}, "expected 1 to 100000 for --epochs, got 0"),
        ({"port": 99999}, "expected 1 to 65535 for --port, got 99999"),
        ({"units": ()}, "expected one value or more for --units, got none"),
    ],
)
def test_options_out_of_range_are_a_sentence(given, sentence):
    check_options(Options())
    with pytest.raises(UserError, match=sentence):
        check_options(Options(**given))


def test_options_of_families_are_checked_and_hide_none_of_the_program(capsys):
    families = FamilyOptions(documented=replace(FamilyOptions().documented, epochs=0))
    with pytest.raises(UserError, match=r"1 to 100000 for --documented\.epochs, got 0"):
        check_options(inversion.Options(families=families))
    for program, epochs in ((inversion, 0), (shadows, (10, 0))):
        with pytest.raises(UserError, match="expected 1 to 100000 for --epochs, got 0"):
            check_options(program.Options(epochs=epochs))
    rehearsed(inversion.Options(epochs=7, smoke=True), epochs=2)
    assert "--smoke rehearses with --epochs 2, not 7" in capsys.readouterr().err


def unlimited(options, name=""):
    """Names of the numeric options of a dataclass, and of its groups, and whether they are free."""
    kinds = get_type_hints(options)
    for field in fields(options):
        kind = kinds[field.name]
        if is_dataclass(kind):
            yield from unlimited(kind, f"{name}{field.name}.")
        elif {int, float} & {kind, *get_args(kind)} or kind == tuple[int, ...]:
            yield name + field.name, field.name not in RANGES | getattr(options, "RANGES", {})


@pytest.mark.parametrize("program", [module.name for module in iter_modules(experiments.__path__)])
def test_every_number_on_a_command_line_has_a_range(program):
    options = getattr(import_module(f"experiments.{program}"), "Options", None)
    given = dict(unlimited(options)) if options else {}
    assert not [name for name, free in given.items() if free]
    assert ("families.cgan.identity" in given) == (program in ("inversion", "shadows", "train"))


def test_a_dataclass_may_have_ranges_of_its_own():
    @dataclass(frozen=True)
    class Own:
        RANGES: ClassVar = {"penalty": (0, 10), "epochs": (3, 5)}
        penalty: float = 1.0
        epochs: int = 4

    check_options(Own())
    for given, sentence in (
        (Own(penalty=-1.0), "0 to 10 for --penalty"),
        (Own(epochs=2), "3 to 5"),
    ):
        with pytest.raises(UserError, match=sentence):
            check_options(given)


@pytest.mark.parametrize("option", ["cgan.identity", "private.epsilon", "ridge-pca.components"])
def test_a_family_has_ranges_of_its_own(option, tmp_path):
    command = ("--methods", "ridge_pca", f"--{option}", "-1", "--smoke")
    output = call(tmp_path, "experiments.inversion", *command, code=2)
    assert f"for --{option}, got -1" in output


@pytest.mark.parametrize("name", [f.name for f in fields(Config) if isinstance(f.default, float)])
def test_a_number_that_is_none_trains_no_generator(name):
    for value in (float("nan"), float("inf"), -1.0):
        with pytest.raises(UserError, match=f"for --{name.replace('_', '-')}, got {value}"):
            Config(**{name: value})


def test_a_rehearsal_says_what_it_overrides(capsys):
    assert rehearsed(Options(epochs=7), epochs=2) == Options(epochs=7)
    assert rehearsed(Options(epochs=7, seed=3, smoke=True), epochs=2).epochs == 2
    assert capsys.readouterr().err == "--smoke rehearses with --epochs 2, not 7\n"


def test_an_output_that_cannot_be_written_is_a_sentence_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    command = ("--signals", "none.npz", "--records")
    for place in ("file", "file/records"):
        output = call(tmp_path, "experiments.membership", *command, place, code=2)
        assert f"error: cannot write {place}: " in output and "file is a file" in output
    (tmp_path / "runs").touch()  # where results go if nothing is said
    output = call(tmp_path, "experiments.membership", "--signals", "none.npz", code=2)
    assert (
        "error: cannot write runs/records: " in output and "is a file, expected a folder" in output
    )
    check_writable(tmp_path / "new" / "folder")
    check_writable(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # a superuser may write anywhere
    with pytest.raises(UserError, match=rf"cannot write .*new: {tmp_path} is not writable"):
        check_writable(tmp_path / "new")
    # What is only read need not be.
    output = call(tmp_path, "experiments.dashboard", "--records", "new", "--no-serve", code=2)
    assert "not writable" not in output and "new" in output


def test_an_unknown_backend_is_a_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.documented", "--smoke"],
        env={**os.environ, "KERAS_BACKEND": "quantum"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.startswith("error: expected the Keras backend tensorflow or jax, and 'qua")


LIGHT = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(f"experiments.{name}")
heavy = {"keras", "tensorflow", "jax", "sklearn", "matplotlib", "keras_tuner", "dlib"}
sys.exit(", ".join(sorted(heavy & set(sys.modules))) or 0)
"""


def test_a_program_loads_nothing_heavy_before_its_options_are_read():
    names = [path.stem for path in (ROOT / "experiments").glob("[!_]*.py")]
    assert len(names) > 20
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *names], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_help_is_preceded_by_no_noise():
    command = [sys.executable, "-m", "experiments.documented", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


def test_a_users_keras_settings_do_not_stop_a_program(tmp_path):
    settings = {"image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, "-m", "experiments.verification", "--smoke", "--views", "aligned"],
        env={**os.environ, "KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


PROGRAM = """
import sys
from dataclasses import dataclass
from gan_inversion.core.program import main

@dataclass
class Options:
    'Write a file.'

def body(options):
    with open("file", "w") as file:
        print("out", flush=True)
        print("err", file=sys.stderr, flush=True)
        file.write("mine")

main(Options, body)
"""


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_program_does_without_streams(tmp_path, closed):
    (tmp_path / "program.py").write_text(PROGRAM)
    words = f"{sys.executable} program.py {closed}"
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "file").read_text() == "mine"
    assert done.stdout == ("" if ">&-" in closed.replace("2>&-", "") else "out\n")
    assert done.stderr == ("" if "2>&-" in closed else "err\n")


def test_inside_another_repository_no_commit_is_named(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    commands = (["config", "user.email", "a@b"], ["config", "user.name", "a"])
    for command in (*commands, ["commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    installed = tmp_path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    monkeypatch.setattr(device, "ROOT", installed)
    found = device.environment()
    assert found["commit"] is None and found["dirty"] is None
    monkeypatch.setattr(device, "ROOT", tmp_path)
    assert device.environment()["commit"] is None  # the package is none of its files
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "code.py").touch()
    subprocess.run(["git", "add", "baselines"], cwd=tmp_path, check=True)
    device._code_at_start.cache_clear()
    monkeypatch.setenv("GIT_DIR", str(ROOT / ".git"))  # as in a hook of another repository
    own = subprocess.run(
        ["git", "--git-dir", tmp_path / ".git", "rev-parse", "HEAD"], capture_output=True, text=True
    )
    assert device.environment()["commit"] == own.stdout.strip()


def test_a_record_names_the_code_that_its_program_began_with(tmp_path, monkeypatch):
    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)
        return done.stdout.decode().strip()

    git("init", "-q")
    git("config", "user.email", "a@b")
    git("config", "user.name", "a")
    code, page = tmp_path / "baselines/code.py", tmp_path / "docs/page.md"
    for path in (code, page):
        path.parent.mkdir()
        path.write_text("1")
    git("add", ".")
    git("commit", "-q", "-m", "before")
    begun = git("rev-parse", "HEAD")
    monkeypatch.setattr(device, "ROOT", tmp_path)
    device.remember_code()
    page.write_text("2")
    (tmp_path / "out.npz").write_text("made by a program, in a place of the user's own")
    git("commit", "-q", "-am", "a table that was written meanwhile")
    found = device.environment()
    assert found["commit"] == begun != git("rev-parse", "HEAD") and found["dirty"] is False
    code.write_text("2")
    assert device.environment()["dirty"] is True
    git("commit", "-q", "-am", "other code")
    found = device.environment()
    assert found["commit"] == begun and found["dirty"] is True


OWN = """
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from neighbour import FACTOR


@dataclass
class Mine:
    factor: float = FACTOR

    def fit(self, embeddings, images, *, seed, run=None):
        pass

    def invert(self, embeddings):
        return np.zeros((len(embeddings), 160, 160, 3))


def thumbnail(images):
    return FACTOR * images[:, ::40, ::40].reshape(len(images), -1).astype(float) + 1
"""


def test_a_file_of_ones_own_may_have_dataclasses_and_neighbours(tmp_path):
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "neighbour.py").write_text("FACTOR = 2.0\n")
    inverter = own_spec(f"{tmp_path / 'mine.py'}:Mine").make()
    assert load_object(f"{tmp_path / 'mine.py'}:FACTOR") == 2.0
    assert inverter.name == "mine" and inverter.invert(np.ones((3, 5))).shape == (3, 160, 160, 3)
    recogniser = open_recogniser(f"{tmp_path / 'mine.py'}:thumbnail")
    assert recogniser.embed(np.zeros((2, 160, 160, 3), "uint8")).shape == (2, 48)


def test_files_of_ones_own_whose_neighbours_have_one_name_are_refused(tmp_path):
    for name, factor in (("a", 2.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text("from net import FACTOR\n")
        (tmp_path / name / "net.py").write_text(f"FACTOR = {factor}\n")
    assert load_object(f"{tmp_path / 'a' / 'mine.py'}:FACTOR") == 2.0
    with pytest.raises(UserError, match=r"b/mine.py imports .*b/net.py, but .*a/net.py has the sa"):
        load_object(f"{tmp_path / 'b' / 'mine.py'}:FACTOR")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("raise SystemExit(4)", "does not run: SystemExit in line 1"),
        ("x = 1\nx = = 2", "does not run: SyntaxError in line 2 of .*own.py"),
        ("class f:\n    def __init__(self): 1 / 0", "cannot be made: division by zero"),
        ("def f(images): return 'text'", "f gives no embeddings"),
        ("def f(images): return images[:, 0, :len(images), 0] + 1", "of one length from f"),
    ],
)
def test_a_recogniser_of_ones_own_that_fails_is_a_sentence(tmp_path, code, sentence):
    (tmp_path / "own.py").write_text(code)
    with pytest.raises(UserError, match=sentence):
        recogniser = open_recogniser(f"{tmp_path / 'own.py'}:f")
        recogniser.embed(np.zeros((100, 160, 160, 3), "uint8"))


def test_a_file_of_ones_own_that_does_not_run_is_a_sentence(tmp_path):
    (tmp_path / "broken.py").write_text("\nimport nothing_of_that_name\n")
    with pytest.raises(UserError, match=r"broken.py does not run: ModuleNotFoundError in line 2"):
        load_object(f"{tmp_path / 'broken.py'}:f")


def squared(targets, outputs):
    return keras.ops.square(targets - outputs)


LOSSES = {
    "by sample": squared,
    "reduced": lambda targets, outputs: keras.ops.mean(squared(targets, outputs)),
    "reduced to one": lambda targets, outputs: keras.ops.mean(squared(targets, outputs))[None],
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_leak_is_told_whatever_loss_and_precision(name, policy):
    random = np.random.default_rng(0)
    sides = [(random.normal(size=(20, 4)).astype("float32"),) * 2 for _ in range(2)]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, dtype=policy)])
    model.compile("adam", "mse")
    callback = LeakCallback(*sides, loss=LOSSES[name], batch_size=8)
    (leak,) = model.fit(*sides[0], verbose=0, callbacks=[callback]).history["leak_auc"]
    outputs = [np.asarray(keras.ops.cast(model(x), "float32")) for x, _ in sides]
    losses = [((y - out) ** 2).mean(axis=1) for (_, y), out in zip(sides, outputs, strict=True)]
    expected = np.mean(losses[0][:, None] < losses[1])
    assert leak == pytest.approx(expected, abs=0.01)


def test_targets_without_the_axis_of_the_outputs_meet_their_own_output_only():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 4)).astype("float32"), random.normal(size=20).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    callback = LeakCallback((x, y), (x, y), loss=squared, batch_size=8)
    callback.set_model(model)
    expected = (y - np.asarray(model(x))[:, 0]) ** 2
    np.testing.assert_allclose(callback.losses(x, y), expected, rtol=1e-5)


def test_several_outputs_are_a_sentence():
    given = keras.Input((4,))
    model = keras.Model(given, [keras.layers.Dense(1)(given), keras.layers.Dense(1)(given)])
    x = np.zeros((8, 4), "float32")
    callback = LeakCallback((x, x), (x, x))
    callback.set_model(model)
    with pytest.raises(ValueError, match="expected a model with one output"):
        callback.losses(x, x)


def test_an_onlooker_with_nobody_to_look_at_tells_nothing():
    x = np.zeros((8, 4), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile("adam", "mse")
    callback = LeakCallback((x, x), (x[:0], x[:0]))
    (leak,) = model.fit(x, x, verbose=0, callbacks=[callback]).history["leak_auc"]
    assert np.isnan(leak)


def test_an_onlooker_does_not_end_a_training_that_diverges():
    x = np.full((8, 4), np.nan, "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile("adam", "mse")
    (leak,) = model.fit(x, x, verbose=0, callbacks=[LeakCallback((x, x), (x, x))]).history[
        "leak_auc"
    ]
    assert np.isnan(leak)
