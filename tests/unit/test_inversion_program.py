"""When `experiments.inversion` has nothing to do, and when a record is another one's."""

from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest

from baselines.controls import MeanFace
from experiments.common import specs_of
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Record, bare_spec, metric
from gan_inversion.core.run import Run
from gan_inversion.core.thresholds import Threshold, add_thresholds
from gan_inversion.data import Synthetic
from gan_inversion.data.source import Source
from gan_inversion.inverters.own import own_spec
from gan_inversion.inverters.trained import RECORD as RECORD_NAME
from gan_inversion.metrics.reconstruction import PER_IMAGE, mse
from gan_inversion.protocols import Inversion
from gan_inversion.protocols.inversion import run as inversion
from gan_inversion.protocols.inversion.again import compared, is_done, looks_shifted
from gan_inversion.protocols.inversion.bench import Setting
from gan_inversion.protocols.inversion.elsewhere import INDEX, read_reconstructions
from gan_inversion.protocols.inversion.examination import Examination
from tests.unit.test_record import RECORD

FACES = Synthetic(3, 2)
SPLIT = "0" * 16


def folders(folder):
    return Folders(runs=folder / "runs", records=folder / "records", tables=folder / "tables")


SETTING = Setting(Source("synthetic"), "compact")


def record(**changes):
    config = specs_of(["documented_dense"])[0].make().config
    recognisers = {"compact": {"digest": "0", "thresholds": {"0.001": 0.5}}}
    return replace(
        RECORD,
        protocol="inversion",
        protocol_hash=Inversion().hash,
        method="documented_dense",
        dataset="synthetic",
        data_digest=FACES.digest,
        victim="compact",
        config={**config, "split": SPLIT, "recognisers": recognisers, **changes},
        metrics={
            "compact/sar_type1@fmr=1e-3": metric(0.64, n=10),
            **{name: metric(0.5, n=10) for name in PER_IMAGE},
        },
    )


def done(folder, setting=SETTING, **changes):
    (spec,) = specs_of(["documented_dense"])
    spec = replace(spec, options=replace(spec.options, **changes))
    return is_done(spec, 0, setting=setting, folders=folders(folder), dataset=FACES)


def test_a_published_record_alone_does_not_make_an_inverter(tmp_path, capsys):
    assert not done(tmp_path)
    record().write(tmp_path / "records")
    assert not done(tmp_path)
    own = tmp_path / "runs/inversion/documented_dense-synthetic-s0/inverter/record.json"
    record().write_to(own)
    assert done(tmp_path)
    assert "exists: skipped" in capsys.readouterr().out


def test_a_run_that_was_killed_before_its_record_was_published_is_published(tmp_path):
    own = tmp_path / "runs/inversion/documented_dense-synthetic-s0/inverter/record.json"
    record().write_to(own, {"test_index": np.arange(3)})
    assert done(tmp_path)
    path = tmp_path / "records/inversion/documented_dense-synthetic-s0.json"
    assert Record.read(path) == Record.read(own)


def test_a_run_without_a_metric_that_came_later_is_examined_again(tmp_path, monkeypatch):
    own = tmp_path / "runs/inversion/documented_dense-synthetic-s0/inverter/record.json"
    record().write_to(own, {"test_index": np.arange(3)})
    monkeypatch.setitem(PER_IMAGE, "newer", mse)
    assert not done(tmp_path)


def test_a_run_that_other_judges_examined_is_not_published_as_it_is(tmp_path):
    own = tmp_path / "runs/inversion/documented_dense-synthetic-s0/inverter/record.json"
    declared = {"digest": "0", "thresholds": {"0.001": 0.5}}
    judges = {"compact": declared, "dlib": declared}
    record(recognisers=judges).write_to(own, {"test_index": np.arange(3)})
    (spec,) = specs_of(["documented_dense"])
    for name, same in (("sface", False), ("dlib", True)):  # as many of them
        setting = replace(SETTING, judges=(name,))
        given = {"setting": setting, "folders": folders(tmp_path), "dataset": FACES}
        assert is_done(spec, 0, **given) is same


def test_a_judge_whom_a_record_lacks_is_named(tmp_path, capsys):
    record().write(tmp_path / "records")
    own = tmp_path / "runs/inversion/documented_dense-synthetic-s0/inverter/record.json"
    record().write_to(own)
    (spec,) = specs_of(["documented_dense"])
    given = {"folders": folders(tmp_path), "dataset": FACES}
    assert is_done(spec, 0, setting=replace(SETTING, judges=("dlib",)), **given)
    assert "exists: skipped (without dlib: remove it, and it is made anew)" in (
        capsys.readouterr().out
    )


def test_a_record_of_ones_own_inverter_with_other_knowledge_is_another(tmp_path):
    file = tmp_path / "mine.py"
    lines = ("class Flat:", "    fit = invert = lambda self, *given, **options: None")
    file.write_text("\n".join(lines))
    black, white = (own_spec(f"{file}:Flat", knowledge=k) for k in ("black_box", "white_box"))
    changes = {"method": black.name, "spec": black.content, "knowledge": "black_box"}
    changes["config"] = {**record().config, "source_digest": black.options.source_digest}
    replace(record(), **changes).write(tmp_path / "records")
    given = {"setting": SETTING, "folders": folders(tmp_path), "dataset": FACES}
    is_done(black, 0, **given)
    with pytest.raises(UserError, match="of another knowledge: expected white_box, got black"):
        is_done(white, 0, **given)


