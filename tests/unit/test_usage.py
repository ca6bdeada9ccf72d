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
    # Of 100 images 30 are members: 0.8 of them and 0.1 of the others are taken for members.
    scores = np.concatenate([np.ones(24), np.zeros(6), np.ones(7), np.zeros(63)])
    assert usage(scores, 0.1, 0.8, 0.5) == pytest.approx(0.3)
    assert usage(np.ones(10), 0.1, 0.8, 0.5) == 1 and usage(np.zeros(10), 0.1, 0.8, 0.5) == 0
    assert usage(scores, 0.4, 0.4, 0.5) == 0.5


def test_the_threshold_is_where_two_normals_cross():
    scores, membership = gaussians(20_000, 4, 1.0)
    fpr, tpr, threshold = best_threshold(scores, membership)
    assert threshold == pytest.approx(0.5, abs=0.1)
    assert (fpr, tpr) == (
        pytest.approx(stats.norm.sf(threshold), abs=0.01),
        pytest.approx(stats.norm.sf(threshold - 1), abs=0.01),
    )
    ties = np.array([[2.0], [1.0], [1.0], [0.0]]), np.array([[True], [True], [False], [False]])
    assert best_threshold(*ties) == (0.0, 0.5, 1.0)  # or (0.5, 1.0, 0.0), which is as good


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
    assert errors.shape == (8, 50) and errors.mean() > 0.2


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
