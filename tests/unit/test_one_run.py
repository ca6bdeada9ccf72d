"""Bounds on epsilon from a single training."""

import numpy as np
import pytest
from scipy import stats

from gan_inversion.metrics.one_run import gaussian, gaussian_mean, one_run_epsilon, pure

HALF = np.arange(4000) < 2000


@pytest.mark.parametrize("right", [60, 80, 95, 100])
@pytest.mark.parametrize("delta", [1e-5, 1e-3])
def test_bounds_are_those_of_jax_privacy(right, delta):
    auditing = pytest.importorskip("jax_privacy.auditing")
    # The epsilon at which our own function changes its sign is the library's bound.
    for ours, theirs in (
        (pure, auditing._epsilon_one_run),
        (gaussian, auditing._epsilon_one_run_fdp),
    ):
        expected = theirs(1e-3, 1000, 100, right, 0.05, delta)
        if expected > 1e-3:
            assert ours(1000, 100, right, expected - 1e-3, delta) > 0
            assert ours(1000, 100, right, expected + 1e-3, delta) < 0
        else:
            assert ours(1000, 100, right, 2e-3, delta) <= 0


def test_a_gaussian_is_as_private_as_its_curve_says():
    mean = gaussian_mean(1.0, 1e-5)
    first, second = stats.norm.cdf([mean / 2 - 1 / mean, -mean / 2 - 1 / mean])
    assert first - np.e * second == pytest.approx(1e-5, rel=1e-6)
    assert gaussian_mean(8.0, 1e-5) > gaussian_mean(1.0, 1e-5) > gaussian_mean(0.1, 1e-5)


@pytest.mark.parametrize("epsilon", [0.0, 1.0, 4.0])
def test_randomised_response_proves_nearly_its_own_epsilon(epsilon):
    random = np.random.default_rng(0)
    member = random.random(4000) < 0.5
    truth = random.random(4000) < 1 / (1 + np.exp(-epsilon))
    scores = np.where(truth, member, ~member) + 0.01 * random.random(4000)
    proven = one_run_epsilon(scores, member, HALF, delta=1e-5)
    assert max(0, 0.8 * epsilon - 0.15) <= proven <= epsilon


@pytest.mark.parametrize("mean", [0.5, 1.5])
def test_a_gaussian_mechanism_proves_more_by_its_own_curve(mean):
    # What it truly has: the epsilon at which its curve gives this delta.
    grid = np.linspace(0.05, 12, 2000)
    true = grid[np.argmin([abs(gaussian_mean(value, 1e-5) - mean) for value in grid])]
    proven = np.empty((2, 20))
    for seed in range(20):
        random = np.random.default_rng(seed)
        member = random.random(4000) < 0.5
        scores = np.where(member, mean, -mean) / 2 + random.standard_normal(4000)
        for kind, rejects in enumerate((pure, gaussian)):
            proven[kind, seed] = one_run_epsilon(scores, member, HALF, delta=1e-5, rejects=rejects)
    simple, sharp = proven.mean(axis=1)
    assert simple < sharp and (proven > true).mean() <= 0.05


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_nobody_is_guessed_about_twice(count):
    asked = []

    def rejects(*given):
        asked.append(given)
        return -1.0

    scores, half = np.arange(2.0 * count), np.arange(2 * count) % 2 == 0
    assert one_run_epsilon(scores, scores > 0, half, delta=1e-5, rejects=rejects) == 0
    assert all(guesses <= images for images, guesses, *_ in asked)


def test_guesses_that_are_all_right_or_at_random():
    member = np.random.default_rng(2).random(4000) < 0.5
    assert one_run_epsilon(member.astype(float), member, HALF, delta=1e-5) > 4
    noise = np.random.default_rng(3).random(4000)
    for rejects in (pure, gaussian):
        assert one_run_epsilon(noise, member, HALF, delta=1e-5, rejects=rejects) < 0.2


@pytest.mark.parametrize("rejects", [pure, gaussian])
@pytest.mark.parametrize("kinds", [1, 2])
def test_equal_scores_prove_nothing_where_members_stand_together(rejects, kinds):
    member = np.arange(1000) % 500 < 250  # in both halves of the rows
    scores = np.random.default_rng(0).integers(0, kinds, 1000).astype(float)
    half = np.arange(1000) < 500
    assert one_run_epsilon(scores, member, half, delta=1e-5, rejects=rejects) < 0.1
    assert one_run_epsilon(scores[::-1], ~member, half, delta=1e-5, rejects=rejects) < 0.1
