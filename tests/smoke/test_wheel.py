"""The built wheel, in an environment of its own: what who installs the package gets."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv

import pytest

from tests.conftest import ROOT

PROGRAMS = sorted(
    path.stem
    for path in (ROOT / "experiments").glob("*.py")
    if "if __name__ ==" in path.read_text("utf-8")
)
ALL_HELPS = """
import importlib, sys, tyro
for name in sys.argv[1:]:
    module = importlib.import_module(f"experiments.{name}")
    assert "site-packages" in module.__file__
    try:
        tyro.cli(module.Options, args=["--help"])
    except SystemExit as end:
        assert end.code == 0, name
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment into which the wheel is installed, and nothing of it else.

    Other packages come from where the tests run: to install them again takes minutes.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for package in ("gan_inversion", "baselines", "experiments"):
        shutil.copytree(ROOT / package, source / package)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    build = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    (program,) = (folder / "env").glob("*/python")
    (packages,) = (folder / "env").glob("lib/python*/site-packages")
    install = ["install", "--quiet", "--no-deps", "--target", str(packages), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    # A plain path: the editable installation beside them is not followed.
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"])
    return program


def run(python, folder, *arguments):
    """What a program of the wheel prints, in an empty folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_program_says_what_it_does(python, tmp_path):
    assert len(PROGRAMS) > 15
    helps = run(python, tmp_path, "-c", ALL_HELPS, *PROGRAMS)
    assert helps.count("usage: ") == len(PROGRAMS)
    help_of_one = run(python, tmp_path, "-m", "experiments.train", "--help")
    assert "--cgan.identity" in help_of_one


def test_it_rehearses_and_shows_what_is_shipped(python, tmp_path):
    methods = ("mean_face", "documented_dense")
    rehearsal = ("-m", "experiments.documented", "--smoke", "--methods", *methods)
    assert "documented-synthetic.md written" in run(python, tmp_path, *rehearsal)
    assert len(list(tmp_path.glob("runs/smoke/records/documented/*.json"))) == len(methods)
    assert "runs/dashboard written" in run(
        python, tmp_path, "-m", "experiments.dashboard", "--no-serve"
    )
    board = tmp_path / "runs/dashboard"
    assert list(board.glob("inversion/conditional_GAN/cgan_drawn/*")) and list(
        board.glob("faces/*")
    )
