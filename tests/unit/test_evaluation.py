import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve

from gan_inversion.metrics.intervals import bootstrap_mean, clopper_pearson
from gan_inversion.metrics.reconstruction import channel_accuracy, mse
from gan_inversion.metrics.verification import (
    auc,
    best_threshold,
    bootstrap_auc,
    by_group,
    by_subject,
    impostors,
    k_fold,
)


def labelled_scores(min_size=4):
    pairs = st.lists(
        st.tuples(st.integers(0, 8), st.booleans()), min_size=min_size, max_size=40
    ).filter(lambda found: len({genuine for _, genuine in found}) == 2)
    return pairs.map(
        lambda found: (
            np.array([score / 8 for score, _ in found]),
            np.array([genuine for _, genuine in found]),
        )
    )


@given(labelled_scores())
def test_auc_is_scikit_learns(drawn):
    scores, genuine = drawn
    assert auc(scores, genuine) == pytest.approx(roc_auc_score(genuine, scores))


@given(labelled_scores())
def test_no_threshold_beats_the_best_one(drawn):
    scores, genuine = drawn

    def accuracy(threshold):
        return ((scores >= threshold) == genuine).mean()

    best = max(accuracy(threshold) for threshold in [*scores, scores.max() + 1])
    assert accuracy(best_threshold(scores, genuine)) == pytest.approx(best)


def test_each_fold_is_judged_by_the_threshold_of_the_others():
    # Fold 0 alone would put its threshold at 0.3; fold 1 puts it at 0.75: two of four are right.
    scores = np.array([0.2, 0.4, 0.5, 0.6, 0.7, 0.7, 0.8, 0.8])
    genuine = np.array([False, True, True, False, False, False, True, True])
    folds = k_fold(scores, genuine, np.repeat([0, 1], 4))
    assert folds.thresholds[0] == pytest.approx(0.75)
    assert folds.accuracies[0] == 0.5
    assert folds.mean == folds.accuracies.mean()
    assert folds.ci[0] <= folds.mean <= folds.ci[1]


def test_a_resample_is_the_auc_of_the_pairs_it_repeats():
    scores = np.array([0.1, 0.4, 0.4, 0.6, 0.7, 0.9, 0.2, 0.4])
    genuine = np.array([False, True, False, True, False, True, False, True])
    weight = np.array([2, 1, 3, 0, 1, 2, 1, 1])
    expected = auc(np.repeat(scores, weight), np.repeat(genuine, weight))
    assert bootstrap_auc(scores, genuine, [weight]) == pytest.approx((expected, expected))


def test_weights_by_group_repeat_whole_folds():
    fold = np.array([0, 0, 1, 2])
    weights = np.array(list(by_group(fold, resamples=50)))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 1:].sum(axis=1) == 3).all() and len(np.unique(weights)) > 2


def test_weights_by_subject_are_products_of_how_often_both_are_drawn():
    first, second = np.array(["a", "a", "a", "b"]), np.array(["a", "b", "c", "c"])
    for a, ab, ac, bc in by_subject(first, second, resamples=50):
        b, c = (ab // a, ac // a) if a else (None, None)
        assert a == 0 or (a + b + c == 3 and bc == b * c)
        assert a > 0 or ab == ac == 0


def drawn_scores(seed, subjects=60, images=4):
    """All pairs of unit vectors that share a direction by subject."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(subjects), images)
    centres = rng.standard_normal((subjects, 8))
    embeddings = centres[codes] + 0.7 * rng.standard_normal((len(codes), 8))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype("float32"), codes


def test_intervals_by_subject_are_as_wide_as_new_subjects_scatter():
    areas, thresholds = [], []
    for seed in range(60):
        embeddings, codes = drawn_scores(seed)
        first, second = np.triu_indices(len(codes), 1)
        scores = np.einsum("nd,nd->n", embeddings[first], embeddings[second])
        areas.append(auc(scores, codes[first] == codes[second]))
        found = impostors(embeddings, codes, fmrs=(0.01,))
        thresholds.append(found.thresholds[0.01])
    # The last sample stands for what a user has: one.
    low, high = bootstrap_auc(
        scores,
        codes[first] == codes[second],
        by_subject(codes[first], codes[second], resamples=200),
    )
    assert high - low == pytest.approx(2 * 1.96 * np.std(areas), rel=0.4)
    low, high = found.intervals[0.01]
    assert high - low == pytest.approx(2 * 1.96 * np.std(thresholds), rel=0.4)
    assert low < thresholds[-1] < high


def test_impostor_thresholds_are_exact():
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((300, 16)).astype("float32")
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    subjects = rng.integers(0, 40, 300)
    found = impostors(embeddings, subjects, fmrs=(0.1, 1e-3, 1e-6), block=64)
    first, second = np.triu_indices(300, 1)
    other = subjects[first] != subjects[second]
    scores = np.einsum("nd,nd->n", embeddings[first], embeddings[second])[other]
    assert found.count == len(scores) == found.histogram.sum()
    for fmr in (0.1, 1e-3):
        false_rates, _, thresholds = roc_curve(
            np.append(np.zeros(len(scores)), 1), np.append(scores, 2), drop_intermediate=False
        )
        first_rejected = thresholds[false_rates > fmr].max()
        last_accepted = thresholds[false_rates <= fmr].min()
        assert first_rejected - 1e-6 <= found.thresholds[fmr] <= last_accepted + 1e-6
        low, high = found.intervals[fmr]
        assert low <= found.thresholds[fmr] <= high
    assert np.isnan(found.thresholds[1e-6])  # 44,000 comparisons cannot resolve it
    assert 1e-6 not in found.intervals


def test_clopper_pearson_is_the_beta_quantile():
    low, high = clopper_pearson(3, 20)
    assert low == pytest.approx(stats.beta.ppf(0.025, 3, 18))
    assert high == pytest.approx(stats.beta.ppf(0.975, 4, 17))


def test_the_bootstrap_resamples_subjects():
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(100), 20)
    values = rng.standard_normal(100)[subjects]  # all images of a subject agree
    low, high = bootstrap_mean(values, subjects)
    expected = 2 * 1.96 * values[::20].std() / np.sqrt(100)
    assert high - low == pytest.approx(expected, rel=0.15)
    assert low < values.mean() < high


def test_mse_by_hand():
    originals = np.zeros((2, 1, 2, 3))
    reconstructions = np.zeros((2, 1, 2, 3))
    reconstructions[1, 0, 0] = [1, 1, 0]
    assert mse(originals, reconstructions).tolist() == [0, pytest.approx(2 / 6)]


def test_channel_accuracy_and_mse_are_what_keras_computes():
    rng = np.random.default_rng(0)
    targets = rng.random((6, 160, 160, 3), "float32")
    model = keras.Sequential(
        [keras.Input((160, 160, 3)), keras.layers.Conv2D(3, 3, padding="same")]
    )
    model.compile(loss="mse", metrics=["accuracy"])
    inputs = rng.random((6, 160, 160, 3), "float32")
    loss, accuracy = model.evaluate(inputs, targets, verbose=0)
    outputs = model.predict(inputs, verbose=0)
    assert channel_accuracy(targets, outputs).mean() == pytest.approx(accuracy, abs=1e-5)
    assert mse(targets, outputs).mean() == pytest.approx(loss, rel=1e-5)
