"""The real programs, end to end, on synthetic faces."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_inversion import data
from gan_inversion.core.record import Record
from tests.conftest import JAX, ROOT
from tests.few import fewer
from tests.programs import SMALL, WITHOUT_TENSORFLOW, call, finish, start

pytestmark = pytest.mark.usefixtures("small")

SMOKE = ("experiments.documented", "--smoke", "--methods")


@pytest.fixture
def a_small_product(monkeypatch):
    """The rate of the machine is measured on a matrix that takes little time."""
    monkeypatch.setattr("gan_inversion.protocols.speed.turns.MATRIX", 1024)


@pytest.fixture(scope="module")
def documented(tmp_path_factory, small):
    """A folder in which all methods of the documented protocol were trained."""
    folder = tmp_path_factory.mktemp("documented")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "Synthetic", fewer)
        output = call(folder, "experiments.documented", "--smoke")
    assert "runs/smoke/documented-synthetic.md" in output
    return folder


def test_documented(documented):
    smoke = documented / "runs" / "smoke"
    table = (smoke / "documented-synthetic.md").read_text()
    for method in ("mean_face", "documented_dense", "documented_conv", "documented_conv_bn"):
        assert f"| {method} | 1 | 14 |" in table
        name = f"{method}-synthetic-s0"
        record = Record.read(smoke / "records" / "documented" / f"{name}.json")
        assert not record.reported  # the thesis' figures are about LFW
        raw = np.load(smoke / "records" / "documented" / f"{name}.npz")
        for figure in ("test_loss", "test_accuracy"):
            assert record.metrics[figure].value == pytest.approx(raw[figure].mean(), rel=1e-5)
    run = smoke / "documented" / "documented_conv-synthetic-s0"
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 2]
    assert Image.open(run / "strips" / "reconstructions-002.png").size == (1440, 320)
    events = EventAccumulator(str(run)).Reload()
    assert {"train_loss", "train_accuracy", "test_loss"} <= set(events.Tags()["scalars"])
    assert events.Tags()["images"] == ["reconstructions"]


def test_a_killed_run_ends_with_the_same_numbers(documented, tmp_path):
    method = "documented_conv_bn"
    run = tmp_path / "runs" / "smoke" / "documented" / f"{method}-synthetic-s0"
    process = start(tmp_path, *SMOKE, method, program=SMALL)
    while not (run / "checkpoint.npz").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (run / "inverter").exists()  # it was in the middle
    finish(start(tmp_path, *SMOKE, method, program=SMALL))
    place = f"runs/smoke/records/documented/{method}-synthetic-s0"
    paths = [folder / place for folder in (documented, tmp_path)]
    through, killed = (Record.read(path.with_suffix(".json")).metrics for path in paths)
    assert through == killed
    through, killed = (np.load(path.with_suffix(".npz"))["test_loss"] for path in paths)
    np.testing.assert_array_equal(through, killed)


def test_ctrl_c_says_how_to_go_on(tmp_path):
    process = start(tmp_path, *SMOKE, "documented_dense", program=SMALL)
    while not list(tmp_path.glob("runs/smoke/documented/*/config.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 130, output
    assert "the same command goes on from there" in output
    assert "Traceback" not in output


def test_everything_runs_under_jax_without_tensorflow(tmp_path):
    pytest.importorskip("jax")
    arguments = (*SMOKE, "mean_face", "documented_conv_bn")
    finish(start(tmp_path, *arguments, program=("-c", WITHOUT_TENSORFLOW), **JAX))
    records = tmp_path / "runs" / "smoke" / "records" / "documented"
    record = Record.read(records / "documented_conv_bn-synthetic-s0.json")
    assert "jax" in record.env["packages"] and "tensorflow" not in record.env["packages"]


def test_a_full_disk_is_a_sentence(tmp_path):
    # A limit on file sizes fails the same calls as a full disk, with another reason.
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    process = subprocess.run(
        [sys.executable, *SMALL, *SMOKE, "mean_face"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "GAN_INVERSION_CACHE": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert process.returncode == 2
    assert "error: cannot write" in process.stderr and "File too large" in process.stderr
    assert "Traceback" not in process.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_checkpoint_for_which_there_is_no_room_is_a_sentence(tmp_path):
    def limit():  # views fit, weights and moments of forty million bytes each do not
        resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 20, 100 << 20))

    process = subprocess.run(
        [sys.executable, *SMALL, *SMOKE, "documented_dense"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=300,
    )
    assert process.returncode == 2 and "Traceback" not in process.stderr
    assert "checkpoint.npz: File too large" in process.stderr
    assert not list(tmp_path.rglob("checkpoint*")) and not list(tmp_path.rglob(".writing*"))


def test_train_compact(tmp_path):
    call(tmp_path, "experiments.train_compact", "--smoke")
    smoke = tmp_path / "runs" / "smoke"
    path = smoke / "records" / "verification" / "compact-synthetic-s0.json"
    figure = Record.read(path).metrics["aligned/auc"]
    assert 0.4 < figure.value < 1 and figure.ci[0] < figure.value < figure.ci[1]
    assert (smoke / "compact.npz").stat().st_size < 2_000_000


def test_verification(tmp_path):
    call(tmp_path, "experiments.verification", "--smoke")
    smoke = tmp_path / "runs" / "smoke"
    for view in ("whole", "aligned"):
        path = smoke / "records" / "verification" / f"compact_{view}-synthetic-s0.json"
        metrics = Record.read(path).metrics
        assert metrics["accuracy"].value > 0.95
        threshold = metrics["threshold@fmr=1e-2"]
        assert threshold.ci[0] < threshold.value < threshold.ci[1]
        run = smoke / "verification" / f"compact_{view}-synthetic"
        *folds, line = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        assert line["accuracy"] == metrics["accuracy"].value
        by_fold = [metrics[f"accuracy@fold={number}"].value for number in range(10)]
        assert [line["fold_accuracy"] for line in folds] == by_fold
        assert Image.open(run / "strips" / "hardest_impostor-000.png").size == (1440, 320)
        tags = EventAccumulator(str(run)).Reload().Tags()
        assert {"accuracy", "fold_accuracy"} <= set(tags["scalars"])
        assert set(tags["images"]) == {"hardest_genuine", "hardest_impostor"}


def test_training_speed(tmp_path, a_small_product):
    call(tmp_path, "experiments.training_speed", "--smoke")
    smoke = tmp_path / "runs" / "smoke"
    (path,) = (smoke / "records" / "speed").glob("*.json")
    metrics = Record.read(path).metrics
    assert metrics["step/images_per_second"].value > 0
    assert metrics["matmul/gflop_per_second"].value > 0
    assert 0 < metrics["step/share_of_matmul"].value < 1  # of what the machine can do
    assert "cgan" in (smoke / "speed.md").read_text()


def test_shadow_speed(tmp_path):
    call(tmp_path, "experiments.shadow_speed", "--smoke", "--decoders", "dense")
    smoke = tmp_path / "runs" / "smoke"
    (path,) = (smoke / "records" / "speed").glob("farm_dense-*.json")
    metrics = Record.read(path).metrics
    for way in ("keras", "alone", "together"):
        assert metrics[f"{way}/models_per_hour"].value > 0
    assert metrics["together/loss_difference"].value < 1e-3  # they are the same models
    assert "| dense |" in (smoke / "speed.md").read_text()


def test_embedding_speed(tmp_path, a_small_product):
    call(tmp_path, "experiments.embedding_speed", "--smoke")
    smoke = tmp_path / "runs" / "smoke"
    (path,) = (smoke / "records" / "speed").glob("compact_*float*-synthetic-s0.json")
    metrics = Record.read(path).metrics
    assert metrics["documented/speedup"].value > 1  # one picture a call is slow anywhere
    assert metrics["ours/share_of_matmul"].value < 1
    assert "| documented |" in (smoke / "speed.md").read_text()
    again = call(tmp_path, "experiments.embedding_speed", "--smoke")
    assert f"{path.name} exists: skipped" in again
