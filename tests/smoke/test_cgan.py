"""The conditional GAN through the real programs, on drawn faces: trained, killed, used."""

import json
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image

from gan_inversion.data import Synthetic
from gan_inversion.record import Record, at
from gan_inversion.storage import MADE
from tests.conftest import JAX
from tests.programs import WITHOUT_TENSORFLOW, call, finish, start

PROGRAM = ("experiments.inversion", "--smoke", "--methods")
# Several threads add up in an order of their own, and twenty steps of Adam make much of it.
ALONE = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cgan")
    finish(start(folder, *PROGRAM, "cgan", **ALONE))
    return folder / "runs" / "smoke"


def log(smoke):
    lines = (smoke / "inversion/cgan-synthetic-s0/log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_its_record_says_what_it_knew_and_what_noise_adds(smoke):
    record = Record.read(smoke / "records/inversion/cgan-synthetic-s0.json")
    assert Record.read(smoke / "inversion/cgan-synthetic-s0/inverter/record.json") == record
    assert record.knowledge == "white_box" and record.config["identity"] > 0
    assert record.cost["parameters"] > 0 and record.cost["train_seconds"] > 0
    rates = [record.metrics[at(f"compact/sar_type2_best{k}", fmr=1e-2)] for k in (1, 4, 16)]
    assert rates[0].value <= rates[1].value <= rates[2].value
    assert record.metrics["diversity"].value > 0
    page = (smoke / "inversion-synthetic.md").read_text()
    assert "Several reconstructions of one embedding" in page and "white_box" in page


def test_a_killed_training_ends_with_the_same_numbers(smoke, tmp_path):
    again = tmp_path / "runs" / "smoke"
    process = start(tmp_path, *PROGRAM, "cgan", **ALONE)
    checkpoint = again / "inversion/cgan-synthetic-s0/checkpoint.npz"
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = log(again)
    assert killed[-1]["step"] < log(smoke)[-2]["step"]
    finish(start(tmp_path, *PROGRAM, "cgan", **ALONE))
    for one, other in zip(log(smoke), log(again), strict=True):
        for name in one:
            if name.startswith("train_"):
                assert other[name] == pytest.approx(one[name], rel=1e-4), name

    # Without its record it is examined again, by its weights, and not trained again.
    path = again / "records/inversion/cgan-synthetic-s0.json"
    record = Record.read(path)
    path.unlink()
    own = again / "inversion/cgan-synthetic-s0/inverter/record.json"
    assert own.exists() and not checkpoint.exists()
    output = call(tmp_path, *PROGRAM, "cgan")
    assert "cgan-synthetic-s0.json written from its run" in output and "cgan epoch" not in output
    assert Record.read(path) == record == Record.read(own)
    own.unlink()
    output = call(tmp_path, *PROGRAM, "cgan")
    assert "cgan-synthetic-s0 is trained" in output and "cgan epoch" not in output
    for words in ("type-I success rate at FMR 0.1 % published", "the published record stays"):
        assert words in output
    path.unlink(), own.unlink()
    output = call(tmp_path, *PROGRAM, "cgan")
    assert "cgan-synthetic-s0 is trained" in output and "cgan epoch" not in output
    assert Record.read(path).cost["train_seconds"] == record.cost["train_seconds"]
    for name, figure in record.metrics.items():
        assert Record.read(path).metrics[name].value == pytest.approx(figure.value, abs=1e-3), name


def test_the_black_box_is_trained_and_examined_under_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    program = ("-c", WITHOUT_TENSORFLOW)
    finish(start(tmp_path, *PROGRAM, "cgan_black_box", program=program, **JAX))
    smoke = tmp_path / "runs" / "smoke"
    record = Record.read(smoke / "records/inversion/cgan_black_box-synthetic-s0.json")
    assert record.knowledge == "black_box" and "jax" in record.env["packages"]
    assert 0.5 < record.metrics["c2st_auc"].value <= 1
    assert (smoke / "inversion/cgan_black_box-synthetic-s0/surrogate/log.jsonl").exists()


def test_a_users_embeddings_are_inverted(smoke, tmp_path):
    run = smoke / "inversion/cgan-synthetic-s0"
    vectors = np.random.default_rng(0).standard_normal((12, 512))
    np.savez(tmp_path / "mine.npz", embeddings=vectors)
    arguments = ("--model", str(run), "--input", "mine.npz", "--output", "out")
    output = call(tmp_path, "experiments.invert", *arguments)
    assert "out: 12 reconstructions by cgan" in output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        MADE,
        "contact_sheet.png",
        "verdicts.csv",
        *(f"{row:02d}.png" for row in range(12)),
    }
    assert Image.open(tmp_path / "out" / "00.png").size == (160, 160)
    assert Image.open(tmp_path / "out" / "contact_sheet.png").size == (1280, 2 * (160 + 40))
    lines = (tmp_path / "out" / "verdicts.csv").read_text().splitlines()
    assert lines[0] == "name,hypothesis,cosine,threshold,accepted" and len(lines) == 13
    (line,) = [line for line in output.splitlines() if "reconstructions are accepted by" in line]
    assert line.startswith(f"{sum(line.endswith(',yes') for line in lines)} of 12")


def test_a_users_photographs_are_inverted_once_where_hypotheses_look_alike(smoke, tmp_path):
    run = smoke / "inversion/cgan-synthetic-s0"
    (tmp_path / "photos").mkdir()
    for row, (_, frame) in enumerate(Synthetic(2, 2).frames()):
        Image.fromarray(frame).save(tmp_path / "photos" / f"face{row}.png")
    arguments = ("--model", str(run), "--input", "photos", "--output", "out")
    # Drawn faces are framed as LFW's; after thirty steps the noise does nothing that is seen.
    arguments = ("experiments.invert", *arguments, "--align", "never")
    output = call(tmp_path, *arguments, "--hypotheses", "2", code=2)
    assert "the hypotheses of cgan differ by " in output and not (tmp_path / "out").exists()
    output = call(tmp_path, *arguments)
    assert "4 photographs: 0 aligned by landmarks, 4 as is" in output
    assert Image.open(tmp_path / "out" / "contact_sheet.png").size == (640, 60 + 320)


def test_its_grid_shows_random_median_and_worst(smoke, tmp_path):
    run = smoke / "inversion/cgan-synthetic-s0"
    arguments = ("--models", str(run), "--dataset", "synthetic", "--output", "grid.png")
    call(tmp_path, "experiments.grid", *arguments, "--photographs")
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (3 * (28 + 2 * 160), 1760, 3)
    titles, pictures = grid[:28], grid[28 : 28 + 320, 160:]
    for words in (titles, grid[28 : 28 + 320, :160]):
        assert words.min() < 50 and np.mean(words == 255) > 0.5  # black on white
    assert pictures[:160].std() > 10 and pictures[160:].std() > 1
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy/inverter/record.json").unlink()
    arguments = ("--models", "copy", *arguments[2:])
    sentence = call(tmp_path, "experiments.grid", *arguments, code=2)
    assert "expected an examined run, but copy was only trained: examine it with" in sentence
