"""The committed records of the `membership` protocol, computed again from their raw scores."""

import csv
import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from experiments.published import STUDIES, audits
from gan_inversion.core.record import Record, at, read_scores
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.metrics.membership import ATTACKS
from gan_inversion.protocols import Membership
from tests.conftest import ROOT

PATHS = sorted((ROOT / "results" / "records" / "membership").glob("*-lfw-s*.json"))

# Models of each published study, by the methods in its records.
DECLARED = {
    name: study.get("models", [Membership.models])[0] for study in STUDIES for name in audits(study)
}
UNITS = {path: json.loads(path.read_text())["config"]["units"] for path in PATHS}
every = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
of_images = pytest.mark.parametrize(
    "path", [path for path in PATHS if "image" in UNITS[path]], ids=lambda path: path.stem
)
of_canaries = pytest.mark.parametrize(
    "path", [path for path in PATHS if "canary" in UNITS[path]], ids=lambda path: path.stem
)


@pytest.fixture
def committed(path):
    return Record.read(path), read_scores(path)


@every
def test_it_is_from_committed_code(committed):
    assert committed[0].env["dirty"] is False


@every
def test_a_half_of_the_models_was_trained_on_each_image(committed):
    record, scores = committed
    models = DECLARED[record.method]
    assert record.protocol_hash == Membership(models=models).hash
    for unit in record.config["units"]:
        inside = scores[f"{unit}/membership"].astype(bool)
        assert inside.shape[1] == models >= 6
        assert (inside.sum(axis=1) == models // 2).all()


@every
def test_what_a_loss_threshold_tells(committed):
    record, scores = committed
    for unit in record.config["units"]:
        inside = scores[f"{unit}/membership"].astype(bool)
        for signal in record.config["signals"]:
            values = scores[f"{unit}/{signal}"]
            found = record.metrics[f"{unit}/threshold/{signal}/auc"]
            assert found.value == pytest.approx(roc_auc_score(inside.ravel(), values.ravel()))
            assert found.n == inside.size and found.ci[0] <= found.value <= found.ci[1]


@every
def test_what_a_likelihood_ratio_tells(committed):
    """Offline, one variance: how far the target is above its shadows without the image."""
    record, scores = committed
    for unit in record.config["units"]:
        signal = scores[f"{unit}/log_mse"].astype(float)
        inside = scores[f"{unit}/membership"].astype(bool)
        columns = []
        for place in range(signal.shape[1]):
            without = ~inside
            without[:, place] = False
            without[:, place ^ 1] = False  # trained on exactly what the target was not
            mean = (signal * without).sum(axis=1) / without.sum(axis=1)
            spread = (signal - mean[:, None])[without].std()
            columns.append((signal[:, place] - mean) / spread)
        auc = roc_auc_score(inside.ravel(), np.stack(columns, axis=1).ravel())
        found = record.metrics[f"{unit}/lira_offline_fixed/log_mse/auc"].value
        assert found == pytest.approx(auc, abs=2e-4)


def test_where_nothing_leaks_no_attack_is_off_chance():
    """The decoder of differential privacy gave 0.431 by an attack that counted its shadows."""
    (path,) = (path for path in PATHS if path.stem.startswith("private_dense_n500"))
    areas = {n: m for n, m in Record.read(path).metrics.items() if n.endswith("/auc")}
    used = ATTACKS.keys() & {name.split("/")[1] for name in areas}  # newer attacks come later
    assert len(areas) == 4 * len(used) + 1 and len(used) >= 16  # and one that needs no shadows
    assert all(abs(area.value - 0.5) < 0.015 for area in areas.values())
    missed = [name for name, area in areas.items() if not area.ci[0] <= 0.5 <= area.ci[1]]
    assert len(missed) <= len(areas) // 9, missed


@of_canaries
def test_a_claim_that_is_not_kept_is_found_out_by_canaries(path):
    record = Record.read(path)
    options = record.config["inverter"]
    proven = [
        record.metrics[f"canary/threshold/contrast/{name}"].value
        for name in ("epsilon", "epsilon_one_run", "epsilon_one_run_gaussian")
    ]
    if options["clipped"]:
        assert max(proven) <= options["epsilon"]
    else:
        assert min(proven) > options["epsilon"]


@of_images
def test_the_president_alone(committed):
    record, scores = committed
    path = ROOT / "results" / "splits" / f"lfw-{record.config['split']}.csv"
    with path.open(newline="") as file:
        files = np.array([row["image"] for row in csv.DictReader(file)])
    own = np.char.startswith(files[scores["image/asked"]], "George_W_Bush/")
    found = record.metrics["within/George_W_Bush/threshold"]
    inside = scores["image/membership"].astype(bool)[own].ravel()
    assert found.n == own.sum()
    assert found.value == pytest.approx(roc_auc_score(inside, scores["image/log_mse"][own].ravel()))


@of_images
def test_success_rates_of_the_same_models(committed):
    record, scores = committed
    lines = read_thresholds(ROOT / "results" / "thresholds.json")
    (line,) = (
        line
        for line in lines
        if line.recogniser == record.victim
        and line.fmr == 1e-3
        and record.config["split"] in line.subjects
    )
    hits = scores[f"{record.victim}/type1"] >= line.threshold
    found = record.metrics[at(f"{record.victim}/sar_type1", fmr=1e-3)]
    assert hits.shape[0] == 4 and found.value == pytest.approx(hits.mean())
