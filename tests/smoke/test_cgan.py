"""The conditional GAN through the real programs, on drawn faces: trained, killed, used."""

import json
import shutil
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gan_inversion.core.places import MADE
from gan_inversion.core.record import Record, at, read_scores
from gan_inversion.data import Synthetic
from tests.conftest import JAX
from tests.programs import SMALL as IN_SMALL
from tests.programs import WITHOUT_TENSORFLOW, call, finish, start

pytestmark = pytest.mark.usefixtures("small")

PROGRAM = ("experiments.inversion", "--smoke", "--methods")
# Of all terms but those of a discriminator: an interruption is the same with and without, as
# tests of the class show, and to trace one takes longer than all else.
PLAIN = ("experiments.train", "cgan_identity_smoke", "--victim", "compact")
PLAIN += ("--dataset", "synthetic", "--cgan.steps", "8", "--cgan.warmup", "0")
# Several threads add up in an order of their own, and many steps of Adam make much of it.
ALONE = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cgan")
    call(folder, *PROGRAM, "cgan")
    return folder / "runs" / "smoke"


def log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_its_record_says_what_it_knew_and_what_noise_adds(smoke):
    record = Record.read(smoke / "records/inversion/cgan-synthetic-s0.json")
    assert Record.read(smoke / "inversion/cgan-synthetic-s0/inverter/record.json") == record
    assert record.knowledge == "white_box" and record.config["identity"] > 0
    assert record.cost["parameters"] > 0 and record.cost["train_seconds"] > 0
    rates = [record.metrics[at(f"compact/sar_type2_best{k}", fmr=1e-2)] for k in (1, 4, 16)]
    assert rates[0].value <= rates[1].value <= rates[2].value
    picked = record.metrics[at("compact/sar_type2_picked16", fmr=1e-2)].value
    assert picked <= rates[2].value
    assert record.metrics["diversity"].value > 0
    page = (smoke / "inversion-synthetic.md").read_text()
    assert "Several reconstructions of one embedding" in page and "white_box" in page


def test_a_killed_training_ends_with_the_same_numbers(tmp_path):
    through, killed = tmp_path / "through", tmp_path / "killed"
    for folder in (through, killed):
        folder.mkdir()
    finish(start(through, *PLAIN, program=IN_SMALL, **ALONE))
    (once,) = through.glob("runs/inversion/cgan*")
    assert once.name == "cgan_identity_smoke_steps8_warmup0-synthetic-s0"
    run = killed / once.relative_to(through)
    process = start(killed, *PLAIN, program=IN_SMALL, **ALONE)
    while not (run / "checkpoint.npz").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert log(run)[-1]["step"] < log(once)[-2]["step"]
    finish(start(killed, *PLAIN, program=IN_SMALL, **ALONE))
    for one, other in zip(log(once), log(run), strict=True):
        for name in one:
            if name.startswith("train_"):
                assert other[name] == pytest.approx(one[name], rel=1e-4), name


def test_without_its_record_it_is_examined_again_by_its_weights(smoke, tmp_path):
    shutil.copytree(smoke, tmp_path / "runs/smoke")
    run = tmp_path / "runs/smoke/inversion/cgan-synthetic-s0"
    path = tmp_path / "runs/smoke/records/inversion/cgan-synthetic-s0.json"
    record, own = Record.read(path), run / "inverter/record.json"
    path.unlink()
    assert own.exists() and not (run / "checkpoint.npz").exists()
    output = call(tmp_path, *PROGRAM, "cgan")
    assert "cgan-synthetic-s0.json written from its run" in output and "cgan epoch" not in output
    assert Record.read(path) == record == Record.read(own)
    own.unlink()
    output = call(tmp_path, *PROGRAM, "cgan")
    assert "cgan-synthetic-s0 is trained" in output and "cgan epoch" not in output
    for words in ("type-I success rate at FMR 0.1 % published", "the published record stays"):
        assert words in output
    path.unlink()
    older = {name: figure for name, figure in record.metrics.items() if name != "ssim"}
    replace(record, metrics=older).write_to(own, read_scores(own))  # before there was SSIM
    output = call(tmp_path, *PROGRAM, "cgan")
    assert "cgan-synthetic-s0 is trained" in output and "cgan epoch" not in output
    assert Record.read(own) == Record.read(path)
    assert Record.read(path).cost["train_seconds"] == record.cost["train_seconds"]
    for name, figure in record.metrics.items():
        assert Record.read(path).metrics[name].value == pytest.approx(figure.value, abs=1e-3), name


