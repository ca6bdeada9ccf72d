import contextlib
import dataclasses
import json

import numpy as np
import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Metric, Record, metric, read_record, read_scores
from gan_inversion.core.schema import checksum
from gan_inversion.protocols import Documented
from tests.conftest import ROOT

RECORD = Record(
    protocol="documented",
    protocol_hash=Documented().hash,
    method="mean_face",
    knowledge="black_box",
    dataset="lfw",
    data_digest="d" * 64,
    victim="facenet",
    victim_digest="e" * 64,
    seed=0,
    config={"epochs": 10},
    metrics={"test_loss": metric(0.25, ci=(0.2, 0.3), n=10)},
    reported={"test_loss": 0.3},
    env={"commit": None, "dirty": None, "python": "3", "packages": {}, "device": "x86, 2 cores"},
)


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = RECORD.write(tmp_path, {"scores": np.arange(3.0)})
    assert path == tmp_path / "documented" / "mean_face-lfw-s0.json"
    written = Record.read(path)
    assert dataclasses.replace(written, scores_digest=None) == RECORD
    assert read_scores(path)["scores"].tolist() == [0, 1, 2]


def test_a_record_is_never_overwritten(tmp_path):
    RECORD.write(tmp_path)
    with pytest.raises(UserError, match="never overwritten"):
        RECORD.write(tmp_path)


def test_a_record_that_does_not_fit_is_not_written(tmp_path):
    with pytest.raises(UserError, match="method does not fit the schema"):
        dataclasses.replace(RECORD, method="Mean Face").write(tmp_path)
    assert list(tmp_path.rglob("*.json")) == []


@pytest.mark.parametrize("device", ["<b>", "a\nb", "", "[l](x)", "x|y", "`x`", "x" * 201])
def test_a_device_is_a_name(tmp_path, device):
    with pytest.raises(UserError, match="env/device does not fit the schema"):
        dataclasses.replace(RECORD, env={**RECORD.env, "device": device}).write(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 1}, "schema does not fit"),
        ({"metrics": {}}, "metrics does not fit"),
        ({"metrics": {"a": {"value": "1", "ci": None, "n": 1}}}, "metrics/a/value does not fit"),
        ({"extra": 1}, "the record does not fit"),
        ({"seed": 1}, "was edited: expected the checksum"),
        ({"reported": {"test_loss": 0.31}}, "was edited: expected the checksum"),
    ],
)
def test_a_record_of_another_shape_is_a_sentence(tmp_path, change, message):
    path = RECORD.write(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=message):
        Record.read(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"value": 0.25', '"value": NaN'),
        ('"value": 0.25', '"value": -Infinity'),
        ('"value": 0.25', '"value": 1e999'),
        ('"n": 10', f'"n": {"9" * 400}'),
        ('"epochs": 10', f'"epochs": {"[" * 200_000}'),
        ('"epochs": 10', '"epochs": ["ten"]'),
        ('"epochs": 10', '"recognisers": ["facenet"]'),
        ('"victim": "facenet"', '"victim": "evil.py:f"'),
        ('"dataset": "lfw"', '"dataset": ["lfw"]'),
        ('"seed": 0', '"seed": 0.0'),
        ('"created": "2', '"created": "yesterday, 2'),
        ('"epochs": 10', '"epochs": ' + '{"a":' * 990 + "1" + "}" * 990),
    ],
)
def test_what_is_no_figure_is_refused_whatever_the_checksum(tmp_path, old, new):
    path = RECORD.write(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with contextlib.suppress(ValueError, RecursionError):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "checksum": checksum(content)}))
    with pytest.raises(UserError) as caught:
        Record.read(path)
    assert len(str(caught.value)) < 500 and "was edited" not in str(caught.value)


def test_a_key_that_stands_twice_is_a_sentence(tmp_path):
    path = RECORD.write(tmp_path)
    path.write_text(path.read_text().replace('"value": 0.25', '"value": 0.99, "value": 0.25', 1))
    with pytest.raises(UserError, match="'value' stands twice in one object"):
        Record.read(path)  # its checksum is right


def test_a_record_under_another_name_is_no_second_seed(tmp_path):
    path = RECORD.write(tmp_path)
    assert read_record(path) == Record.read(path)
    copy = path.with_name("mean_face-lfw-s1.json")
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"seed 0, .*: expected it as documented/mean_face-lfw-s0"):
        read_record(copy)


def test_a_figure_edited_by_hand_is_noticed(tmp_path):
    path = RECORD.write(tmp_path)
    path.write_text(path.read_text().replace("0.25", "0.15"))
    with pytest.raises(UserError, match=r"mean_face-lfw-s0.json was edited"):
        Record.read(path)


def test_scores_of_another_run_are_noticed(tmp_path):
    path = RECORD.write(tmp_path, {"scores": np.arange(3.0)})
    np.savez(path.with_suffix(".npz"), scores=np.arange(4.0))
    with pytest.raises(UserError, match="found none or others"):
        read_scores(path)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "results" / "records").rglob("*.json")), ids=lambda path: path.stem
)
def test_committed_records_are_as_they_were_written(path):
    if Record.read(path).scores_digest:
        read_scores(path)


def test_a_cut_record_is_a_sentence(tmp_path):
    path = RECORD.write(tmp_path)
    path.write_text(path.read_text()[:50])
    with pytest.raises(UserError, match="not a readable record"):
        Record.read(path)


def test_nan_is_not_available():
    assert metric(float("nan"), n=3) == Metric(None, None, 3)
    assert metric(0.5, ci=(float("nan"), 1.0), n=3) == Metric(0.5, None, 3)


def test_the_protocol_hash_follows_its_fields():
    assert Documented().hash == Documented().hash != Documented(epochs=2).hash


def test_the_documented_split_is_of_images_and_hangs_on_the_seed():
    train, test = Documented().split(1000, seed=0)
    assert len(test) == 200 and sorted([*train, *test]) == list(range(1000))
    assert (Documented().split(1000, seed=0)[1] == test).all()
    assert (Documented().split(1000, seed=1)[1] != test).any()
