"""Records of every protocol are computed again from their raw scores; what was altered is found."""

import shutil
from dataclasses import replace

import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Metric, Record, read_scores
from gan_inversion.reporting import check
from gan_inversion.reporting.check import COMPUTE, check_record, check_records, differences
from tests.conftest import ROOT

RESULTS = ROOT / "results"
SHOWN = {  # a published record of each protocol, and what its raw scores do not give
    "documented/documented_dense": {"train_loss"},
    "inversion/ridge_pca": {"kid", "spectrum", "swd", "undetected"},
    "membership/private_dense_n500": set(),
    "verification/facenet_aligned": {
        "threshold@fmr=1e-2",
        "threshold@fmr=1e-3",
        "threshold@fmr=1e-4",
    },
}


@pytest.mark.parametrize("name", SHOWN)
def test_every_figure_and_interval_follows_from_the_raw_scores(name):
    path = RESULTS / "records" / f"{name}-lfw-s0.json"
    record = Record.read(path)
    computed = COMPUTE[record.protocol](record, read_scores(path), RESULTS)
    unknown = differences(record, computed)
    given = {n.split("/")[-1] if "undetected" in n else n.split("/")[0] for n in unknown}
    assert given <= SHOWN[name] and len(unknown) < len(record.metrics) / 2
    for figure in sorted(set(record.metrics) & set(computed))[::7]:
        own = record.metrics[figure]
        for forged in (
            Metric((own.value or 0) * 0.9 + 0.123, own.ci, own.n),
            Metric(own.value, (0.1234, 0.1235), own.n),
            Metric(own.value, own.ci, (own.n or 0) + 1),
        ):
            altered = replace(record, metrics={**record.metrics, figure: forged})
            with pytest.raises(UserError, match="and its raw scores give"):
                differences(altered, computed)


@pytest.mark.parametrize("name", ["search_cgan", "search_documented", "search_honest"])
def test_what_the_raw_scores_of_a_search_give_is_compared(name):
    path = RESULTS / "records" / "search" / f"{name}-lfw-s0.json"
    record = Record.read(path)
    computed = COMPUTE["search"](record, read_scores(path), RESULTS)
    unknown = {figure.split("/")[-1] for figure in differences(record, computed)}
    assert unknown <= {"train_loss", "swd", "score"}
    figure = next(iter(computed))
    forged = replace(record.metrics[figure], value=record.metrics[figure].value * 0.99)
    with pytest.raises(UserError, match=f"says {figure} .* raw scores give"):
        differences(replace(record, metrics={**record.metrics, figure: forged}), computed)


@pytest.mark.parametrize("shift", [-0.002, 0.002])
def test_a_threshold_that_more_or_fewer_impostors_reach_is_refused(shift):
    path = RESULTS / "records" / "verification" / "facenet_aligned-lfw-s0.json"
    record, scores = Record.read(path), read_scores(path)
    for figure in ("threshold@fmr=1e-2", "threshold@fmr=1e-4"):
        own = record.metrics[figure]
        forged = {**record.metrics, figure: replace(own, value=own.value + shift)}
        with pytest.raises(UserError, match=r"of the impostor pairs reaches .* its histogram has"):
            COMPUTE["verification"](replace(record, metrics=forged), scores, RESULTS)


def test_a_threshold_that_the_registry_does_not_have_is_found():
    record = Record.read(RESULTS / "records/inversion/ridge_pca-lfw-mobilefacenet-s0.json")
    check._check_registered(record, RESULTS / "thresholds.json")
    declared = {name: dict(own) for name, own in record.config["recognisers"].items()}
    declared["mobilefacenet"]["thresholds"] = {"0.01": 0.01, "0.001": 0.01, "0.0001": 0.01}
    forged = replace(record, config={**record.config, "recognisers": declared})
    with pytest.raises(UserError, match=r"by mobilefacenet from 0\.01 at an FMR of .* says 0\.\d"):
        check._check_registered(forged, RESULTS / "thresholds.json")


@pytest.fixture
def copied(tmp_path):
    """The results of one method, in a folder of their own."""
    results = tmp_path / "results"
    shutil.copytree(RESULTS / "splits", results / "splits")
    source = RESULTS / "records" / "verification" / "facenet_aligned-lfw-s0"
    for suffix in (".json", ".npz"):
        target = results / "records" / "verification" / f"{source.name}{suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source.with_suffix(suffix), target)
    return results


def test_what_was_checked_is_checked_again_after_a_change(copied, monkeypatch):
    asked = []
    monkeypatch.setattr(check, "check_record", lambda path: asked.append(path) or [])
    for _ in range(2):
        check_records(copied / "records", "verification")
    assert len(asked) == 1
    (path,) = asked
    monkeypatch.setattr(check, "check_record", check_record)
    record, scores = Record.read(path), read_scores(path)
    auc = record.metrics["auc"]
    path.unlink()
    path.with_suffix(".npz").unlink()
    altered = replace(record, metrics={**record.metrics, "auc": replace(auc, value=0.5)})
    altered.write(copied / "records", scores)  # with a checksum that is right
    with pytest.raises(UserError, match=r"says auc 0\.5 .* its raw scores give 0\.99"):
        check_records(copied / "records", "verification")
