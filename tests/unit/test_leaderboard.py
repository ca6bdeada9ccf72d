"""The leaderboard: what enters it, what does not, and in which order it stands."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from experiments import submit
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Metric, Record, bare_spec, read_scores
from gan_inversion.core.schema import checksum
from gan_inversion.core.storage import sha256, sha256_file
from gan_inversion.metrics.reconstruction import PER_IMAGE, mse
from gan_inversion.protocols import read_split
from gan_inversion.reporting.entry import check_entry
from gan_inversion.reporting.leaderboard import leaderboard
from gan_inversion.reporting.transfer import read_victims
from tests.conftest import ROOT

RESULTS = ROOT / "results"
SOURCE = RESULTS / "records" / "inversion" / "adapter-lfw-s0.json"
FIGURE = "sface/sar_type2@fmr=1e-3"


@pytest.fixture(scope="module")
def entry():
    """A record that may enter: a published one under another name; and its raw scores."""
    published = Record.read(SOURCE)
    config = {**published.config, "pictures_digest": "0" * 64}
    spec = bare_spec("mine", "elsewhere")
    return replace(published, method="mine", spec=spec, config=config), read_scores(SOURCE)


def written(folder, entry, scores=None, **changes):
    record = replace(entry[0], **changes)
    return record.write(folder / "records", entry[1] if scores is None else scores)


def test_an_entry_is_checked_and_says_what_to_send(entry, tmp_path, capsys):
    submit.run_all(submit.Options(written(tmp_path, entry)))
    printed = capsys.readouterr().out
    assert "every figure was computed from its raw scores again" in printed
    assert "results/entries/inversion: mine-lfw-s0.json and mine-lfw-s0.npz" in printed


def better(record):
    metrics = dict(record.metrics)
    metrics[FIGURE] = Metric(0.999, metrics[FIGURE].ci, metrics[FIGURE].n)
    return {"metrics": metrics}


def narrower(record):
    metrics = dict(record.metrics)
    figure = metrics[FIGURE]
    metrics[FIGURE] = Metric(figure.value, (figure.value, figure.value), figure.n)
    return {"metrics": metrics}


def without(record):
    return {"metrics": {name: m for name, m in record.metrics.items() if name != FIGURE}}


def with_more(record):
    return {"metrics": {**record.metrics, "charm": Metric(1.0, None, 1)}}


def changed(name, **changes):
    def change(record):
        recognisers = dict(record.config["recognisers"])
        recognisers[name] = {**recognisers[name], **changes}
        return {"config": {**record.config, "recognisers": recognisers}}

    return change


def without_judge(record):
    recognisers = {n: d for n, d in record.config["recognisers"].items() if n != "dlib"}
    return {"config": {**record.config, "recognisers": recognisers}}


def without_digest(record):
    return {"config": {n: v for n, v in record.config.items() if n != "pictures_digest"}}


LENIENT = {"0.01": 0.0, "0.001": 0.1, "0.0001": 0.2}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (better, f"says {FIGURE} 0.999"),
        (narrower, f"says {FIGURE}"),
        (without, f"expected the figure {FIGURE}"),
        (with_more, "got none for charm"),
        (changed("sface", thresholds=LENIENT), "one set of thresholds of sface"),
        (changed("dlib", digest="1" * 64), "its dlib has other weights"),
        (without_judge, "expected the judge dlib"),
        (without_digest, "expected pictures_digest"),
        (lambda r: {"config": {**r.config, "pictures_digest": "\x1b[31m"}}, "pictures_digest"),
        (lambda r: {"config": {**r.config, "protocol": {}}}, "expected rules"),
        (lambda r: {"config": {"recognisers": {}}}, "expected rules"),
        (changed("mobilefacenet", digest="1" * 64), "its mobilefacenet has other weights"),
        (changed("mobilefacenet", thresholds={"abc": 0.1}), "one set of thresholds of mobile"),
        (lambda r: {"spec": bare_spec("mine", "Oracle")}, "expected a family of"),
        (lambda r: {"spec": bare_spec("other", "elsewhere")}, "expected name mine, got other"),
        (
            lambda r: {"spec": bare_spec("mine", "elsewhere") | {"training_images": 500}},
            "expected training_images None, got 500",
        ),
        (lambda r: {"protocol_hash": "0" * 16}, "expected protocol_hash"),
        (lambda r: {"part": "validation"}, "expected part test, got validation"),
        (lambda r: {"data_digest": "0" * 64}, "one data_digest"),
        (lambda r: {"knowledge": None}, "expected an attack"),
        (
            lambda r: {"method": "cgan_cpu", "spec": bare_spec("cgan_cpu", "elsewhere")},
            "has a method cgan_cpu",
        ),
        (lambda r: {"victim": "arcface"}, "a victim of the benchmark, got arcface"),
        (lambda r: {"spec": bare_spec("mine", "oracle")}, "expected an attack"),
    ],
)
def test_what_is_not_as_it_should_be_is_said(entry, tmp_path, change, sentence):
    path = written(tmp_path, entry, **change(entry[0]))
    with pytest.raises(UserError, match=sentence):
        check_entry(path, RESULTS)


def without_scores(name):
    return lambda scores: {key: values for key, values in scores.items() if key != name}


def altered(name, change):
    return lambda scores: {**scores, name: change(scores[name].copy())}


def first_is(value):
    def change(values):
        values[0] = value
        return values

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (altered("test_index", lambda v: v[:-1]), "expected test_index of the 2,443 images"),
        (altered("test_index", lambda v: v[::-1]), "expected test_index of the 2,443 images"),
        (without_scores("test_index"), "expected test_index of the 2,443 images"),
        (altered("copy/held_out_index", first_is(2)), "expected copy/held_out_index"),
        *(
            (without_scores(name), f"expected the raw scores {name}, got none")
            for name in ("dlib/type2", "sface/rank", "sface/undetected", "ssim", "swd/160")
        ),
        (altered("sface/rank", lambda v: v[:1]), "as sface/rank, got int32"),
        (altered("facenet/type1", lambda v: v.astype("int8")), "as facenet/type1, got int8"),
        (altered("facenet/others", lambda v: v[:, :2]), "as facenet/others, got float32"),
        (altered("c2st/index", lambda v: v * 0), "expected different indices of 0 to 2442"),
        *(
            (altered(name, first_is(value)), f"as {name}, got others")
            for name, value in (
                ("facenet/type1", 1e9),
                ("dlib/type2", 7.0),
                ("sface/others", -3.0),
                ("ssim", 5.0),
                ("ssim", np.nan),
                ("sface/rank", -4),
                ("swd/80", -1e6),
                ("c2st/originals", np.inf),
            )
        ),
        (altered("sface/type1", first_is(-1.0)), "expected sface/undetected or rejected"),
        (lambda s: {**s, "swd/x": s["swd/80"]}, "expected no raw scores swd/x"),
        (lambda s: {**s, "charm/best4": s["ssim"]}, "expected no raw scores charm/best4"),
    ],
)
def test_scores_have_the_form_of_the_benchmarks(entry, tmp_path, change, sentence):
    path = written(tmp_path, entry, change(entry[1]))
    with pytest.raises(UserError, match=f"{path.name}: .*{sentence}"):
        check_entry(path, RESULTS)


def test_a_metric_newer_than_the_benchmark_may_enter(entry, tmp_path, monkeypatch):
    monkeypatch.setitem(PER_IMAGE, "mse", mse)
    record, scores = entry
    figure = {"mse": Metric(0.25, (0.25, 0.25), len(scores["ssim"]))}
    values = np.full_like(scores["ssim"], 0.25)
    metrics = {"metrics": {**record.metrics, **figure}}
    check_entry(written(tmp_path, entry, {**scores, "mse": values}, **metrics), RESULTS)
    path = written(tmp_path / "short", entry, {**scores, "mse": values[:3]}, **metrics)
    with pytest.raises(UserError, match=r"expected a number for each image as mse, got \(3,\)"):
        check_entry(path, RESULTS)


@pytest.mark.parametrize("damage", [b"", b"nothing", "half", "array", "pickle"])
def test_damaged_scores_are_a_sentence(entry, tmp_path, damage):
    path = written(tmp_path, entry)
    scores = path.with_suffix(".npz")
    if damage == "half":
        scores.write_bytes(scores.read_bytes()[: scores.stat().st_size // 2])
    elif damage == "array":
        with scores.open("wb") as file:
            np.save(file, np.zeros(3))
    elif damage == "pickle":
        with scores.open("wb") as file:
            np.savez(file, test_index=np.array([{}], object))
    else:
        scores.write_bytes(damage)
    content = json.loads(path.read_text())
    content["scores_digest"] = sha256_file(scores)
    content["checksum"] = checksum(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"mine-lfw-s0.npz|expected test_index"):
        check_entry(path, RESULTS)


def test_other_results_and_copies_without_git_are_sentences(entry, tmp_path, capsys):
    environment = {**entry[0].env, "commit": None, "dirty": None}
    path = written(tmp_path, entry, env=environment)
    with pytest.raises(UserError, match="expected the results of the benchmark in"):
        check_entry(path, tmp_path / "nowhere")
    submit.run_all(submit.Options(path))
    assert "or is no git repository: say which" in capsys.readouterr().out


def test_the_reconstructions_are_those_that_were_examined(entry, tmp_path):
    files = list(read_split(RESULTS / "splits" / f"lfw-{entry[0].config['split']}.csv"))
    test = [files[place] for place in entry[1]["test_index"]]
    grey = np.full((160, 160, 3), 128, "uint8")
    Image.fromarray(grey).save(tmp_path / "grey.png")
    rows = "".join(f"{file},grey.png\n" for file in test)
    (tmp_path / "index.csv").write_text(f"image,reconstruction\n{rows}")
    digest = sha256(np.repeat(grey[None], len(test), axis=0).data)
    config = {**entry[0].config, "pictures_digest": digest}
    path = written(tmp_path / "same", entry, config=config)
    check_entry(path, RESULTS, reconstructions=tmp_path)
    other = written(tmp_path / "other", entry)
    with pytest.raises(UserError, match="expected the reconstructions of the record"):
        check_entry(other, RESULTS, reconstructions=tmp_path)


def test_best_first_with_entries_named_and_ceilings_left_out(entry):
    victims = read_victims(RESULTS / "records")
    tables = leaderboard({"facenet": [*victims["facenet"], entry[0]]}, entered={"mine"})
    assert [table.name for table in tables] == [
        "leaderboard_facenet_black_box",
        "leaderboard_facenet_white_box",
    ]
    black, white = tables
    assert {row[0]: row[-1] for row in black.rows}["mine"] == "an entry"
    for table in tables:
        rates = [row[1].mean for row in table.rows]
        assert rates == sorted(rates, reverse=True)
        assert [row[2] for row in table.rows] == [str(1 + n) for n in range(len(rates))]
        assert not {"oracle", "random", "translated"} & {row[0] for row in table.rows}
    assert {"cgan_cpu", "cgan_long"} <= {row[0] for row in white.rows}
    assert "<code>docs/own.md</code>" in black.html()
