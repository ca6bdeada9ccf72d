"""How much of a folder was trained on, and whether anything of a person was."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from gan_inversion.metrics.usage import best_threshold, of_ranges, usage, usage_errors


def gaussians(images: int, models: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    membership = random.random((images, models)) < 0.5
    return shift * membership + random.standard_normal(membership.shape), membership


def test_the_rates_of_an_attack_are_taken_off():
    # Of 10,000 images 3,000 are members: 0.8 of them and 0.1 of the others are taken for members.
    rates = np.full(4, 0.1), np.full(4, 0.8)
    assert usage(2400 + 700, 10_000, *rates) == pytest.approx(0.3, abs=0.005)
    assert usage(9000, 10_000, *rates) > 0.98 and usage(100, 10_000, *rates) < 0.02
    assert usage(40, 100, np.full(4, 0.4), np.full(4, 0.4)) == pytest.approx(0.5)
    # Rates that differ from model to model make it less sure.
    unsure = usage(3100, 10_000, np.array([0.0, 0.1, 0.2]), np.array([0.7, 0.8, 0.9]))
    assert 0.15 < unsure < 0.45


def test_the_threshold_is_where_two_normals_cross():
    assert best_threshold(*gaussians(20_000, 4, 1.0)) == pytest.approx(0.5, abs=0.1)
    ties = np.array([[2.0], [1.0], [1.0], [0.0]]), np.array([[True], [True], [False], [False]])
    assert best_threshold(*ties) == 1.0  # or 0.0, which is as good


def test_the_error_falls_with_the_folder_and_with_the_leak():
    error = {
        (shift, size): usage_errors(
            *gaussians(4000, 8, shift), size=size, folders=40, seed=0
        ).mean()
        for shift in (0.5, 2.0)
        for size in (50, 800)
    }
    assert error[2.0, 800] < 0.03 < error[2.0, 50] < error[0.5, 50]
    assert error[2.0, 800] < error[0.5, 800] < error[0.5, 50]
    # The standard deviation of the estimate follows from the rates alone.
    fpr, tpr = stats.norm.sf(1), stats.norm.sf(-1)
    deviation = np.sqrt(fpr * (1 - fpr) / 50) / (tpr - fpr)
    assert error[2.0, 50] == pytest.approx(deviation * np.sqrt(2 / np.pi), rel=0.3)


def test_where_nothing_leaks_the_estimate_is_as_good_as_a_guess():
    scores, membership = gaussians(4000, 8, 0.0)
    errors = usage_errors(scores, membership, size=100, folders=50, seed=0)
    assert errors.shape == (8, 50) and errors.mean() == pytest.approx(0.25, abs=0.03)


def test_a_model_that_is_unlike_the_others_does_not_mislead():
    # Its scores are all larger: of the other models' thresholds it takes everyone for a member.
    scores, membership = gaussians(4000, 8, 0.2)
    scores = scores + np.random.default_rng(3).normal(0, 0.5, 8)
    errors = usage_errors(scores, membership, size=100, folders=50, seed=0)
    assert errors.mean() < 0.3


def test_one_near_photograph_gives_a_person_away():
    # Of ten queries of a member one is remembered: a mean hides it, the largest shows it.
    random = np.random.default_rng(1)
    member = random.random((500, 1)) < 0.5
    scores = random.standard_normal((500, 10))
    scores[:, :1] += 3 * member
    rows = np.repeat(np.arange(500), 10)
    area = [
        roc_auc_score(member[:, 0], of_ranges(scores.reshape(-1, 1), rows, kept=kept)[:, 0])
        for kept in (1.0, 0.5, 0.1)
    ]
    assert area[0] < area[1] < area[2]
    np.testing.assert_allclose(of_ranges(np.arange(4.0)[:, None], np.array([1, 0, 1, 1])),
                               [[1.0], [2.5]])  # fmt: skip