@pytest.mark.parametrize(
    ("known", "asked", "sentence"),
    [
        ({"epochs": 1}, {"epochs": 5}, "is of another epochs: expected 5, got 1"),
        ({"targets": "documented"}, {}, "is of another targets: expected corrected, got documen"),
    ],
)
def test_a_record_of_other_options_is_not_taken_for_done(tmp_path, known, asked, sentence):
    record(**known).write(tmp_path / "records")
    with pytest.raises(UserError, match=sentence):
        done(tmp_path, **asked)


def test_nothing_is_embedded_where_nothing_is_to_do(tmp_path, monkeypatch):
    record().write(tmp_path / "records")
    own = tmp_path / "runs/inversion/documented_dense-synthetic-s0/inverter/record.json"
    record().write_to(own)
    monkeypatch.setattr(Source, "open", lambda source: FACES)

    def opened(setting):
        raise AssertionError("embedded")

    monkeypatch.setattr(inversion, "open_bench", opened)
    specs = specs_of(["documented_dense"])
    inversion.run_all(specs, (0,), setting=SETTING, folders=folders(tmp_path))
    with pytest.raises(AssertionError, match="embedded"):
        inversion.run_all(specs, (0, 1), setting=SETTING, folders=folders(tmp_path))


def test_a_training_done_again_is_compared_with_its_record():
    mine = replace(record(), metrics={"compact/sar_type1@fmr=1e-3": metric(0.641, n=10)})
    assert compared(record(), mine) == (
        "documented_dense, seed 0: type-I success rate at FMR 0.1 % published 0.640, yours 0.641; "
        "the published record stays"
    )


def test_an_index_that_names_an_image_twice_is_refused(tmp_path):
    (tmp_path / INDEX).write_text("image,reconstruction\na/0,one.png\na/0,two.png\n")
    with pytest.raises(UserError, match="expected each image once, got a/0 more than once"):
        read_reconstructions(tmp_path, ["a/0"])


def test_rows_that_are_shifted_are_noticed():
    random = np.random.default_rng(0)
    subjects = np.repeat([f"s{number}" for number in range(30)], 3)
    found = Examination()
    found.scores["compact/type1"] = random.normal(0.8, 0.05, 90)
    found.scores["compact/type2"] = random.normal(0.6, 0.05, 180)
    assert looks_shifted(found, "compact", subjects) is None
    found.scores["compact/type1"] = random.normal(0.4, 0.05, 90)
    assert "are the rows of the index shifted?" in looks_shifted(found, "compact", subjects)


def test_a_kill_right_after_the_training_leaves_nothing_to_be_repaired_by_hand(tmp_path):
    """What verdicts are by comes before the inverter; a checkpoint left goes the next time."""

    class Killed(Exception):
        pass

    class Bench:
        victim = SimpleNamespace(thresholds={}, recogniser=None)
        templates = np.zeros((4, 3))
        images = np.zeros((4, 160, 160, 3), "uint8")

    prepared = inversion.Prepared(bare_spec("mean_face"), MeanFace(), np.arange(4), {})
    with Run(tmp_path / "run", {}) as run:
        with pytest.raises(Killed), patch.object(inversion, "device", side_effect=Killed):
            inversion.trained(prepared, 0, run=run, bench=Bench)
        assert (run.folder / "trained.json").exists() and (run.folder / "thresholds.json").exists()
        run.checkpoint.write_bytes(b"left")
        inverter, *_ = inversion.trained(prepared, 0, run=run, bench=Bench)
        assert isinstance(inverter, MeanFace) and not run.checkpoint.exists()


@pytest.mark.parametrize(
    ("impostors", "given", "fits"),
    [
        (f"validation of split {SPLIT}, synthetic {FACES.digest[:12]}", None, True),
        ("all, lfw 1", None, False),
        ("all, lfw 1", 0.5, True),
        ("all, lfw 1", 0.4, False),
    ],
)
def test_a_record_that_accepts_by_other_thresholds_is_another(tmp_path, impostors, given, fits):
    registry, fmrs = tmp_path / "registry.json", Inversion().fmrs
    line = Threshold(
        recogniser="compact", recogniser_digest="0", dataset="lfw", data_digest="1",
        view="aligned", resample="bilinear", subjects="all", fmr=0, threshold=given,
        interval=None, pairs=1,
    )  # fmt: skip
    add_thresholds(registry, [replace(line, fmr=fmr) for fmr in fmrs])
    thresholds = {f"{fmr:g}": 0.5 for fmr in fmrs}
    declared = {"digest": "0", "impostors": impostors, "thresholds": thresholds}
    published = record(recognisers={"compact": declared})
    published.write(tmp_path / "records")
    published.write_to(tmp_path / "runs/inversion/documented_dense-synthetic-s0" / RECORD_NAME)
    setting = replace(SETTING, thresholds=None if given is None else registry)
    if fits:
        assert done(tmp_path, setting)
    else:
        with pytest.raises(UserError, match="accepts by other thresholds of compact than"):
            done(tmp_path, setting)
