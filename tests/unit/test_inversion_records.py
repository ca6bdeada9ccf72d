"""The committed records of the `inversion` protocol, computed again from their raw scores."""

import csv
import re
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Metric, Record, at, read_scores
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.data import LFW
from gan_inversion.metrics.attack import other_images
from gan_inversion.metrics.figures import figures
from gan_inversion.metrics.intervals import bootstrap_rate
from gan_inversion.protocols import read_split
from gan_inversion.reporting.check import conditions_of, differences
from gan_inversion.reporting.comparison import ROUNDING
from tests.conftest import ROOT

PATHS = sorted((ROOT / "results" / "records" / "inversion").glob("*-lfw-s*.json"))
RECORDS = [Record.read(path) for path in PATHS]


@pytest.fixture(scope="module")
def subjects(cache):
    return LFW().subjects


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def committed(request):
    return Record.read(request.param), read_scores(request.param)


# Translated vectors have no images.
PICTURED = [p for p, r in zip(PATHS, RECORDS, strict=True) if r.trained["family"] != "translated"]
pictured = pytest.mark.parametrize("committed", PICTURED, ids=lambda p: p.stem, indirect=True)


def split_of(record):
    path = ROOT / "results" / "splits" / f"lfw-{record.config['split']}.csv"
    with path.open(newline="") as file:
        return np.array([row["part"] for row in csv.DictReader(file)])


def of_method(method):
    return [
        (record, read_scores(path))
        for record, path in zip(RECORDS, PATHS, strict=True)
        if record.method == method
    ]


def test_the_rows_of_a_curve_are_through_one_generator():
    """Two trainings of one generator differ by more than the curves of pairs and leaks do."""
    digests = {
        record.config["generator_digest"]
        for record in RECORDS
        if record.trained["family"] == "adapter" and record.victim == "facenet"
    }
    assert len(digests) == 1


def test_there_are_some():
    assert len(PICTURED) > 50 and len(PATHS) > len(PICTURED)
    assert all(record.env["dirty"] is False for record in RECORDS)


@pytest.mark.data
def test_success_rates(committed, subjects):
    record, scores = committed
    test = subjects[scores["test_index"]]
    names = np.unique(test)
    assert len(test) == record.config["images"]["test"] == 2443
    for recogniser, declared in record.config["recognisers"].items():
        for rate, threshold in declared["thresholds"].items():
            hits = scores[f"{recogniser}/type1"] >= threshold
            found = record.metrics[at(f"{recogniser}/sar_type1", fmr=float(rate))]
            assert found.value == pytest.approx(hits.mean()) and found.n == len(test)
            assert found.ci[0] <= found.value <= found.ci[1]
        # Pairs stand subject by subject, in alphabetical order, each image with all others.
        sizes = {name: (test == name).sum() for name in names}
        assert len(scores[f"{recogniser}/type2"]) == sum(n * (n - 1) for n in sizes.values())
        threshold, place, rates = declared["thresholds"]["0.001"], 0, []
        for name in names:
            count = len(list(permutations(range(sizes[name]), 2)))
            if count:
                of_subject = scores[f"{recogniser}/type2"][place : place + count]
                rates.append((of_subject >= threshold).mean())
            place += count
        found = record.metrics[f"{recogniser}/sar_type2@fmr=1e-3"]
        assert found.value == pytest.approx(np.mean(rates)) and found.n == len(rates)
        assert record.metrics[f"{recogniser}/rank5"].value == pytest.approx(
            (scores[f"{recogniser}/rank"] <= 5).mean()
        )


@pictured
def test_figures_of_images(committed):
    record, scores = committed
    for name in ("psnr", "ssim", "midlayer"):
        found = record.metrics[name].value
        assert found is None or found == pytest.approx(scores[name].mean(dtype=float), rel=1e-5)
    cosines = scores["facenet/type1"]
    assert record.metrics["facenet/cosine_p05"].value == pytest.approx(np.quantile(cosines, 0.05))
    labels = np.repeat([0, 1], len(scores["c2st/index"]))
    logits = np.r_[scores["c2st/originals"], scores["c2st/reconstructions"]]
    assert record.metrics["c2st_auc"].value == pytest.approx(roc_auc_score(labels, logits))


FORGED = {
    "facenet/sar_type1@fmr=1e-3": 0.5,
    "facenet/cosine_mean": 0.5,
    "dlib/rank1": 0.5,
    "gap_dlib/sar_type1@fmr=1e-2": 0.5,
    "c2st_auc": 0.5,
    "copy/nearer": 0.5,
    "ssim": 0.5,
}


def grounds(record, scores):
    parts = read_split(ROOT / "results" / "splits" / f"lfw-{record.config['split']}.csv")
    return conditions_of(record, scores, list(parts), np.array(list(parts.values())))


def test_a_figure_or_an_interval_that_raw_scores_do_not_give_is_found():
    ((record, scores),) = of_method("cgan_gpu")
    computed = figures(scores, grounds(record, scores))
    unknown = differences(record, computed)
    assert {"swd/mean", "spectrum", "diversity", "dlib/undetected"} <= set(unknown)
    assert len(unknown) < len(record.metrics) / 2
    for name, share in FORGED.items():
        own = record.metrics[name]
        for forged in (
            Metric(own.value * share, own.ci, own.n),
            Metric(own.value, (own.value - 1e-4, own.value + 1e-4), own.n),
            Metric(own.value, own.ci, own.n + 1),
        ):
            metrics = {**record.metrics, name: forged}
            with pytest.raises(UserError, match=f"says {re.escape(name)} .* raw scores give"):
                differences(replace(record, metrics=metrics), computed)


