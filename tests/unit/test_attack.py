"""The verification attack and the copy audit, on cases worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_inversion.metrics.attack import (
    accepted_as_others,
    attack,
    best_of,
    identify,
    nearest_so_far,
    one_each,
    other_images,
    subject_mean,
)
from gan_inversion.metrics.copying import copy_test, nearest
from gan_inversion.metrics.intervals import (
    bootstrap_mean,
    bootstrap_quantile,
    bootstrap_rate,
    clopper_pearson,
)
from gan_inversion.metrics.verification import impostors


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_vectors(count, seed=0, dimension=16):
    return unit(np.random.default_rng(seed).normal(size=(count, dimension))).astype("float32")


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_type_two_pairs_are_all_other_images_of_the_subject(drawn):
    subjects = np.array(drawn)
    inverted, other = other_images(subjects)
    wanted = {
        (i, j)
        for i, subject in enumerate(drawn)
        for j, again in enumerate(drawn)
        if subject == again and i != j
    }
    assert set(zip(inverted.tolist(), other.tolist(), strict=True)) == wanted
    assert len(inverted) == len(wanted)


def test_the_best_of_several_is_the_best_so_far():
    subjects = np.array(["b", "a", "b", "c", "a", "b"])
    chosen = one_each(subjects)
    assert chosen.tolist() == [1, 0]  # of a and b; c has no other image
    originals = random_vectors(6)
    hypotheses = np.stack([random_vectors(2, seed=seed) for seed in (1, 2, 3)])
    hypotheses[1, 0] = np.nan
    best, people = best_of(hypotheses, originals, subjects, chosen)
    assert best.shape == (3, 3) and sorted(people) == ["a", "b", "b"]
    own = {"a": [-1 if k == 1 else hypotheses[k, 0] @ originals[4] for k in range(3)]}
    np.testing.assert_allclose(
        best[:, people == "a"][:, 0], np.maximum.accumulate(own["a"]), atol=1e-6
    )
    expected = np.sort((hypotheses[:, 1] @ originals[[2, 5]].T).max(axis=0))
    np.testing.assert_allclose(np.sort(best[2, people == "b"]), expected, atol=1e-6)


def test_the_nearest_of_several_is_picked_and_never_a_rejected_one():
    inverted = random_vectors(2)
    hypotheses = np.stack([random_vectors(2, seed=1), random_vectors(2, seed=2), inverted])
    hypotheses[1, 0] = np.nan
    picks = nearest_so_far(hypotheses, inverted)
    nearer = int(hypotheses[1, 1] @ inverted[1] > hypotheses[0, 1] @ inverted[1])
    assert picks.tolist() == [[0, 0], [0, nearer], [2, 2]]


def test_the_mean_over_subjects_counts_each_once():
    names, means = subject_mean(np.array([1, 1, 1, 0]), np.array(["a", "a", "a", "b"]))
    assert names.tolist() == ["a", "b"] and means.tolist() == [1, 0] and means.mean() == 0.5


def test_the_oracle_is_always_accepted_and_its_type_two_is_the_recognisers_own():
    subjects = np.repeat(np.arange(10), 3)
    originals = random_vectors(30)
    outcome = attack(originals, originals, subjects)
    np.testing.assert_allclose(outcome.type1, 1, atol=1e-6)
    genuine = [originals[i] @ originals[j] for i in range(30) for j in range(i) if i // 3 == j // 3]
    for threshold in (-0.2, 0.0, 0.3):
        tmr = np.mean(np.array(genuine) >= threshold)
        assert (outcome.type2 >= threshold).mean() == pytest.approx(tmr)


def test_what_the_recogniser_rejects_is_counted_and_never_accepted():
    subjects = np.array([0, 0, 1, 1])
    originals = random_vectors(4)
    reconstructions = originals.copy()
    reconstructions[1] = np.nan
    outcome = attack(reconstructions, originals, subjects)
    assert outcome.rejected.tolist() == [False, True, False, False]
    assert outcome.type1[1] == -1 and len(outcome.type1) == 4
    assert outcome.type2[outcome.inverted == 1].tolist() == [-1]
    assert identify(reconstructions, originals, subjects).ranks[0] == 2  # last of two subjects
    originals[0] = np.nan  # now a real image, enrolled for subject 0
    outcome = attack(originals, originals, subjects)
    assert outcome.rejected.tolist() == [True, False, False, False]
    assert outcome.type1[0] == -1 and outcome.type1[1] == pytest.approx(1)
    assert outcome.type2[:2].tolist() == [-1, -1] and outcome.type2[2] > -1
    assert identify(originals, originals, subjects).ranks.tolist() == [2, 1]


def test_ranks_worked_by_hand():
    subjects = np.array(["a", "a", "b", "b", "c"])
    east, north, west = [1, 0], [0, 1], [-1, 0]
    originals = np.array([east, north, north, east, west], "float32")
    found = identify(np.array([east, east, north, west, west], "float32"), originals, subjects)
    # Enrolled are images 0, 2 and 4; image 1 comes back as its subject, image 3 as c, then b and a.
    assert found.gallery == 3 and found.probes.tolist() == [1, 3] and found.ranks.tolist() == [1, 2]
    np.testing.assert_allclose(found.cmc(3), [0.5, 1, 1])


def test_a_constant_never_comes_first_by_a_tie():
    subjects = np.repeat(np.arange(5), 2)
    constant = np.tile(random_vectors(1), (10, 1))
    originals = np.tile(random_vectors(1, seed=1), (10, 1))
    assert (identify(constant, originals, subjects).ranks == 5).all()


def test_a_rate_without_exceptions_has_the_interval_of_its_subjects():
    subjects = np.repeat(np.arange(20), 10)
    assert bootstrap_rate(np.zeros(200, bool), subjects) == clopper_pearson(0, 20)
    assert bootstrap_rate(np.ones(200, bool), subjects) == clopper_pearson(20, 20)
    mixed = np.arange(200) % 3 == 0
    assert bootstrap_rate(mixed, subjects) == bootstrap_mean(mixed, subjects)


def test_the_interval_of_a_quantile_covers_it():
    generator = np.random.default_rng(0)
    true, covered = -1.6449, 0  # 5th percentile of a standard normal
    for seed in range(60):
        values = generator.normal(size=400)
        low, high = bootstrap_quantile(values, np.arange(400), 0.05, resamples=400, seed=seed)
        covered += low <= true <= high
    assert 50 <= covered <= 60


def test_copies_are_found_and_new_faces_are_not():
    training = random_vectors(300)
    new, held_out = random_vectors(200, seed=1), random_vectors(200, seed=2)
    copies = unit(training[:200] + 0.01 * random_vectors(200, seed=3))
    subjects = np.repeat(np.arange(100), 2)
    null = nearest(held_out, training)
    copied = copy_test(nearest(copies, training), subjects, null, subjects)
    clean = copy_test(nearest(new, training), subjects, null, subjects)
    assert copied.nearer == 1 and copied.p_value < 1e-9 and copied.subjects == 100
    assert 0.35 < clean.nearer < 0.65 and clean.p_value > 0.01


def test_the_copy_audit_is_level_under_its_null():
    training = random_vectors(100)
    rejected = 0
    for seed in range(100):
        similarities = nearest(random_vectors(80, seed=10 + seed), training)
        subjects = np.arange(40)
        outcome = copy_test(similarities[:40], subjects, similarities[40:], subjects)
        rejected += outcome.p_value < 0.05
    assert rejected <= 12  # 5 expected; 13 or more have a chance of 0.1 %


def test_a_reconstruction_may_be_accepted_as_someone_else():
    subjects = np.array(["a", "a", "b", "c"])
    originals = np.eye(4, dtype="float32")
    vectors = np.array([[0, 0.6, 0.8, 0], [0.8, 0, 0.6, 0], [0, 0, 1, 0], [np.nan] * 4], "float32")
    shares = accepted_as_others(vectors, originals, subjects, [0.5, 0.7, np.inf])
    # Of the two images that are not of subject a: b scores 0.8 and 0.6, c nothing.
    np.testing.assert_allclose(shares, [[0.5, 0.5, 0], [0.5, 0, 0], [0, 0, 0], [0, 0, 0]])


def test_photographs_are_accepted_as_others_at_the_false_match_rate(monkeypatch):
    random = np.random.default_rng(0)
    vectors = random.standard_normal((900, 64)).astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    subjects = np.arange(900) // 3
    threshold = impostors(vectors, subjects, fmrs=(1e-2,)).thresholds[1e-2]
    monkeypatch.setattr("gan_inversion.metrics.attack.BLOCK", 128)
    shares = accepted_as_others(vectors, vectors, subjects, [threshold])
    assert shares.mean() == pytest.approx(1e-2, rel=0.02)
    near = vectors + vectors.mean(axis=0) * 20  # nearer to everybody
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert accepted_as_others(near, near, subjects, [threshold]).mean() > 3e-2