def test_the_black_box_is_trained_and_examined_under_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    faces = Synthetic(60, 2, first=50_000)
    for (_, frame), file in zip(faces.frames(), faces.files, strict=True):
        path = tmp_path / "photos" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path)
    source = ("--dataset", "folder", "--data", "photos", "--align", "never")
    source += ("--victim", "compact", "--judges", "--seeds", "0", "--records", "records")
    # Without an opponent: what both do under JAX a test of the step shows.
    small = ("--cgan.side", "64", "--cgan.width", "4", "--cgan.adversarial", "0")
    small += ("--cgan.projected", "0", "--cgan.diversity", "0")
    small += ("--cgan.steps", "2", "--cgan.interval", "2", "--cgan.warmup", "0")
    # One image of each embedding: how others are made does not hang on the backend.
    small += ("--cgan.corrections", "0", "--cgan.noise", "0")
    small += ("--cgan.surrogate", "1", "--cgan.batch-size", "4", "--cgan.precision", "float32")
    command = ("experiments.inversion", "--methods", "cgan_black_box", *small, *source)
    program = ("-c", WITHOUT_TENSORFLOW)
    finish(start(tmp_path, *command, "--tables", "tables", program=program, **JAX))
    (path,) = tmp_path.glob("records/inversion/cgan_black_box_*-folder-compact-s0.json")
    record = Record.read(path)
    assert record.knowledge == "black_box" and "jax" in record.env["packages"]
    assert 0.5 < record.metrics["c2st_auc"].value <= 1
    assert list(tmp_path.glob("runs/inversion/*/surrogate/log.jsonl"))


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
        name = f"face{row}" if row else "contact_sheet"
        Image.fromarray(frame).save(tmp_path / "photos" / f"{name}.png")
    arguments = ("--model", str(run), "--input", "photos", "--output", "out")
    # Drawn faces are framed as LFW's; after six steps the noise does nothing that is seen.
    arguments = ("experiments.invert", *arguments, "--align", "never")
    output = call(tmp_path, *arguments, "--hypotheses", "2", code=2)
    assert "the hypotheses of cgan differ by " in output and not (tmp_path / "out").exists()
    output = call(tmp_path, *arguments)
    assert "4 photographs: 0 aligned by landmarks, 4 as is" in output
    assert Image.open(tmp_path / "out" / "contact_sheet.png").size == (640, 60 + 320)
    assert Image.open(tmp_path / "out" / "contact_sheet-face.png").size == (160, 160)


def test_its_grid_shows_random_median_and_worst(smoke, tmp_path):
    run = smoke / "inversion/cgan-synthetic-s0"
    arguments = ("--models", str(run), "--dataset", "synthetic", "--output", "grid.png")
    call(tmp_path, "experiments.grid", *arguments, "--photographs")
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (3 * (40 + 2 * 160), 230 + 1600, 3)
    titles, pictures = grid[:40], grid[40 : 40 + 320, 230:]
    for words in (titles, grid[40 : 40 + 320, :230]):
        assert words.min() < 50 and np.mean(words == 255) > 0.5  # black on white
    assert pictures[:160].std() > 10 and pictures[160:].std() > 1
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy/inverter/record.json").unlink()
    arguments = ("--models", "copy", *arguments[2:])
    sentence = call(tmp_path, "experiments.grid", *arguments, code=2)
    assert "expected an examined run for median and worst images, but copy was only" in sentence
    call(tmp_path, "experiments.grid", *arguments, "--groups", "random")
    alone = np.asarray(Image.open(tmp_path / "grid.png"))
    np.testing.assert_array_equal(alone[:, 230:], pictures[160:])  # the same people
