"""Membership attacks: closed forms, controls, invariances, published implementations."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from gan_inversion.core.errors import UserError
from gan_inversion.metrics.intervals import percentiles
from gan_inversion.metrics.leak import RESOLVED, audited_epsilon, leak, roc
from gan_inversion.metrics.membership import (
    ATTACKS,
    base,
    bavaria,
    calibrated,
    informia,
    lira,
    quantile_regression,
    rmia,
    threshold,
    without_shadows,
)
from gan_inversion.metrics.membership.bavaria import log_student, prior_strength
from gan_inversion.metrics.targets import (
    check_matrices,
    dispersion,
    every_target,
    first_of_each,
    matched_shadows,
    rarer_shadows,
)
from gan_inversion.metrics.verification import draws
from gan_inversion.protocols import Membership
from gan_inversion.protocols.membership.audit import Rows, audit_few

RANDOM = np.random.default_rng(0)


def gaussians(
    images: int, models: int, shift: float, *, spread: float = 3.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Signals N(difficulty + shift * member, 1) and membership, half of the models each."""
    random = np.random.default_rng(seed)
    membership = random.permuted(np.tile([True, False], (images, models // 2)), axis=1)
    difficulty = spread * random.standard_normal((images, 1))
    return difficulty + shift * membership + random.standard_normal((images, models)), membership


NEAREST = ["lira_online", "lira_online_fixed", "lira_offline_fixed", "base_online"]
NEAREST += ["bavaria_online", "bavaria_online_gaussian", "bavaria_offline"]


@pytest.mark.parametrize("name", NEAREST)
def test_the_optimum_of_gaussian_signals_is_reached_the_optimum_of_gaussian_signals(name):
    # Of two unit normals a distance d apart, AUC = Phi(d / sqrt 2), TPR = Phi(d - z) (Neyman
    # and Pearson); 200 shadows estimate means and variances well, not exactly.
    signals, membership = gaussians(4000, 201 + 1, 1.0)
    scores = ATTACKS[name](signals[:, 0], signals[:, 1:], membership[:, 1:])
    found = leak(scores, membership[:, 0], np.arange(4000))
    assert found.auc[1][0] < stats.norm.cdf(1 / np.sqrt(2)) < found.auc[1][1]
    best = stats.norm.cdf(1.0 - stats.norm.isf(0.01))
    assert found.tpr[1e-2][1][0] < best < found.tpr[1e-2][1][1]


def test_attacks_that_look_at_shadows_beat_the_threshold_where_difficulty_varies():
    signals, membership = gaussians(2000, 32, 1.0)
    area = {
        name: leak(every_target(attack, signals, membership), membership, np.arange(2000),
                   resamples=10).auc[0]
        for name, attack in ATTACKS.items()
    }  # fmt: skip
    assert area["threshold"] == pytest.approx(stats.norm.cdf(1 / np.sqrt(2 * 10)), abs=0.01)
    for name in set(ATTACKS) - {"threshold", "shadow_classifier"}:
        assert area[name] > area["threshold"] + 0.08, name


def test_the_docs_say_of_every_attack_what_it_looks_at():
    page = (Path(__file__).parents[2] / "docs/auditing.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    names = {name.strip("` ") for row in rows for name in row.replace(";", ",").split(",")}
    assert {name for name in ATTACKS if name.removesuffix("_fixed") not in names} == set()


@pytest.mark.parametrize("name", ATTACKS)
def test_a_model_that_memorises_is_found_out(name):
    random = np.random.default_rng(1)
    membership = random.permuted(np.tile([True, False], (300, 8)), axis=1)
    signals = np.where(membership, 5.0, 0.0) + 0.1 * random.standard_normal(membership.shape)
    scores = every_target(ATTACKS[name], signals, membership)
    assert leak(scores, membership, np.arange(300), resamples=10).auc[0] > 0.99


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("kind", ["int8", "float64"])
def test_membership_may_be_written_as_numbers(name, kind):
    signals, membership = gaussians(60, 16, 1.0)
    numbers = membership.astype(kind)
    expected = every_target(ATTACKS[name], signals, membership)
    np.testing.assert_array_equal(every_target(ATTACKS[name], signals, numbers), expected)
    for one, other in zip(
        roc(expected[:, 0], numbers[:, 0]), roc(expected[:, 0], membership[:, 0]), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def null_signals(kind: str, images: int, models: int, random: np.random.Generator) -> np.ndarray:
    """Signals that hang on the image, or on nothing, and never on membership."""
    noise = random.standard_normal((images, models))
    return {
        "constant": np.full((images, models), 0.1),
        "two-valued": (noise > 0).astype(float),
        "rounded": np.round(noise, 1),
        "one value an image": np.repeat(noise[:, :1], models, axis=1),
        "every image twice": np.repeat(noise[: images // 2], 2, axis=0),
        "noise": noise,
        "three signals": random.standard_normal((images, models, 3)),
        "huge": 1e155 * noise,
        "summed errors": -np.exp(random.normal(7, 1, (images, 1))) * np.exp(0.01 * noise),
    }[kind]


def test_tiny_signals_keep_their_differences():
    """Where all likelihoods are nearly 1, their mean is 1 plus the mean of their logarithms."""
    signals, membership = gaussians(300, 16, 1.0)
    target, shadows, inside = signals[:, 0], signals[:, 1:], membership[:, 1:]
    means = [np.average(shadows, axis=1, weights=kind) for kind in (inside, ~inside)]
    tiny = 1e-155
    expected = {base: shadows.mean(axis=1), partial(base, online=False): means[1]}
    for attack, mean in expected.items():
        scores = attack(tiny * target, tiny * shadows, inside) / tiny
        np.testing.assert_allclose(scores, target - mean, atol=1e-9)
    ratio = target - (means[0] + means[1]) / 2
    scores = informia(tiny * target, tiny * shadows, inside) / tiny
    np.testing.assert_allclose(scores, ratio - ratio.mean(), atol=1e-9)
    scores = rmia(tiny * target, tiny * shadows, inside)
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(ratio))


NULLS = ["constant", "two-valued", "rounded", "one value an image", "every image twice", "noise"]
NULLS += ["three signals", "huge", "summed errors"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("kind", NULLS)
@pytest.mark.parametrize("models", [6, 10, 32])
@pytest.mark.parametrize("drawn", ["halves", "coins"])
def test_signals_that_tell_nothing_give_chance_and_prove_nothing(name, kind, models, drawn):
    if drawn == "coins" and models < 32:  # too few: rarely three of each kind
        return
    random, images = np.random.default_rng(11), 400
    halves = random.permuted(np.tile([True, False], (images, models // 2)), axis=1)
    inside = halves if drawn == "halves" else random.random(halves.shape) < 0.5
    signals = null_signals(kind, images, models, random)
    scores = every_target(ATTACKS[name], signals, inside)
    found = leak(scores, inside, np.arange(images), resamples=100)
    # Of 324 cases some lie outside of a 95 % interval; none twice as far.
    middle, half = np.mean(found.auc[1]), np.ptp(found.auc[1]) / 2
    assert abs(middle - 0.5) < 2 * half + 1e-9, found.auc
    proven = audited_epsilon(scores, inside, np.arange(images), delta=1e-5)
    assert proven < 0.15  # a bound at 95 % is above 0 now and then
    if kind == "constant":
        assert found.auc[0] == 0.5 and proven == 0


def test_with_independent_draws_whether_a_pair_is_scored_tells_nothing_of_it():
    random = np.random.default_rng(4)
    inside = random.random((500, 8)) < 0.5
    scores = every_target(ATTACKS["lira_offline"], random.standard_normal(inside.shape), inside)
    assert 0.05 < np.isnan(scores).mean() < 0.3
    for place in range(8):
        other = inside.copy()
        other[:, place] = ~other[:, place]
        few = rarer_shadows(other)[:, place] < 2
        np.testing.assert_array_equal(np.isnan(scores[:, place]), few)


@pytest.mark.parametrize("name", ["lira_offline", "lira_online", "calibrated"])
def test_independent_draws_in_few_models_prove_nothing_of_noise(name):
    for seed in range(4):
        random = np.random.default_rng(seed)
        inside = random.random((4000, 8)) < 0.5
        scores = every_target(ATTACKS[name], random.standard_normal(inside.shape), inside)
        assert audited_epsilon(scores, inside, np.arange(4000), delta=1e-5) < 0.1


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("models", [6, 16])
@pytest.mark.parametrize("drawn", ["pairs", "halves"])
def test_models_that_differ_as_a_whole_give_chance_and_prove_nothing(name, models, drawn):
    """As a last one that was trained longer: the signals of all images are higher there."""
    random, images = np.random.default_rng(5), 1000
    inside = random.permuted(np.tile([True, False], (images, models // 2)), axis=1)
    if drawn == "pairs":
        inside = Membership(models=models).images(images, seed=0)
    levels = 3 * random.standard_normal(models)
    signals = levels + random.standard_normal(inside.shape)
    scores = every_target(ATTACKS[name], signals, inside)
    found = leak(scores, inside, np.arange(images), resamples=100)
    middle, half = np.mean(found.auc[1]), np.ptp(found.auc[1]) / 2
    assert abs(middle - 0.5) < 2 * half, found.auc
    assert audited_epsilon(scores, inside, np.arange(images), delta=1e-5) < 0.15


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("models", [6, 16])
def test_the_null_value_of_an_attack_is_a_half(name, models):
    # One matrix tells little: the mean over thirty, and its own spread.
    areas = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        inside = random.permuted(np.tile([True, False], (150, models // 2)), axis=1)
        scores = every_target(ATTACKS[name], random.standard_normal(inside.shape), inside)
        areas.append(roc_auc_score(inside.ravel(), scores.ravel()))
    assert abs(np.mean(areas) - 0.5) < 4 * np.std(areas) / np.sqrt(30)


def test_rmia_on_summed_errors_is_computed_with_logarithms():
    # The likelihood of an image is exp(-squared error): nothing of it is left as a number.
    random = np.random.default_rng(3)
    inside = random.permuted(np.tile([True, False], (300, 8)), axis=1)
    errors = np.exp(random.normal(7, 0.8, (300, 1))) * (1 - 0.05 * inside)
    signals = -errors * np.exp(0.01 * random.standard_normal(inside.shape))
    for online in (True, False):
        scores = every_target(partial(rmia, online=online), signals, inside)
        expected = np.empty_like(scores)
        for place in range(inside.shape[1]):
            kept = matched_shadows(inside, place)
            ratios = []
            for row, columns in enumerate(kept):
                known = signals[row, columns].astype("longdouble")
                sides = [known[~inside[row, columns]]]
                sides.append(known[inside[row, columns]] if online else sides[0])
                means = [logsumexp(side) - np.log(len(side)) for side in sides]
                ratios.append(signals[row, place] - logsumexp(means) + np.log(2))
            expected[:, place] = [np.mean(np.array(ratios) < ratio) for ratio in ratios]
        np.testing.assert_allclose(scores, expected, atol=1e-12)
        assert roc_auc_score(inside.ravel(), scores.ravel()) > 0.85


def test_images_that_look_alike_tell_what_to_expect_without_shadows():
    # The difficulty is linear in what an image shows, and so is the logarithm of the noise: the
    # optimum is that of two unit normals a distance 1 apart.
    random = np.random.default_rng(8)
    features = random.standard_normal((6000, 5))
    deviation = np.exp(0.5 * features[:, :1])
    membership = random.random((6000, 4)) < 0.5
    noise = membership + random.standard_normal(membership.shape)
    signals = 3 * features[:, 1:2] + deviation * noise
    found = leak(without_shadows(signals, membership, features), membership, np.arange(6000))
    assert found.auc[0] == pytest.approx(stats.norm.cdf(1 / np.sqrt(2)), abs=0.01)
    assert leak(signals, membership, np.arange(6000), resamples=5).auc[0] < 0.6
    both = np.stack([signals, signals + random.standard_normal(signals.shape)], axis=-1)
    assert leak(without_shadows(both, membership, features), membership, np.arange(6000),
                resamples=5).auc[0] > 0.65  # fmt: skip
    shuffled = random.permuted(membership, axis=0)
    null = leak(without_shadows(signals, shuffled, features), shuffled, np.arange(6000))
    assert null.auc[1][0] < 0.5 < null.auc[1][1]
    with pytest.raises(UserError, match="expected 20 images or more"):
        quantile_regression(signals[:, 0], features, np.arange(6000) < 3)


def test_members_may_alternate_where_there_are_no_shadows():
    """Every second image a member: neither half of the images may be without non-members."""
    random = np.random.default_rng(4)
    membership = (np.arange(400)[:, None] + np.arange(4)) % 2 == 0
    difficulty = 3 * random.standard_normal((400, 1))
    signals = difficulty + membership + 0.5 * random.standard_normal(membership.shape)
    found = leak(without_shadows(signals, membership, difficulty), membership, np.arange(400))
    best = stats.norm.cdf(2 / np.sqrt(2))
    assert found.auc[1][0] - 0.01 < best < found.auc[1][1] + 0.01


def test_a_constant_signal_tells_nothing_without_shadows():
    membership = RANDOM.random((200, 4)) < 0.5
    features = RANDOM.standard_normal((200, 3))
    scores = without_shadows(np.full((200, 4), 0.1), membership, features)
    assert np.isfinite(scores).all() and np.abs(scores).max() < 1e-6


def test_few_shadows_are_the_first_of_each_kind():
    inside = np.array([[True, False, True, False, True], [False, True, False, True, True]])
    columns = np.array([[10, 11, 12, 13, 14]] * 2)
    np.testing.assert_array_equal(first_of_each(inside, columns, 1), [[10, 11], [11, 10]])
    np.testing.assert_array_equal(
        first_of_each(inside, columns, 2), [[10, 12, 11, 13], [11, 13, 10, 12]]
    )
    signals, membership = gaussians(60, 16, 1.0)
    attack = ATTACKS["lira_offline_fixed"]
    every = every_target(attack, signals, membership, references=7)
    np.testing.assert_allclose(every, every_target(attack, signals, membership), atol=1e-9)


def test_more_shadows_tell_more():
    signals, membership = gaussians(3000, 16, 1.0)
    figures = audit_few(signals, Rows(membership, np.arange(3000), "image", 0))
    area = {name: metric.value for name, metric in figures.items()}
    assert "few_1/image/lira_online" not in area and "few_2/image/lira_online" in area
    for attack in ("base_online", "rmia_offline", "bavaria_offline", "lira_online_fixed"):
        values = [area[f"few_{count}/image/{attack}"] for count in (1, 2, 4)]
        assert values == sorted(values), attack


def test_a_target_is_left_out_with_one_of_the_other_kind():
    inside = Membership(models=8).images(20, seed=0)
    for target in range(8):
        kept = matched_shadows(inside, target)
        assert kept.shape == (20, 6) and (kept != target).all()
        assert (np.diff(kept, axis=1) > 0).all()
        assert (np.take_along_axis(inside, kept, axis=1).sum(axis=1) == 3).all()
    for target, kept in ((2, [0, 1, 4, 5, 6, 7]), (5, [0, 1, 2, 3, 6, 7])):
        assert (matched_shadows(inside, target) == kept).all()  # without its opposite
    assert dispersion(inside) == 0
    coins = np.random.default_rng(0).random((4000, 8)) < 0.5
    assert dispersion(coins) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("unit", [1e-200, 1e-3, 1e155])
def test_the_unit_of_a_signal_does_not_matter(name, unit):
    if "rmia" in name or "base" in name:  # signals are log likelihoods there
        return
    signals, membership = gaussians(200, 16, 1.0)
    one, other = (every_target(ATTACKS[name], s, membership) for s in (signals, signals * unit))
    areas = [roc_auc_score(membership.ravel(), scores.ravel()) for scores in (one, other)]
    assert areas[0] == pytest.approx(areas[1], abs=1e-6)


@pytest.mark.parametrize("name", ATTACKS)
def test_shuffled_membership_gives_chance(name):
    signals, membership = gaussians(600, 32, 2.0)
    # Independent: with as many models in as out, the others tell what the target is.
    shuffled = np.random.default_rng(2).random(membership.shape) < 0.5
    found = leak(every_target(ATTACKS[name], signals, shuffled), shuffled, np.arange(600))
    assert found.auc[1][0] < 0.5 < found.auc[1][1]


@pytest.mark.parametrize("name", ATTACKS)
def test_several_signals_tell_more_than_one(name):
    first, membership = gaussians(800, 32, 1.0, spread=0.5)
    noise = np.random.default_rng(7).standard_normal(first.shape)
    second = membership + noise
    alone, both = (
        leak(every_target(ATTACKS[name], signals, membership), membership, np.arange(800),
             resamples=10).auc[0]
        for signals in (first, np.stack([first, second], axis=-1))
    )  # fmt: skip
    assert both > alone + 0.02


@given(scale=st.floats(0.01, 100), offset=st.floats(-10, 10))
@settings(max_examples=10)
def test_lira_does_not_care_for_the_unit_of_a_signal(scale, offset):
    signals, membership = gaussians(50, 16, 1.0)
    for online in (True, False):
        one, other = (
            every_target(lambda *a: lira(*a, online=online), s, membership)  # noqa: B023
            for s in (signals, scale * signals + offset)
        )
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_the_threshold_attack_sees_ranks_only():
    signals, membership = gaussians(500, 2, 1.0)
    signal, member = signals[:, 0], membership[:, 0]
    area = [
        leak(threshold(seen, signals, membership), member, np.arange(500), resamples=2).auc[0]
        for seen in (signal, np.exp(signal), np.arctan(signal))
    ]
    assert area[0] == pytest.approx(area[1]) == pytest.approx(area[2])


def test_calibration_takes_off_what_the_image_lets_expect():
    signals, membership = gaussians(100, 4, 1.0)
    found = calibrated(signals[:, 0], signals[:, 1:], membership[:, 1:], difficulty=signals[:, 0])
    np.testing.assert_array_equal(found, 0)


def test_rmia_counts_the_images_that_are_dominated():
    # Ratios of the target's likelihood to the mean of the two shadows': 2, 1 and 1/2.
    target = np.log([4.0, 2.0, 1.0])
    shadows = np.log([[2.0, 2.0]] * 3)
    membership = np.array([[True, False]] * 3)
    np.testing.assert_allclose(rmia(target, shadows, membership), [2 / 3, 1 / 3, 0])
    np.testing.assert_allclose(rmia(target, shadows, membership, gamma=2.5), [1 / 3, 0, 0])


@pytest.mark.parametrize("online", [True, False])
def test_base_ranks_the_images_of_one_target_as_rmia_does(online):
    # Lassila et al. prove it for gamma = 1.
    signals, membership = gaussians(300, 16, 1.0)
    given = signals[:, 0], signals[:, 1:-1], membership[:, 1:-1]
    given = *given[:2], np.tile([True, False], (300, 7))  # as many in as out
    ranks = [stats.rankdata(attack(*given, online=online)) for attack in (base, rmia, informia)]
    np.testing.assert_array_equal(ranks[0], ranks[1])
    np.testing.assert_array_equal(ranks[0], ranks[2])
    assert informia(*given, online=online).mean() == pytest.approx(0, abs=1e-12)


def test_base_is_the_log_likelihood_minus_that_of_the_mean_of_shadows():
    # As in LeakPro, leakpro/attacks/mia_attacks/base.py, at commit 17a29e69.
    signals, membership = gaussians(50, 10, 1.0)
    own, shadows, inside = signals[:, 0], signals[:, 1:], membership[:, 1:]
    expected = own - (logsumexp(shadows, axis=1) - np.log(9))
    np.testing.assert_allclose(base(own, shadows, inside), expected, atol=1e-10)
    without = logsumexp(np.where(inside, -np.inf, shadows), axis=1) - np.log((~inside).sum(axis=1))
    scores = base(own, shadows, inside, online=False, scale=0.33)
    np.testing.assert_allclose(scores, own - 0.33 * without, atol=1e-10)


@pytest.mark.parametrize("freedom", [3.0, 10.0, 1e9])
def test_densities_with_an_unknown_variance_are_scipys(freedom):
    mean = RANDOM.standard_normal((5, 3))
    covariance = np.eye(3) * 2 + 0.3
    known = stats.multivariate_t(np.zeros(3), covariance, df=freedom)
    found = log_student(mean, np.repeat(covariance[None], 5, axis=0), np.full(5, freedom))
    np.testing.assert_allclose(found - 1.5 * np.log(2 * np.pi), known.logpdf(mean), atol=1e-6)


@pytest.mark.parametrize("strength, shadows", [(4.0, 2), (4.0, 8), (30.0, 8)])
def test_the_strength_of_the_prior_is_found_from_the_images(strength, shadows):
    random = np.random.default_rng(4)
    variance = strength / random.chisquare(strength, (40_000, 2))
    scatter = variance * random.chisquare(shadows - 1, variance.shape)
    found = prior_strength(scatter, np.full(40_000, shadows - 1.0), np.full(2, 1e-12))
    assert found == pytest.approx(strength, rel=0.25)


def test_equal_variances_are_pooled():
    scatter = np.random.default_rng(5).chisquare(7, (2000, 1)) * 1.02  # a little too equal or not
    found = prior_strength(scatter, np.full(2000, 7.0), np.full(1, 1e-12))
    assert found > 100
    same = prior_strength(np.ones((2000, 1)), np.full(2000, 7.0), np.full(1, 1e-12))
    assert np.isinf(same)


def test_a_bayesian_variance_is_better_than_either_extreme():
    # Variances differ from image to image, and there are few shadows to know them by.
    random = np.random.default_rng(6)
    deviation = np.sqrt(4 / random.chisquare(4, (20_000, 1)))
    membership = np.tile([True, False], (20_000, 4))
    target = random.random(20_000) < 0.5
    signals = deviation * (membership + random.standard_normal(membership.shape))
    own = deviation[:, 0] * (target + random.standard_normal(20_000))
    area = {
        name: roc_auc_score(target, ATTACKS[name](own, signals, membership))
        for name in ("lira_online", "lira_offline", "lira_offline_fixed", "bavaria_offline")
    }
    area["bavaria"] = roc_auc_score(target, bavaria(own, signals, membership))
    assert area["bavaria"] > area["lira_online"] + 0.02
    assert area["bavaria_offline"] > max(area["lira_offline"], area["lira_offline_fixed"])


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_the_roc_curve_is_scikit_learns(seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 20, 200) / 4  # many ties
    member = random.random(200) < 0.4
    fpr, tpr = roc(scores, member)
    expected = roc_curve(member, scores, drop_intermediate=False)
    np.testing.assert_allclose((fpr, tpr), expected[:2])
    assert np.trapezoid(tpr, fpr) == pytest.approx(roc_auc_score(member, scores))


@given(st.integers(0, 10_000), st.sampled_from([4, 1e9]))
@settings(max_examples=25)
def test_intervals_of_a_leak_are_those_of_scikit_learns_weighted_curves(seed, values):
    random = np.random.default_rng(seed)
    scores = random.integers(0, values, (100, 3))  # four values have many ties
    member, subjects = random.random((100, 3)) < 0.4, random.integers(0, 30, 100)
    limit = RESOLVED / (~member).sum()
    result = leak(scores, member, subjects, fprs=(limit, 0.5), resamples=20, seed=seed)
    names, group = np.unique(subjects, return_inverse=True)
    given = member.ravel(), scores.ravel()
    best = given[1] >= roc_curve(*given)[2][np.argmax(-np.subtract(*roc_curve(*given)[:2]))]
    figures = []
    for draw in draws(len(names), resamples=20, seed=seed):
        weights = {"sample_weight": np.repeat(draw[group], 3)}
        # Images that are not drawn remain thresholds.
        fpr, tpr, _ = roc_curve(*given, **weights, drop_intermediate=False)
        rates = [tpr[fpr <= rate + 1e-12].max() for rate in (limit, 0.5)]
        balanced = balanced_accuracy_score(given[0], best, **weights)
        figures.append([roc_auc_score(*given, **weights), balanced, *rates])
    intervals = [result.auc[1], result.balanced[1], *(rate[1] for rate in result.tpr.values())]
    np.testing.assert_allclose(intervals, [percentiles(column) for column in np.transpose(figures)])


def test_rates_below_resolution_are_not_told():
    scores, member = RANDOM.random(3000), np.arange(3000) % 2 == 0
    found = leak(scores, member, np.arange(3000), fprs=(1e-1, 1e-2, 1e-3), resamples=10)
    assert found.tpr[1e-2] is not None
    assert found.tpr[1e-3] is None  # 1,500 non-members: 1.5 of them


def test_no_more_false_positives_than_allowed(monkeypatch):
    monkeypatch.setattr("gan_inversion.metrics.leak.RESOLVED", 0)  # so few images would be refused
    member = np.array([True, False, True, False, False])
    scores, limits = np.array([5.0, 4.0, 4.0, 2.0, 1.0]), (0.0, 0.32, 1 / 3)
    tpr = leak(scores, member, np.zeros(5), fprs=limits, resamples=2).tpr
    assert tpr[0.0][0] == 0.5
    assert tpr[0.32][0] == 0.5  # the tie would let one of three pass
    assert tpr[1 / 3][0] == 1.0


def alter(rows=slice(None), columns=slice(None), value=0, *, signal=False):
    """A change of one matrix."""

    def change(signals, membership):
        changed = (signals if signal else membership.astype(int)).copy()
        changed[rows, columns] = value
        return (changed, membership) if signal else (signals, changed)

    return change


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (lambda signals, membership: (signals[:, :5], membership), "same shape"),
        (alter(3, slice(2), np.nan, signal=True), "finite signals below .*, got 2"),
        (alter(columns=2, value=0), "expected members in every model, got none in model 2"),
        (alter(columns=2, value=1), "expected non-members in every model"),
        (
            lambda s, m: (s[:, :4], np.tile([[1, 1, 0, 0], [0, 0, 1, 1]], (10, 1))),
            "beside the target, at least 2 shadows .* got fewer for all members of 4 models",
        ),
        (alter(3, 4, 2), "0 and 1"),
    ],
)
def test_matrices_that_say_nothing_are_refused(spoil, sentence):
    signals, membership = gaussians(20, 8, 1.0)
    check_matrices(signals, membership)
    with pytest.raises(UserError, match=sentence):
        check_matrices(*spoil(signals, membership))


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    """Log probabilities of 60 images under 12 models, and what others compute from them.

    `lira_online`, `lira_online_fixed`, `log_density_out_fixed` and `calibrated` were computed by
    `advanced_mia`, `threshold_auc` and `threshold_advantage` by `membership_inference_attack` of
    tensorflow-empirical-privacy 0.1.0 (scikit-learn 1.5.2), with means and not medians over the
    shadows; `rmia_offline_*` by `modules/mia/attacks/rmia.py` of privacytrustlab/ml_privacy_meter
    at commit 0b8cb7aa, with a = 0.3 and 1, for the first five shadows without each image. The
    target is the first model.
    """
    with np.load(Path(__file__).parent / "published" / "membership.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("name", ["lira_online", "lira_online_fixed", "calibrated"])
def test_scores_are_those_of_tensorflow_privacy(published, name):
    signals, membership = published["signals"], published["membership"]
    found = ATTACKS[name](signals[:, 0], signals[:, 1:], membership[:, 1:])
    np.testing.assert_allclose(found, published[f"expected_{name}"], rtol=1e-5)


def test_offline_lira_is_one_sided_but_otherwise_tensorflow_privacys(published):
    signals, membership = published["signals"], published["membership"]
    found = ATTACKS["lira_offline_fixed"](signals[:, 0], signals[:, 1:], membership[:, 1:])
    constant = published["expected_log_density_out_fixed"] + found**2 / 2
    assert np.ptp(constant) < 1e-6
    assert (found < 0).any()


@pytest.mark.parametrize("a, name", [(0.3, "rmia_offline_03"), (1.0, "rmia_offline_1")])
def test_scores_are_those_of_privacy_meter(published, a, name):
    signals, membership = published["signals"], published["membership"][:, 1:]
    five = np.argsort(membership, axis=1, kind="stable")[:, :5]
    shadows = np.take_along_axis(signals[:, 1:], five, axis=1)
    found = rmia(signals[:, 0], shadows, np.zeros(five.shape, bool), online=False, offline_a=a)
    np.testing.assert_allclose(found, published[f"expected_{name}"])


def test_areas_and_advantages_are_those_of_tensorflow_privacy(published):
    target, member = published["signals"][:, 0], published["membership"][:, 0]
    found = leak(target, member, np.arange(60), resamples=2)
    assert found.auc[0] == pytest.approx(published["expected_threshold_auc"])
    assert 2 * found.balanced[0] - 1 == pytest.approx(published["expected_threshold_advantage"])


@pytest.mark.parametrize("epsilon", [0.0, 1.0, 3.0])
def test_the_audited_epsilon_of_randomised_response_is_just_below_the_true_one(epsilon):
    random = np.random.default_rng(0)
    member = random.random((4000, 8)) < 0.5
    told = np.where(random.random(member.shape) < 1 / (1 + np.exp(-epsilon)), member, ~member)
    found = audited_epsilon(told.astype(float), member, np.arange(4000), delta=1e-5)
    assert max(0, epsilon - 0.25) <= found <= epsilon
