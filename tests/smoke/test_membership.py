"""Membership attacks on a user's matrices, through the real program."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments.membership import Options, run_all
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, at, read_scores
from gan_inversion.metrics.targets import check_matrices
from gan_inversion.protocols.membership.audit import audit
from gan_inversion.protocols.membership.own import read_matrices
from tests.few import few
from tests.programs import call

pytestmark = pytest.mark.usefixtures("small")


@pytest.fixture
def matrices(tmp_path):
    """60 images of 20 subjects under 12 models that remember: files in a folder."""
    random = np.random.default_rng(0)
    membership = random.permuted(np.tile([True, False], (60, 6)), axis=1)
    signal = 3 * membership + random.standard_normal((60, 12))
    np.savez(tmp_path / "signals.npz", log_mse=signal, ssim=signal / 10)
    np.savez(tmp_path / "membership.npz", membership=membership, subjects=np.arange(60) // 3)
    return tmp_path


def attack(folder, *options, signals="signals.npz", membership="membership.npz", code=0):
    names = ("--signals", signals, "--membership", membership)
    return call(folder, "experiments.membership", *names, *options, code=code)


def test_every_attack_on_every_signal_alone_and_together(matrices):
    output = attack(matrices)
    path = matrices / "runs/records/membership/signals-matrices-s0.json"
    assert "runs/records/membership/signals-matrices-s0.json" in output
    record = Record.read(path)
    assert record.config["signals"] == ["log_mse", "ssim"] and record.config["rows"] == 60
    for signal in ("log_mse", "ssim", "together"):
        for name in ("threshold", "lira_online_fixed", "rmia_online"):
            assert record.metrics[f"image/{name}/{signal}/auc"].value > 0.9
    # 360 non-members: one per cent of them is less than ten.
    assert record.metrics[at("image/threshold/ssim/tpr", fpr=1e-1)].value > 0.8
    assert record.metrics[at("image/threshold/ssim/tpr", fpr=1e-2)].value is None
    curve = read_scores(path)["image/threshold/log_mse/roc"]
    assert (np.diff(curve) >= 0).all() and curve[:, -1].tolist() == [1, 1]
    table = (matrices / "runs/tables/membership-signals.md").read_text()
    assert "| signals | together | rmia_online | 1 | 0.9" in table and "| n/a |" in table
    assert "skipped" in attack(matrices)
    # A second audit in the same folder stands beside the first, with its own table.
    (matrices / "signals.npz").rename(matrices / "again.npz")
    attack(matrices, signals="again.npz")
    for name in ("signals", "again"):
        assert (matrices / f"runs/tables/membership-{name}.md").exists()


def test_what_cannot_be_attacked_is_refused_in_a_sentence(matrices, monkeypatch):
    output = attack(matrices, signals="nowhere.npz", code=2)
    assert "expected an .npz or .npy file in nowhere.npz, found none" in output
    assert "Traceback" not in output
    monkeypatch.chdir(matrices)

    def refused(sentence, kind, **arrays):
        np.savez("other.npz", **arrays)
        names = {"signals": Path("signals.npz"), "membership": Path("membership.npz")}
        with pytest.raises(UserError, match=sentence):
            run_all(Options(**names | {kind: Path("other.npz")}))
        assert not Path("runs").exists()

    refused(r"loss in the shape .* got \(60, 11\)", "signals", loss=np.zeros((60, 11)))
    refused("expected numbers in loss", "signals", loss=np.full((60, 12), "a"))
    refused("expected members in every model", "membership", m=np.zeros((60, 12), bool))
    refused("one alone, got m, other", "membership", m=np.eye(60, 12), other=np.eye(60, 12))
    membership = np.load("membership.npz")["membership"]
    alone = {"membership": membership, "subjects": np.zeros(60)}
    refused("images of two subjects or more, got one", "membership", **alone)
    refused("name of a signal .* got 'a/b'", "signals", **{"a/b": np.zeros((60, 12))})
    refused("other than together", "signals", together=np.zeros((60, 12)))
    with pytest.raises(UserError, match="expected two images or more, got 0"):
        check_matrices(np.zeros((0, 12)), np.zeros((0, 12)))
    refused("a subject for each of 60", "membership", m=np.eye(60, 12), subjects=np.zeros(5))


def test_the_scores_beside_a_record_are_audited_as_they_are(matrices, monkeypatch):
    monkeypatch.chdir(matrices)
    known = dict(np.load("signals.npz")) | dict(np.load("membership.npz"))
    known = {f"image/{name}": array for name, array in known.items() if name != "subjects"}
    others = {"image/asked": np.arange(60), "image/threshold/ssim/roc": np.zeros((2, 81))}
    np.savez("scores.npz", **known, **others)
    signals, membership, subjects = read_matrices(Path("scores.npz"), None, unit="image")
    assert set(signals) == {"log_mse", "ssim"} and membership.shape == (60, 12)
    assert len(np.unique(subjects)) == 60
    (Path("plain.npz")).write_bytes(Path("signals.npz").read_bytes())
    with pytest.raises(UserError, match="expected an array called membership in it, or --memb"):
        read_matrices(Path("plain.npz"), None, unit="image")


def test_shadow_models_of_a_decoder(tmp_path):
    # As photographs: processes of Ray open them as this one does.
    for place, frame in few().frames():
        path = tmp_path / "photos" / few().files[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path)
    command = ("experiments.shadows", "--methods", "documented_dense_n20", "--models", "6")
    command += ("--epochs", "1", "2", "--dataset", "folder", "--data", "photos")
    command += ("--align", "never", "--victim", "compact", "--records", "runs/records")
    call(tmp_path, *command, "--tables", "runs")
    root = tmp_path / "runs/records"
    paths = sorted((root / "membership").glob("*.json"))
    assert [path.stem.split("-")[0][-3:] for path in paths] == ["_e1", "_e2"]
    record, scores = Record.read(paths[0]), read_scores(paths[0])
    assert record.knowledge == "black_box"
    assert 0 < record.cost["seconds"] < Record.read(paths[1]).cost["seconds"]
    assert "compact/sar_type1@fmr=1e-2" in record.metrics
    for unit in ("image", "subject"):
        signals = {name: scores[f"{unit}/{name}"] for name in ("log_mse", "ssim", "identity")}
        assert 20 <= record.config["members"][unit] < 24
        inside, rows = scores[f"{unit}/membership"], scores[f"{unit}/row"]
        people = rows if unit == "image" else np.arange(len(inside))
        again, _ = audit(signals, inside, people, unit=unit, fprs=(1e-1,), seed=0)
        for name in (f"{unit}/lira_offline/together/auc", f"{unit}/rmia_online/ssim/auc"):
            assert again[name].value == record.metrics[name].value
    table = (tmp_path / "runs/membership-folder-compact.md").read_text()
    assert "| documented_dense_n20 | black_box | 2 | 20 | " in table  # the ledger
    assert "| subject | documented_dense_n20 | 2 | 2" in table

    # Interrupted after some parts, it trains only what is missing; by Ray to the same numbers.
    paths[0].unlink()
    folder = tmp_path / "runs/membership/documented_dense_n20-folder-compact-s0"
    (folder / "subject-04.npz").unlink()
    (folder / "subject-00.npz").unlink()
    output = call(tmp_path, *command, "--tables", "runs", "--workers", "2")
    assert "2 workers: 100%" in output and "2/2" in output
    again = Record.read(paths[0])
    for name, value in record.metrics.items():
        assert again.metrics[name].value == pytest.approx(value.value, abs=1e-6), name