@pytest.mark.data
@pictured
def test_the_copy_audit(committed, subjects):
    record, scores = committed
    parts = split_of(record)
    assert np.flatnonzero(parts == "test").tolist() == scores["test_index"].tolist()
    validation = subjects[parts == "validation"]
    similarities = [
        [values[of == name].mean(dtype=float) for name in np.unique(of)]
        for values, of in (
            (scores["copy/outputs"], subjects[parts == "test"]),
            (scores["copy/held_out"], validation),
        )
    ]
    outcome = mannwhitneyu(*similarities, alternative="greater")
    assert record.metrics["copy/p_value"].value == pytest.approx(outcome.pvalue, rel=1e-6)
    if record.method in ("nearest_face", "random"):
        assert outcome.pvalue < 1e-100


def test_thresholds_are_those_of_the_registry(committed):
    record, _ = committed
    lines = {
        (line.recogniser, f"{line.fmr:g}"): line.threshold
        for line in read_thresholds(ROOT / "results" / "thresholds.json")
        if line.subjects == f"validation of split {record.config['split']}"
    }
    for recogniser, declared in record.config["recognisers"].items():
        for rate, threshold in declared["thresholds"].items():
            assert lines[recogniser, rate] == pytest.approx(threshold, abs=ROUNDING)


@pytest.mark.parametrize("recogniser", ["facenet", "dlib"])
def test_the_oracle_is_the_ceiling(recogniser):
    for record, scores in of_method("oracle"):
        assert (scores[f"{recogniser}/type1"] > 0.999).all()
        for fmr in (1e-2, 1e-3, 1e-4):
            assert record.metrics[at(f"{recogniser}/sar_type1", fmr=fmr)].value == 1
        assert record.metrics["swd/mean"].value < 10 and record.metrics["c2st_auc"].value == 0.5
        assert record.metrics["copy/p_value"].value > 0.01


@pytest.mark.data
def test_the_oracles_type_two_is_the_recognisers_own(subjects, monkeypatch):
    from gan_inversion.data import Subset
    from gan_inversion.recognisers import load_recogniser

    # Subjects with two images: a hundred seconds less than all.
    for record, scores in of_method("oracle")[:1]:
        facenet = record.config["recognisers"]["facenet"]
        monkeypatch.setenv("GAN_INVERSION_PRECISION", facenet["precision"])
        test = scores["test_index"]
        names, counts = np.unique(subjects[test], return_counts=True)
        few = np.isin(subjects[test], names[counts == 2])
        pictures = Subset(LFW().view("aligned"), test[few])
        real, people = load_recogniser("facenet").embed(pictures[:]), subjects[test[few]]
        genuine = (real @ real.T)[np.triu(people[:, None] == people, 1)]
        first, _ = other_images(subjects[test])
        committed = scores["facenet/type2"][few[first]]
        for threshold in facenet["thresholds"].values():
            found = (committed >= threshold).mean()
            assert found == pytest.approx((genuine >= threshold).mean(), abs=2 / len(genuine))


@pytest.mark.data
@pytest.mark.parametrize("recogniser", ["facenet", "dlib"])
@pytest.mark.parametrize("fmr", [1e-2, 1e-3])
def test_a_random_face_is_accepted_at_the_false_match_rate(recogniser, fmr, subjects):
    """Both ends are uncertain: the rate over test subjects, the threshold over validation ones.

    The seeds are pooled: of several intervals of 95 % one would miss by chance.
    """
    found = of_method("random")
    assert len(found) == 3
    record, first = found[0]
    (line,) = [
        line
        for line in read_thresholds(ROOT / "results" / "thresholds.json")
        if (line.recogniser, line.fmr) == (recogniser, fmr)
        and line.subjects == f"validation of split {record.config['split']}"
    ]
    people = subjects[first["test_index"]]
    for kind, test in (("type1", people), ("type2", people[other_images(people)[0]])):
        similar = np.stack([scores[f"{recogniser}/{kind}"] for _, scores in found])
        low, _ = bootstrap_rate((similar >= line.interval[1]).mean(axis=0), test)
        _, high = bootstrap_rate((similar >= line.interval[0]).mean(axis=0), test)
        assert low <= fmr <= high


@pytest.mark.parametrize("recogniser", ["facenet", "dlib"])
def test_the_cmc_rises_to_one_and_begins_with_rank_one(recogniser):
    for record, scores in zip(RECORDS, map(read_scores, PATHS), strict=True):
        ranks, gallery = scores[f"{recogniser}/rank"], record.metrics[f"{recogniser}/gallery"].value
        shares = [(ranks <= rank).mean() for rank in range(1, int(gallery) + 1)]
        assert shares[0] == pytest.approx(record.metrics[f"{recogniser}/rank1"].value)
        assert np.diff(shares).min() >= 0 and shares[-1] == 1
