"""The threshold registry, and thresholds on many impostors."""

import csv
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.core.thresholds import Threshold, add_thresholds, read_thresholds
from gan_inversion.data import LFW, Subset
from gan_inversion.protocols import Inversion, Split
from gan_inversion.protocols.verification.thresholds import borrowed_thresholds, set_thresholds
from gan_inversion.recognisers import load_recogniser
from gan_inversion.reporting.tables import thresholds
from tests.conftest import ROOT

LINE = Threshold(
    recogniser="facenet",
    recogniser_digest="e" * 64,
    dataset="lfw",
    data_digest="d" * 64,
    view="aligned",
    resample="bilinear",
    subjects="all",
    fmr=1e-3,
    threshold=0.55,
    interval=(0.54, 0.56),
    pairs=1000,
)


def test_lines_are_read_as_they_were_written_and_replaced_by_condition(tmp_path):
    path = tmp_path / "thresholds.json"
    assert read_thresholds(path) == []
    other = dataclasses.replace(LINE, fmr=1e-4, threshold=None, interval=None)
    add_thresholds(path, [LINE, other])
    assert read_thresholds(path) == [other, LINE]
    newer = dataclasses.replace(LINE, threshold=0.57)
    add_thresholds(path, [newer])
    assert read_thresholds(path) == [other, newer]


def test_thresholds_of_another_precision_stand_beside_each_other(tmp_path):
    path = tmp_path / "thresholds.json"
    other = dataclasses.replace(LINE, precision="bfloat16", threshold=0.56)
    add_thresholds(path, [LINE])
    silent = path.read_text().replace('  "precision": "float32",\n', "")  # as registries were
    assert "precision" not in silent
    path.write_text(silent)
    assert read_thresholds(path) == [LINE]
    add_thresholds(path, [other])
    assert set(read_thresholds(path)) == {LINE, other}
    assert "| facenet, bfloat16 |" in thresholds([LINE, other]).markdown()


NO_NUMBERS = ("NaN", "Infinity", "1e400", "9" * 401)  # as a threshold
REGISTRY = json.dumps([dataclasses.asdict(LINE)])


@pytest.mark.parametrize(
    "text",
    [
        *("{", "{}", "[" * 100_000, '[{"recogniser": "facenet"}]', '[{"threshold": "high"}]'),
        *(REGISTRY.replace(f'"threshold": {LINE.threshold}', f'"threshold": {n}')
          for n in NO_NUMBERS),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_registry_is_a_sentence(tmp_path, text):
    path = tmp_path / "thresholds.json"
    assert text != REGISTRY
    path.write_text(text)
    with pytest.raises(UserError, match="is not a threshold registry"):
        read_thresholds(path)


def test_thresholds_are_set_once(tmp_path, faces, monkeypatch):
    path = tmp_path / "thresholds.json"
    recogniser = load_recogniser("compact")
    embeddings = recogniser.embed(faces.view("aligned")[:])
    protocol = Inversion(fmrs=(0.1, 1e-3))
    part = np.arange(24)
    split = Split(np.arange(0), part, np.arange(0), "abc")

    def ask():
        return set_thresholds(path, recogniser, faces, embeddings, protocol=protocol, split=split)

    found = ask()
    subjects = faces.subjects[part]
    scores = np.array(
        [
            embeddings[i] @ embeddings[j]
            for i in part
            for j in part
            if i < j and subjects[i] != subjects[j]
        ]
    )
    line = found[0.1]
    assert line.pairs == len(scores) == 240 and line.subjects == "validation of split abc"
    assert (scores >= line.threshold).sum() in (24, 25)  # other rounding may let the next one in
    assert found[1e-3].threshold is None  # 240 pairs cannot resolve it
    monkeypatch.setattr("gan_inversion.protocols.verification.thresholds.impostors", None)
    assert ask() == found == {line.fmr: line for line in read_thresholds(path)}


def test_thresholds_can_be_borrowed_from_other_data(tmp_path, faces):
    path, recogniser = tmp_path / "thresholds.json", load_recogniser("compact")
    protocol = Inversion(fmrs=(1e-2, 1e-3))
    line = dataclasses.replace(LINE, recogniser="compact", recogniser_digest=recogniser.digest)
    lines = [dataclasses.replace(line, fmr=fmr, threshold=1 - fmr) for fmr in (1e-2, 1e-3, 1e-4)]

    def ask():
        return borrowed_thresholds(path, recogniser, faces, protocol=protocol)

    for refused in (
        lines[:1],  # a rate is missing
        [dataclasses.replace(line, data_digest=faces.digest) for line in lines],  # knows the test
        [dataclasses.replace(line, subjects="validation of split a") for line in lines],
        [*lines, dataclasses.replace(lines[0], data_digest="0" * 64)],  # which of the two?
    ):
        path.unlink(missing_ok=True)
        add_thresholds(path, refused)
        with pytest.raises(UserError, match=r"expected one threshold of compact \(aligned, all"):
            ask()
    path.unlink()
    add_thresholds(path, lines)
    assert {fmr: line.threshold for fmr, line in ask().items()} == {1e-2: 0.99, 1e-3: 0.999}


MANY = """
import numpy as np
from gan_inversion.core.device import peak_memory
from gan_inversion.metrics.verification import impostors
generator = np.random.default_rng(0)
subjects = np.sort(generator.integers(5749, size=13233))
embeddings = generator.normal(size=(13233, 64)).astype("float32")
embeddings += 0.5 * generator.normal(size=(5749, 64)).astype("float32")[subjects]
embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
found = impostors(embeddings, subjects, fmrs=(1e-2, 1e-3, 1e-4))
assert found.count > 87_000_000, found.count
print(peak_memory())
"""


def test_87_million_impostors_take_little_memory():
    done = subprocess.run(
        [sys.executable, "-c", MANY], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2  # GiB; the matrix of scores alone has 0.7


@pytest.mark.data
def test_the_committed_registry_accepts_what_it_says(monkeypatch):
    monkeypatch.setenv("GAN_INVERSION_PRECISION", "float32")  # as the registry was made
    lfw = LFW()
    lines = [
        line
        for line in read_thresholds(ROOT / "results" / "thresholds.json")
        if line.recogniser == "facenet" and line.subjects.startswith("validation of split ")
    ]
    name = f"lfw-{lines[0].subjects.removeprefix('validation of split ')}.csv"
    with (ROOT / "results" / "splits" / name).open(newline="") as file:
        validation = [row["part"] == "validation" for row in csv.DictReader(file)]
    pictures = Subset(lfw.view("aligned"), np.flatnonzero(validation))
    embeddings, subjects = load_recogniser("facenet").embed(pictures[:]), lfw.subjects[validation]
    upper = np.triu_indices(len(embeddings), 1)
    scores, different = (embeddings @ embeddings.T)[upper], (subjects[:, None] != subjects)[upper]
    assert len(lines) == 3
    for line in lines:
        assert line.pairs == different.sum() and line.interval[0] < line.threshold
        assert (scores[different] >= line.threshold).mean() == pytest.approx(line.fmr, rel=0.02)
