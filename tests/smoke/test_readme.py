"""README and the first page of the docs, executed in order on a small stand-in for LFW."""

import re
import shlex
import shutil
from dataclasses import make_dataclass, replace

import keras
import numpy as np
import pytest
from PIL import Image

import experiments.documented
import experiments.inversion
from baselines import decoders, inverter
from gan_inversion import data
from gan_inversion.cgan import presets as cgan
from gan_inversion.core.record import Record
from gan_inversion.data import Synthetic
from gan_inversion.data.pairs import draw_pairs
from gan_inversion.protocols.verification import run as verification
from gan_inversion.recognisers import Compact, registry
from gan_inversion.reporting import tensorboard
from tests.conftest import ROOT, SMALL
from tests.programs import call

pytestmark = pytest.mark.dlib  # the benchmark's independent judge
INSTALLS = ("python3 run.py", "source ", "export ")  # what is done already, or tested elsewhere
SIZES = (
    "side",
    "width",
    "discriminator_width",
    "batch_size",
    "steps",
    "warmup",
    "interval",
    "ramp",
)


class SmallLFW(Synthetic):
    """Drawn faces under the name of the real ones."""

    name = "lfw"

    def __init__(self, path=None):
        super().__init__(60, 2, first=40_000)


class SmallFaceNet(Compact):
    """The shipped recogniser under the name of the real one."""

    name = "facenet"


def small_decoder(dimension):
    stack = [keras.layers.Dense(8), keras.layers.Dense(decoders.PIXELS, activation="sigmoid")]
    last = keras.layers.Reshape((160, 160, 3))
    return keras.Sequential([keras.Input((dimension,)), *stack, last])


class SmallMobileFaceNet(Compact):
    """The shipped recogniser under the name of another real one."""

    name = "mobilefacenet"


@pytest.fixture
def in_small(monkeypatch, eager):
    """LFW, FaceNet and every network are small; nothing is downloaded, nothing listens.

    Conditional GANs are trained on squared errors: it is the commands that are tested here.
    """
    monkeypatch.setattr(data, "LFW", SmallLFW)
    for kind in (SmallFaceNet, SmallMobileFaceNet):
        monkeypatch.setitem(registry.RECOGNISERS, kind.name, kind)
    monkeypatch.setattr(
        verification,
        "read_pairs",
        lambda files: draw_pairs(np.array([file.split("/")[0] for file in files]), folds=10),
    )
    sizes = {name: getattr(SMALL, name) for name in SIZES}
    for name, config in cgan.METHODS.items():
        small = replace(config, **cgan.VARIANTS["mse"], **sizes, precision="float32")
        monkeypatch.setitem(cgan.METHODS, name, small)
    for name in decoders.DECODERS:
        monkeypatch.setitem(inverter.DECODERS, name, small_decoder)
    monkeypatch.setattr("experiments.fetch.remotes", lambda: [])
    few, kinds = (
        Synthetic(40, 2),
        {"seeds": tuple[int, ...], "epochs": int, "judges": tuple[str, ...]},
    )
    monkeypatch.setattr(data, "Synthetic", lambda: few)
    for program, changes in (
        # The other judges' detector finds no drawn face.
        (experiments.inversion, {"seeds": (0,), "judges": ("dlib",)}),
        (experiments.documented, {"seeds": (0,), "epochs": 2}),
    ):
        fields = [(name, kinds[name], value) for name, value in changes.items()]
        once = make_dataclass("Options", fields, bases=(program.Options,), frozen=True)
        monkeypatch.setattr(program, "Options", once)
    served = []
    monkeypatch.setattr(tensorboard, "serve", lambda *arguments: served.append(arguments))
    return served


def commands(page):
    """The lines of a page that a reader types into a shell, without comments."""
    text = (ROOT / page).read_text("utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    ((?:KERAS_BACKEND=jax )?python|python3|source|export|model=)(.*)$",
                       text, re.MULTILINE)  # fmt: skip
    return ["".join(line).partition(" #")[0].strip() for line in lines]


def typed(folder, page):
    """Execute what a page shows; what each program printed, in order."""
    said, names = [], {}
    for line in commands(page):
        if line.startswith(INSTALLS):
            continue
        if line.startswith("model="):
            names["model"] = line.removeprefix("model=")
            continue
        words = shlex.split(line.removeprefix("KERAS_BACKEND=jax "))
        assert words[:2] == ["python", "-m"], line
        words = [names.get(word.removeprefix("$"), word) for word in words[2:]]
        said.append((words[0].removeprefix("experiments."), call(folder, *words)))
    return said


def test_what_readme_and_docs_show_does_what_they_say(in_small, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    photograph = Image.fromarray(next(SmallLFW().frames())[1])
    for folder in (first, second):
        folder.mkdir()
        photograph.save(folder / "me.jpg")

    said = typed(first, "README.md")
    assert [program for program, _ in said] == [
        "export", "invert", "fetch", "train", "invert", "inversion", "documented", "verification",
        "train", "train", "train", "train", "grid",
    ]  # fmt: skip
    assert Image.open(first / "docs/pictures/faces.jpg").size == (230 + 8 * 160, 3 * 160)
    for folder in ("faces", "out"):
        assert (first / folder / "contact_sheet.png").exists()
        verdicts = (first / folder / "verdicts.csv").read_text().splitlines()
        assert len(verdicts) == 1 + (80 if folder == "faces" else 1)
    records = sorted((first / "results/records").glob("*/*.json"))
    assert len(records) == 1 + 2 + 4  # inversion, documented, views

    # A fresh clone, in which those records are published: no run, and nothing stands in the way.
    shutil.copytree(first / "results", second / "results")
    shutil.copytree(first / "docs", second / "docs")
    published = {path: path.read_bytes() for path in second.glob("results/records/*/*.json")}
    said = dict(typed(second, "docs/index.md"))
    assert [*said] == ["fetch", "train", "invert", "inversion", "dashboard", "report"]
    assert "the person whose embedding was inverted" in said["invert"] or "cosine" in said["invert"]
    assert all(path.read_bytes() == content for path, content in published.items())
    assert (second / "runs/report.html").exists() and len(in_small) == 1
    assert (second / "out/contact_sheet.png").exists()

    # A published record of the same method: trained all the same, and compared.
    own = second / "runs/inversion/cgan_short-lfw-s0"
    assert not own.exists()
    call(second, "experiments.train", "cgan_short")
    output = call(second, "experiments.inversion", "--methods", "cgan_short", "--seeds", "0")
    assert "the published record stays" in output and (own / "inverter/record.json").exists()
    name = "cgan_short-lfw-s0.json"
    assert Record.read(second / "results/records/inversion" / name).seed == 0
