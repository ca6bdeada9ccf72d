"""Membership attacks on a user's matrices, through the real program."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from experiments.membership import Options, run_all
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, at, read_scores
from gan_inversion.metrics.leak import audited_epsilon, without_copies
from gan_inversion.metrics.targets import check_matrices
from gan_inversion.protocols.membership.audit import Rows, audit
from gan_inversion.protocols.membership.lines import read_lines
from gan_inversion.protocols.membership.matrices import read_audits, read_matrices
from gan_inversion.protocols.membership.own import audit_own, unproven
from gan_inversion.reporting import check
from gan_inversion.reporting.audit import sentence
from tests.few import few
from tests.programs import call, finish, start

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
    """Run the program on a file of signals, on more files if they come first, with options."""
    names = ("--membership", membership, "--signals", signals)
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


def test_audits_stand_side_by_side_on_a_page(matrices):
    random = np.random.default_rng(1)
    np.savez(matrices / "private.npz", log_mse=random.standard_normal((60, 12)))
    groups = np.array(["old", "young"])[np.arange(60) % 2]
    (matrices / "groups.txt").write_text("\n".join(groups))
    output = attack(matrices, "private.npz", "--labels", "plain", "noisy", "--groups", "groups.txt")
    assert "runs/tables/membership-plain-noisy.html" in output
    page = (matrices / "runs/tables/membership-plain-noisy.html").read_text()
    for expected in ("60 images", "Side by side", "AUC: noisy", "<svg", "Proven epsilon", "young"):
        assert expected in page
    assert not re.search(r"<script|<link|(src|href)=['\"](?!#|data:)", page)
    record = Record.read(matrices / "runs/records/membership/plain-matrices-s0.json")
    assert record.metrics["within/old/threshold"].n == 30
    few = [name for name in record.metrics if name.startswith("few_")]
    assert "few_1/image/base_online" in few and "few_4/image/lira_online" in few
    assert "usage_100/image" not in record.metrics  # a model has fewer members
    sentences = "expected a label and a membership for each of 2 files of signals"
    assert sentences in attack(matrices, "private.npz", "--labels", "one", code=2)
    assert "a name of its own" in attack(
        matrices, "private.npz", "--labels", "same", "Same", code=2
    )


@pytest.mark.parametrize("kind", ["csv", "npy", "meter"])
def test_matrices_come_in_other_forms(matrices, monkeypatch, capsys, kind):
    monkeypatch.chdir(matrices)
    signal, inside = np.load("signals.npz")["log_mse"], np.load("membership.npz")["membership"]
    if kind == "csv":
        np.savetxt("loss.csv", signal, delimiter=",")
        np.savetxt("in.csv", inside, delimiter=",", fmt="%d")
        given = read_matrices(Path("loss.csv"), Path("in.csv"))
    elif kind == "npy":
        np.save("loss.npy", signal.T)
        np.save("in.npy", inside.T)
        given = read_matrices(Path("loss.npy"), Path("in.npy"), models_first=True)
    else:
        Path("exp/signals").mkdir(parents=True)
        np.save("exp/signals/rmia_signals.npy", 1 / (1 + np.exp(-signal)))
        np.save("exp/signals/rmia_signals_pop.npy", np.ones((9, 12)))
        Path("exp/models").mkdir()
        np.save("exp/models/memberships.npy", inside.T)
        given = read_matrices(Path("exp"))
        np.testing.assert_allclose(given.signals["rmia"], -np.log1p(np.exp(-signal)))
        np.save("exp/signals/rmia_signals.npy", signal)
        with pytest.raises(UserError, match="expected probabilities"):
            read_matrices(Path("exp"))
        with pytest.raises(UserError, match="expected one memberships"):
            read_matrices(Path("exp/signals"))
        # Some versions wrote cross-entropies as losses, and some probabilities.
        Path("exp/signals/rmia_signals.npy").unlink()
        np.save("exp/signals/loss_signals.npy", np.exp(-signal))
        read = read_matrices(Path("exp"))
        np.testing.assert_allclose(read.signals["loss"], -np.exp(-signal))
        np.save("exp/signals/loss_signals.npy", np.exp(-np.abs(signal)))
        with pytest.raises(UserError, match="may hold losses or probabilities"):
            read_matrices(Path("exp"))
    if kind != "meter":
        np.testing.assert_allclose(given.signals["loss"], signal)
    np.testing.assert_array_equal(given.membership, inside)
    assert capsys.readouterr().err == ""


def test_matrices_that_lie_on_their_side_are_noticed(matrices, monkeypatch, capsys):
    monkeypatch.chdir(matrices)
    inside = np.load("membership.npz")["membership"]
    np.save("in.npy", inside.T)
    given = read_matrices(Path("signals.npz"), Path("in.npy"))
    np.testing.assert_array_equal(given.membership, inside)
    assert "membership has the models first; it was turned" in capsys.readouterr().err
    np.savez("wide.npz", loss=np.load("signals.npz")["ssim"].T, membership=inside.T)
    read_matrices(Path("wide.npz"))
    assert "60 models and only 12 images" in capsys.readouterr().err
    np.savez("features.npz", membership=inside, features=np.zeros(60))
    with pytest.raises(UserError, match="expected features for each of 60 images"):
        read_matrices(Path("signals.npz"), Path("features.npz"))


def write_csv(name, matrix, rows, columns):
    """As pandas does: an index without a name, and numbers as names of rows."""
    lines = [f"{row + 202:06}," + ",".join(map(str, matrix[row, columns] + 0.0)) for row in rows]
    header = "," + ",".join(f"m{column}" for column in columns)
    Path(f"{name}.csv").write_text("\n".join([header, *lines]))


def write_parquet(name, matrix, rows, columns):
    """As pandas does: the index is a column of its own."""
    table = {f"m{column}": matrix[rows, column] + 0.0 for column in columns}
    table["__index_level_0__"] = [f"{row + 202:06}.jpg" for row in rows]
    parquet.write_table(pyarrow.table(table), f"{name}.parquet")


def test_whose_rows_these_are_is_not_guessed(matrices, monkeypatch, capsys):
    monkeypatch.chdir(matrices)
    random = np.random.default_rng(0)
    signal, inside = np.load("signals.npz")["log_mse"], np.load("membership.npz")["membership"]
    np.save("wide.npy", signal.T)  # the signals alone have the models first
    given = read_matrices(Path("wide.npy"), Path("membership.npz"))
    assert given.membership.shape == given.signals["wide"].shape == (60, 12)
    assert "wide has the models first; it was turned" in capsys.readouterr().err
    for name, order in (("one", range(60)), ("other", range(59, -1, -1))):
        rows = [f"p{row:02},{','.join(map(str, signal[row]))}" for row in order]
        Path(f"{name}.csv").write_text("\n".join(["image," + ",".join("abcdefghijkl"), *rows]))
    assert read_matrices(Path("one.csv"), Path("membership.npz")).signals["one"].shape == (60, 12)
    with pytest.raises(UserError, match="the same rows"):
        read_matrices(Path("one.csv"), Path("other.csv"))
    # Rows that are numbered from 0, as pandas does, and then shuffled.
    for name, order in (("counted", range(60)), ("shuffled", random.permutation(60))):
        lines = [f"{row},{','.join(map(str, inside[row] * 1))}" for row in order]
        Path(f"{name}.csv").write_text("\n".join(["," + ",".join("abcdefghijkl"), *lines]))
    numbered = [f"{row},{','.join(map(str, signal[row]))}" for row in range(60)]
    Path("plain.csv").write_text("\n".join(["," + ",".join("abcdefghijkl"), *numbered]))
    assert read_matrices(Path("plain.csv"), Path("counted.csv")).membership.shape == (60, 12)
    with pytest.raises(UserError, match="the same rows"):
        read_matrices(Path("plain.csv"), Path("shuffled.csv"))
    # Names that are numbers, an index of pandas in Parquet, and the names of columns.
    rows, columns = np.arange(60), np.arange(12)
    for write, ending in ((write_csv, "csv"), (write_parquet, "parquet")):
        write("signals", signal, rows, columns)
        write("members", inside, rows, columns)
        given = read_matrices(Path(f"signals.{ending}"), Path(f"members.{ending}"))
        np.testing.assert_allclose(given.signals["signals"], signal)
        write("rows", inside, rows[::-1], columns)
        write("columns", inside, rows, columns[::-1])
        for kind in ("rows", "columns"):
            with pytest.raises(UserError, match=f"the same {kind} in .*, in the same order"):
                read_matrices(Path(f"signals.{ending}"), Path(f"{kind}.{ending}"))
    np.savez("both.npz", loss=signal, membership=inside.astype(float))
    assert set(read_matrices(Path("both.npz"), Path("both.npz")).signals) == {"loss"}
    # The same numbers as another thing are another audit.
    one, two = (np.arange(60) // size for size in (3, 5))
    digests = []
    for arrays in ({"subjects": one}, {"groups": one}, {"subjects": two}, {}):
        np.savez("about.npz", membership=inside, **arrays)
        digests.append(read_matrices(Path("signals.npz"), Path("about.npz")).digest)
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"membership": np.array(1)}, "as 0 and 1 in a matrix .* got int64"),
        ({"membership": np.eye(60, 12) + 0j}, "got complex128"),
        (
            {"image/loss": np.zeros((60, 12)), "loss": np.zeros((60, 12))},
            "before every name or none",
        ),
        ({"m": np.eye(60, 12), "subjects": np.full(60, np.nan)}, "finite numbers as subjects"),
        ({"m": np.eye(60, 12), "groups": np.array([b"\xff"] * 60)}, "in UTF-8"),
        ({"m": np.eye(60, 12), "groups": np.array(["\ud800"] * 60)}, "in UTF-8"),
        ({"m": np.eye(60, 12), "features": np.full((60, 2), np.nan)}, "finite numbers as features"),
        ({"m": np.eye(60, 12), "features": np.full((60, 2), "a")}, "finite numbers as features"),
        ({"m": np.eye(60, 12), "features": np.zeros((60, 0))}, "finite numbers as features"),
    ],
)
def test_arrays_that_are_no_such_thing_are_refused(matrices, monkeypatch, arrays, sentence):
    monkeypatch.chdir(matrices)
    np.savez("odd.npz", **arrays)
    with pytest.raises(UserError, match=sentence):
        read_matrices(Path("signals.npz"), Path("odd.npz"))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("g.txt", "a\n" * 61, r"one line for each of 60 images, got \(61,\)"),
        ("g.csv", "group\n" + "a\n" * 30 + "\n" + "a\n" * 29, "an empty line"),
        ("g.csv", "image,subject\n" + "x,a\n" * 60, "expected one column, got 2"),
        ("g.txt", "", "one line for each"),
    ],
)
def test_a_file_of_lines_is_not_shifted(matrices, monkeypatch, name, text, sentence):
    monkeypatch.chdir(matrices)
    Path(name).write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_lines(Path(name), 60)
    quoted = Path("quoted.csv")
    quoted.write_text('subject\n"a"\n' + "b\n" * 59)
    assert read_lines(quoted, 60)[0] == "a"


def test_one_slice_alone_is_enough_and_a_small_one_is_refused(matrices):
    (matrices / "groups.csv").write_text("group\n" + "all\n" * 60)
    attack(matrices, "--groups", "groups.csv")
    record = Record.read(matrices / "runs/records/membership/signals-matrices-s0.json")
    assert record.metrics["within/all/threshold"].n == 60
    (matrices / "groups.csv").write_text("\n".join(str(row // 10) for row in range(60)))
    output = attack(matrices, "--groups", "groups.csv", "--labels", "tens", code=2)
    assert "expected a group with 20 images or more" in output
    assert not (matrices / "runs/records/membership/tens-matrices-s0.json").exists()


def test_what_cannot_be_attacked_is_refused_in_a_sentence(matrices, monkeypatch):
    output = attack(matrices, signals="nowhere.npz", code=2)
    assert "expected matrices in nowhere.npz" in output
    assert "Traceback" not in output
    monkeypatch.chdir(matrices)

    def refused(sentence, kind, **arrays):
        np.savez("other.npz", **arrays)
        names = {"signals": (Path("signals.npz"),), "membership": (Path("membership.npz"),)}
        with pytest.raises(UserError, match=sentence):
            run_all(Options(**names | {kind: (Path("other.npz"),)}))
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
    refused(
        "expected subjects for each of 60", "membership", m=np.eye(60, 12), subjects=np.zeros(5)
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "membership",
            2,
            r"expected 0 and 1 only in membership, got 2 in row 5, column 3 .*2 more",
        ),
        ("membership", np.nan, "expected 0 and 1 only in membership, got nan in row 5, column 3"),
        ("loss", np.nan, r"expected numbers below 1e\+300 in loss, got nan in row 5, column 3"),
        ("loss", -np.inf, r"expected numbers below 1e\+300 in loss, got -inf in row 5, column 3"),
    ],
)
def test_a_wrong_value_is_named_before_any_audit_begins(
    matrices, monkeypatch, name, value, sentence
):
    monkeypatch.chdir(matrices)
    inside = np.load("membership.npz")["membership"].astype(float)
    arrays = {"loss": inside.copy(), "membership": inside}
    np.savez("good.npz", **arrays)
    arrays[name][5:8, 3] = value
    np.savez("bad.npz", **arrays)
    with pytest.raises(UserError, match=f"bad.npz: {sentence}"):
        run_all(Options((Path("good.npz"), Path("bad.npz"))))
    assert not Path("runs").exists()


def test_pairs_with_too_few_models_of_a_kind_are_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(2)
    for models in (8, 16):
        inside = random.integers(0, 2, (600, models))  # as drawn by coins
        with_it = inside.sum(axis=1, keepdims=True) - inside  # beside the target
        few = np.minimum(with_it, models - 1 - with_it) < 2
        signal = random.standard_normal(inside.shape)
        np.savez("coins.npz", a=signal, membership=inside, groups=np.arange(600) % 2)
        audits = read_audits(
            [Path("coins.npz")], [], [], unit="image", models_first=False, described={}
        )
        given = audits["coins"]
        left = f"coins.npz: {few.sum():,} of {few.size:,} pairs of image and target are left out"
        assert few.any() and left in capsys.readouterr().err
        record = audit_own(given, f"coins{models}", unit="image", seed=0, records=tmp_path)
        assert "no epsilon is proven" not in capsys.readouterr().err
        for attack in ("lira_online", "lira_offline"):
            name = f"image/{attack}/a"
            assert record.metrics[f"{name}/auc"].n == (~few).sum()
            assert record.metrics[f"{name}/epsilon"].value < 0.1


def test_a_loss_without_its_minus_is_noticed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    inside = random.permuted(np.tile([True, False], (300, 4)), axis=1)
    noise = random.standard_normal(inside.shape)
    signals = {"loss": -2 * inside + noise, "noise": noise, "right": 2 * inside + noise}
    for name, signal in signals.items():
        np.savez(f"{name}.npz", **{name: signal, "membership": inside})
    run_all(Options(tuple(Path(f"{name}.npz") for name in signals)))
    told = capsys.readouterr().err
    warning = "Members have smaller values of loss than others"
    assert f"loss: {warning}" in told and "values of noise" not in told and "of right" not in told
    page = Path("runs/tables/membership-loss-noise-right.html").read_text()
    assert page.count("if it is a loss or a distance, give minus it") == 1 and warning in page
    # Of a loss the attack of the sentence sees nothing; one that looks at both kinds of shadows
    # does, and as all images are equally hard, it beats the former on the right signal too.
    assert page.count("Another attack tells more") == 2
    assert "found while at most 1 %" in page
    (table,) = Path("runs/tables").glob("membership-noise.md")
    text = table.read_text()
    assert "experiments.membership" in text and "experiments.shadows" not in text


def test_the_scores_beside_a_record_are_audited_as_they_are(matrices, monkeypatch):
    monkeypatch.chdir(matrices)
    known = dict(np.load("signals.npz")) | dict(np.load("membership.npz"))
    known = {f"image/{name}": array for name, array in known.items() if name != "subjects"}
    others = {"image/asked": np.arange(60), "image/threshold/ssim/roc": np.zeros((2, 81))}
    np.savez("scores.npz", **known, **others)
    given = read_matrices(Path("scores.npz"))
    assert set(given.signals) == {"log_mse", "ssim"} and given.membership.shape == (60, 12)
    assert len(np.unique(given.subjects)) == 60
    (Path("plain.npz")).write_bytes(Path("signals.npz").read_bytes())
    with pytest.raises(UserError, match="expected an array called membership in it, or --memb"):
        read_matrices(Path("plain.npz"))


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
        again, _ = audit(signals, Rows(inside.astype(bool), people, unit, 0), fprs=(1e-1,))
        assert (
            "subject/ramia/log_mse/auc" in record.metrics
        ) and "ready/subject/ramia/log_mse" in scores
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
    # Its processes have other numbers of threads, whose sums differ in the last bit: two scores
    # that are nearly equal may change places, so what is ranked is compared, not the ranks.
    again = read_scores(paths[0])
    assert again.keys() == scores.keys()
    for name in (f"{u}/{s}" for u in ("image", "subject") for s in ("log_mse", "ssim", "identity")):
        np.testing.assert_allclose(again[name], scores[name], rtol=1e-3, atol=1e-4, err_msg=name)
    assert Record.read(paths[0]).metrics.keys() == record.metrics.keys()
    check.check_record(paths[0])


def test_other_judges_see_the_first_model_at_once_or_later(tmp_path):
    (tmp_path / "other.py").write_text(
        "def other(images):\n"
        "    small = images[:, 10::20, 10::20].mean(axis=-1).reshape(len(images), -1)\n"
        "    return small - small.mean(axis=1, keepdims=True)\n"
    )
    judges = ("--judges", "other.py:other")
    command = ("experiments.shadows", "--smoke", "--methods", "documented_dense_n20", *judges)
    call(tmp_path, *command, "--units", "image", "--signals", "log_mse", "--epochs", "1")
    results = tmp_path / "runs/smoke"
    (path,) = results.glob("records/membership/*_e1-synthetic-s0.json")
    once, scores = Record.read(path), read_scores(path)
    rate = at("other/sar_type1", fmr=1e-2)
    of_victim = once.metrics[at("compact/sar_type1", fmr=1e-2)]
    assert of_victim.n == 4 * once.metrics[rate].n  # the victim sees four models
    check.check_record(path)

    def written(folder, spoilt):
        """The record as if no other judge had been asked, and its victim had seen other faces."""
        shutil.copytree(results / "splits", tmp_path / folder / "splits")
        old = replace(
            once,
            config={name: value for name, value in once.config.items() if name != "judges"},
            metrics={n: m for n, m in once.metrics.items() if not n.startswith("other/")},
        )
        kept = {name: a for name, a in scores.items() if not name.startswith("other/")}
        old.write(tmp_path / folder / "records", kept | {"compact/type1": spoilt})
        given = ("--again", f"{folder}/records", "--records", f"{folder}/later/records", *judges)
        return ("experiments.shadows", *given, "--dataset", "synthetic", "--victim", "compact")

    call(tmp_path, *written("old", scores["compact/type1"]))
    later = Record.read(tmp_path / "old/later/records/membership" / path.name)
    assert set(later.config["judges"]) == {"other"}
    assert later.config["judged_anew"]["cosines_apart"] < 1e-4
    for figure, value in once.metrics.items():
        assert later.metrics[figure].value == pytest.approx(value.value, abs=1e-6), figure
    # Another model under the same name is not taken for it.
    output = call(tmp_path, *written("false", scores["compact/type1"] + 0.1), code=2)
    assert "trained anew it gives other reconstructions: cosines differ by" in output


@pytest.mark.parametrize("kind", ["images", "models"])
def test_where_some_have_more_members_nothing_is_proven(tmp_path, capsys, kind):
    """The signals depend on the share of members only; so nothing leaks, and AUCs exceed 0.5."""
    random = np.random.default_rng(0)
    share = np.where(np.arange(400) % 2, 0.3, 0.7)[:, None]
    if kind == "models":
        share = np.where(np.arange(16) % 2, 0.4, 0.6)
    membership = random.random((400, 16)) < share
    signal = 4 * share + random.standard_normal((400, 16))
    enough = np.abs(membership.sum(axis=1) - 8) < 6  # shadows with an image, and without it
    membership, signal = membership[enough], signal[enough]
    np.savez(tmp_path / "uneven.npz", loss=signal, membership=membership)
    given = read_matrices(tmp_path / "uneven.npz")
    record = audit_own(given, "uneven", unit="image", seed=0, records=tmp_path)
    assert "no epsilon is proven" in capsys.readouterr().err
    assert record.metrics["image/threshold/loss/auc"].ci[0] > 0.52
    assert record.metrics["image/threshold/loss/epsilon"].value is None
    said = sentence(record)  # on the page too, whenever it is made
    assert f"No epsilon is proven: {record.config['unproven']}." in said
    assert "independent draws would give" in said or "neither in equally many" in said


def test_a_perfect_leak_of_few_images_is_called_one(matrices):
    membership = np.load(matrices / "membership.npz")["membership"]
    np.savez(matrices / "perfect.npz", loss=membership * 1.0)
    attack(matrices, signals="perfect.npz")
    page = (matrices / "runs/tables/membership-perfect.html").read_text()
    assert "There are too few to say what is found at a false positive rate" in page
    assert "ranks above another with a chance of 1.000" in page
    assert "No training with a differential privacy of epsilon below" in page


def test_what_is_read_is_not_written_over(matrices):
    for place in ("runs/records/membership/mine-matrices-s0.npz", "runs/tables/mine.npz"):
        (matrices / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(matrices / "signals.npz", matrices / place)
        before = (matrices / place).read_bytes()
        said = attack(matrices, "--labels", "mine", signals=place, code=2)
        assert "expected a place of its own to write to" in said
        assert (matrices / place).read_bytes() == before


def test_two_audits_of_one_name_at_once_are_one(matrices):
    given = ("experiments.membership", "--signals", "signals.npz", "--membership", "membership.npz")
    left = matrices / "runs/records/membership/.writing-0"  # by a killed one
    left.mkdir(parents=True)
    both = [start(matrices, *given) for _ in range(2)]
    said = "".join(finish(process) for process in both)
    assert said.count("exists: skipped") == 1 and not left.exists()


@pytest.mark.parametrize("count", [2, 10])
def test_copies_of_an_image_count_once(count):
    """Else some luck with 60 images would be proven by 600."""
    random = np.random.default_rng(0)
    inside = random.permuted(np.tile([True, False], (60, 16)), axis=1)
    signal = random.standard_normal((60, 32))
    people = np.arange(60)
    one = audited_epsilon(signal, inside, people, delta=1e-5)
    copies = [array.repeat(count, axis=0) for array in (signal, inside, people)]
    assert audited_epsilon(*copies, delta=1e-5) == one
    scores, members, subjects = without_copies(*copies)
    np.testing.assert_allclose(scores, signal)
    assert (members == inside).all() and (subjects == people).all()
    # With few targets two images are in or out together by chance: only equal ones are copies.
    few, inside_few = (array[:, :4] for array in copies[:2])
    assert len(without_copies(few, inside_few, copies[2])[0]) == 60
    unlike = few + random.standard_normal(few.shape)
    assert len(without_copies(unlike, inside_few, copies[2])[0]) == (120 if count == 2 else 60)
    # Images of a person that are in other models are evidence of their own.
    apart = without_copies(signal, inside, people // 2)
    assert all(
        (kept == given).all()
        for kept, given in zip(apart, (signal, inside, people // 2), strict=True)
    )


def test_a_conditional_gan_is_audited_while_it_is_trained(tmp_path):
    command = ("experiments.shadows", "--smoke", "--methods", "cgan_pixels_n20", "--models", "6")
    command += ("--units", "image", "--signals", "log_mse", "--shares", "50")
    short = ("--cgan.steps", "2", "--cgan.interval", "1", "--cgan.warmup", "1")
    short += ("--cgan.side", "64", "--cgan.corrections", "0")
    call(tmp_path, *command, *short)
    folder = tmp_path / "runs/smoke/records/membership"
    half, end = (Record.read(path) for path in sorted(folder.glob("*.json"), reverse=True))
    assert half.method == f"{end.method}_p50" and half.trained["name"] == end.trained["name"]
    assert (half.config["share"], end.config["share"]) == (50, 100)
    assert half.config["epochs"] == end.config["epochs"] / 2
    early, late = (read_scores(record.path(folder.parent)) for record in (half, end))
    assert (early["image/log_mse"] != late["image/log_mse"]).any()
    # Before the warm-up ends there is no discriminator to ask.
    assert "image/discriminator" in late and "image/discriminator" not in early
    assert not list((tmp_path / "runs").rglob("checkpoint.npz"))


@pytest.mark.parametrize("drawn", ["coins", "halves", "between"])
def test_few_images_are_enough_to_tell_how_members_were_drawn(drawn):
    random = np.random.default_rng(0)
    refused = []
    for _ in range(100):
        coins = random.random((200, 16)) < 0.5
        halves = random.permuted(np.tile([True, False], (200, 8)), axis=1)
        mixed = np.concatenate([coins[:, :8], halves[:, :4], ~halves[:, :4]], axis=1)
        membership = {"coins": coins, "halves": halves, "between": mixed}[drawn]
        refused.append(unproven(membership, np.arange(200)) != "")
    assert np.mean(refused) == pytest.approx(float(drawn == "between"), abs=0.03)
