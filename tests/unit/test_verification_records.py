"""The committed proof of the recognisers: recomputed from raw scores, and rerun on real pairs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gan_inversion.core.record import Record, at
from gan_inversion.data import LFW
from gan_inversion.data.pairs import read_pairs
from gan_inversion.data.weights import MOBILEFACENET
from gan_inversion.metrics.verification import BINS, auc, cosine, k_fold
from gan_inversion.protocols.verification.run import warn_of_accuracy
from gan_inversion.recognisers import FunctionRecogniser, load_recogniser, open_recogniser
from tests.conftest import ROOT

RECORDS = sorted((ROOT / "results" / "records" / "verification").glob("*-lfw-s0.json"))
FLOORS = {
    ("facenet", "aligned"): 0.990,
    ("facenet", "whole"): 0.965,
    ("dlib", "aligned"): 0.985,
    ("mobilefacenet", "aligned112"): 0.992,
    ("sface", "aligned112"): 0.99,
}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_figures_follow_from_the_raw_scores(path):
    record, raw = Record.read(path), np.load(path.with_suffix(".npz"))
    folds = k_fold(raw["scores"], raw["genuine"], raw["fold"])
    assert record.metrics["accuracy"].value == pytest.approx(folds.mean, abs=1e-9)
    by_group = [record.metrics[f"accuracy@fold={number}"].value for number in range(10)]
    assert by_group == pytest.approx(folds.accuracies.tolist())
    assert np.mean(by_group) == pytest.approx(folds.mean)
    theirs = roc_auc_score(raw["genuine"], raw["scores"])
    assert record.metrics["auc"].value == pytest.approx(theirs, abs=1e-6)
    histogram = raw["impostor_histogram"]
    for rate in (1e-2, 1e-3, 1e-4):
        threshold = record.metrics[at("threshold", fmr=rate)].value
        bin_ = int((threshold + 1) * BINS / 2)
        above, with_it = histogram[bin_ + 1 :].sum(), histogram[bin_:].sum()
        assert above <= rate * histogram.sum() <= with_it
        low, high = record.metrics[at("threshold", fmr=rate)].ci
        assert low < threshold < high
        accepted = (raw["scores"][raw["genuine"]] >= threshold).mean()
        assert record.metrics[at("tmr", fmr=rate)].value == pytest.approx(accepted)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_recogniser_is_as_good_as_promised(path):
    record = Record.read(path)
    floor = FLOORS.get((record.victim, record.config["view"]))
    if floor is None or record.config["resample"] != "bilinear":
        floor = 0.96
    assert record.metrics["accuracy"].value >= floor


@pytest.mark.parametrize(("accuracy", "warned"), [(0.994, False), (0.982, False), (0.977, True)])
def test_an_accuracy_far_below_the_promised_one_is_a_warning(capsys, accuracy, warned):
    recogniser = FunctionRecogniser("mine", "0" * 64, lambda images: images)
    warn_of_accuracy(recogniser, accuracy, "aligned112")
    assert not capsys.readouterr().err  # nothing is promised
    warn_of_accuracy(recogniser, 0.51, "aligned112")
    assert "far below any recogniser's: are its" in capsys.readouterr().err
    recogniser.promised = 0.99
    warn_of_accuracy(recogniser, accuracy, "whole")  # nobody promises anything of this view
    assert not capsys.readouterr().err
    warn_of_accuracy(recogniser, accuracy, "aligned112")
    error = capsys.readouterr().err
    assert bool(error) == warned
    assert not warned or "mine reaches an accuracy of 0.977 on the view aligned112, far" in error


@pytest.mark.parametrize("name", ["mobilefacenet", "sface"])
def test_modern_recognisers_need_landmarks(name):
    by_view = {
        record.config["view"]: record.metrics
        for record in map(Record.read, RECORDS)
        if record.victim == name
    }
    assert by_view["aligned112"][at("tmr_pairs", fmr=1e-3)].value >= 0.985
    rates = [by_view[view][at("tmr", fmr=1e-3)].value for view in ("fixed112", "aligned112")]
    assert rates[0] < rates[1] - 0.02


@pytest.mark.parametrize("view", ["aligned", "whole"])
def test_filters_lie_within_each_others_intervals(view):  # as the README says
    records = [Record.read(path) for path in RECORDS]
    figures = [
        record.metrics["accuracy"]
        for record in records
        if (record.victim, record.config["view"]) == ("facenet", view)
    ]
    assert len(figures) == 4
    for one in figures:
        assert all(one.ci[0] <= other.value <= one.ci[1] for other in figures)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "pairs_of_each_kind"),
    [("facenet", 60), pytest.param("dlib", 15, marks=pytest.mark.dlib)],
)
def test_real_pairs_score_as_recorded(name, pairs_of_each_kind):
    path = ROOT / "results" / "records" / "verification" / f"{name}_aligned-lfw-s0.json"
    record, raw = Record.read(path), np.load(path.with_suffix(".npz"))
    lfw = LFW()
    pairs = read_pairs(lfw.files)
    kinds = [np.flatnonzero(pairs.genuine == kind)[-pairs_of_each_kind:] for kind in (0, 1)]
    chosen = np.concatenate(kinds)  # of the last fold
    recogniser = load_recogniser(name)
    assert record.victim_digest == recogniser.digest and record.data_digest == lfw.digest
    images = lfw.view("aligned")
    first, second = (recogniser.embed(images[side[chosen]]) for side in (pairs.first, pairs.second))
    scores = cosine(first, second)
    np.testing.assert_allclose(scores, raw["scores"][chosen], atol=0.02)  # bfloat16 or not
    assert auc(scores, pairs.genuine[chosen]) > 0.99
    threshold = record.metrics["threshold@fold=9"].value
    assert ((scores >= threshold) == pairs.genuine[chosen]).mean() > 0.97


@pytest.mark.data
@pytest.mark.onnx
def test_a_wrong_card_is_noticed_on_real_pairs():
    """Pixels from 0 to 255, where the network was trained on normalised ones."""
    lfw = LFW()
    pairs, images = read_pairs(lfw.files), lfw.view("aligned")
    chosen = np.flatnonzero(pairs.fold == 9)[::6]
    accuracies = []
    for card in ("mobilefacenet", "colours=RGB,mean=0,deviation=1"):
        recogniser = open_recogniser(f"{MOBILEFACENET.verified()}:{card}")
        sides = pairs.first[chosen], pairs.second[chosen]
        scores = cosine(*(recogniser.embed(images[side]) for side in sides))
        thresholds = np.sort(scores)[:, None]
        accuracies.append(((scores >= thresholds) == pairs.genuine[chosen]).mean(axis=1).max())
    assert accuracies[0] > 0.97 and accuracies[1] < 0.8
