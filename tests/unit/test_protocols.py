"""The `inversion` protocol's split, on drawn names and on LFW."""

import csv
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_inversion.core.errors import UserError
from gan_inversion.data import LFW
from gan_inversion.protocols import Inversion, Membership, near_duplicates
from gan_inversion.protocols.inversion.rules import PARTS
from gan_inversion.recognisers import load_recogniser
from tests.conftest import ROOT


def files(subjects, images=2):
    return [f"{subject}/{image}.jpg" for subject in subjects for image in range(images)]


def distinct(count):
    """Embeddings of which no two are alike."""
    return np.eye(count, dtype="float32")


def parts(split):
    return [getattr(split, name) for name in PARTS]


NAMES = [f"subject_{number}" for number in range(300)]


def test_every_image_is_used_once_and_no_subject_twice():
    names = files(NAMES)
    split = Inversion().split(names, distinct(600))
    assert sorted(np.concatenate(parts(split))) == list(range(600))
    subjects = [{names[i].split("/")[0] for i in part} for part in parts(split)]
    assert not subjects[0] & subjects[1] and not subjects[1] & subjects[2]
    assert not subjects[0] & subjects[2]
    shares = [len(part) / 600 for part in parts(split)]
    np.testing.assert_allclose(shares, [0.7, 0.1, 0.2], atol=0.08)


@given(st.permutations(NAMES[:300]))
@settings(max_examples=20)
def test_a_subject_stays_where_it_is_whoever_else_is_there(order):
    whole = Inversion().split(files(NAMES, 1), distinct(300))
    some = Inversion().split(files(sorted(order[:250]), 1), distinct(250))
    for all_of_it, part in zip(parts(whole), parts(some), strict=True):
        assert {sorted(order[:250])[i] for i in part} <= {NAMES[i] for i in all_of_it}


def test_the_salt_changes_the_split_and_its_hash():
    one = Inversion().split(files(NAMES), distinct(600))
    two = dataclasses.replace(Inversion(), salt="other").split(files(NAMES), distinct(600))
    assert one.hash != two.hash and set(one.test) != set(two.test)


def test_near_duplicates_stay_on_one_side():
    names = files(NAMES, 1)
    embeddings = distinct(300)
    split = Inversion().split(names, embeddings)
    train, validation, test = parts(split)
    alike = [test[0], validation[0], train[0]]
    embeddings[alike] = embeddings[alike[0]]
    assert sorted(zip(*near_duplicates(embeddings, above=0.98), strict=True)) == sorted(
        (a, b) for a in alike for b in alike if a < b
    )
    again = Inversion().split(names, embeddings)
    assert sum(set(alike) <= set(part) for part in parts(again)) == 1
    assert again.hash != split.hash


def test_known_near_duplicates_count_whatever_the_victim_finds():
    names = files(NAMES, 1)
    alike = np.ones((300, 8), "float32") / 8**0.5  # a victim to whom all images are one
    known = np.array([[0, 299], [7, 120]])
    split = Inversion().split(names, alike, known)
    sides = [next(p for p, part in enumerate(parts(split)) if i in part) for i in known.ravel()]
    assert sides[0] == sides[1] and sides[2] == sides[3]
    assert split.hash == Inversion().split(names, distinct(300), known).hash


@pytest.mark.data
def test_lfws_known_near_duplicates_are_what_facenet_finds():
    lfw = LFW()
    first, second = lfw.duplicates.T
    facenet = load_recogniser("facenet")
    images = lfw.view("aligned")
    cosines = np.einsum("nd,nd->n", facenet.embed(images[first]), facenet.embed(images[second]))
    assert len(cosines) == 21 and cosines.min() > 0.97  # 0.98 in float32
    assert (lfw.subjects[first] != lfw.subjects[second]).sum() == 4


def test_the_president_is_in_train_and_takes_his_doubles_with_him():
    names = files(["George_W_Bush", *NAMES], 1)
    embeddings = distinct(301)
    for double in range(1, 30):
        embeddings[double] = embeddings[0]
    split = Inversion().split(names, embeddings)
    assert set(range(30)) <= set(split.train)


def test_too_few_subjects_are_a_sentence():
    with pytest.raises(UserError, match="expected at least 2 subjects for validation, got"):
        Inversion().split(files(NAMES[:4]), distinct(8))


@pytest.mark.data
def test_lfws_committed_split_is_that_of_the_names():
    # Of the near-duplicates only those of two subjects could move somebody; FaceNet found four
    # pairs of them. The first of each leads.
    doubles = [
        ("Bart_Hendricks", "Ricky_Ray"),
        ("Carlos_Beltran", "Raul_Ibanez"),
        ("Emmy_Rossum", "Eva_Amurri"),
        ("Gabrielle_Rose", "Martha_Bowen"),
    ]
    with (ROOT / "results" / "splits" / "lfw-eceef7f0fdf2c785.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lfw, protocol = LFW(), Inversion()
    assert [row["image"] for row in rows] == lfw.files
    part = dict(zip(lfw.subjects, (row["part"] for row in rows), strict=True))
    leader = {double: first for first, double in doubles}
    for subject, found in part.items():
        place = PARTS[protocol._place(leader.get(subject, subject))]
        assert found == ("train" if subject == "George_W_Bush" else place)
    counts = [sum(row["part"] == name for row in rows) for name in PARTS]
    assert counts == [9673, 1117, 2443]
    nothing = np.empty((len(lfw), 0), "float32")  # no victim has a say
    assert protocol.split(lfw.files, nothing, lfw.duplicates).hash == "eceef7f0fdf2c785"


def test_every_image_and_subject_is_in_half_of_the_models():
    images = np.random.default_rng(0).integers(1, 40, 200)
    for membership in (Membership().images(200, seed=0), Membership().subjects(images, seed=0)):
        assert membership.shape == (200, 16)
        assert (membership.sum(axis=0) == 100).all() and (membership.sum(axis=1) == 8).all()
        np.testing.assert_array_equal(membership[:, 1::2], ~membership[:, ::2])
    inside = Membership().subjects(images, seed=0)
    # Halves are matched: pairs of neighbours in size differ by little.
    difference = images @ inside - images @ ~inside
    assert (np.abs(difference) <= np.ptp(images)).all()
    assert (inside != Membership().subjects(images, seed=1)).any()


def test_membership_wants_pairs_of_models():
    for models in (4, 7):
        with pytest.raises(UserError, match=f"even number of models from 6 on, got {models}"):
            dataclasses.replace(Membership(), models=models).images(10, seed=0)


def pool(unit, **options):
    """40 subjects with 1 to 6 images, of which one pair is the same photograph."""
    subjects = np.repeat([f"s{n:02}" for n in range(40)], np.arange(40) % 6 + 1)
    embeddings = distinct(len(subjects))
    embeddings[-1] = embeddings[-2]
    return subjects, Membership().pool(unit, subjects, embeddings, seed=0, **options)


def test_a_pool_of_images_asks_about_those_that_models_are_trained_on():
    subjects, found = pool("image")
    assert found.trained.tolist() == list(range(len(subjects) - 1))  # without the duplicate
    np.testing.assert_array_equal(found.trained, found.audited)
    np.testing.assert_array_equal(found.members(), found.membership)
    assert found.membership.shape == (len(found.trained), 16)


def test_a_pool_of_subjects_asks_about_images_that_nobody_is_trained_on():
    subjects, found = pool("subject")
    assert not set(found.trained) & set(found.audited)
    assert sorted([*found.trained, *found.audited]) == [
        place for place, name in enumerate(subjects[:-1]) if (subjects == name).sum() > 1
    ]
    rows = {
        row: subjects[image] for image, row in zip(found.audited, found.audited_row, strict=True)
    }
    assert len(rows) == len(set(rows.values())) == len(found.membership)
    for image, row, inside in zip(found.trained, found.trained_row, found.members(), strict=True):
        assert subjects[image] == rows[row]
        np.testing.assert_array_equal(inside, found.membership[row])
    trained, asked = np.bincount(found.trained_row), np.bincount(found.audited_row)
    assert (abs(trained - asked) <= 1).all() and (trained >= asked).all()


def test_canaries_have_the_image_of_another_and_the_others_are_trained_on_by_all():
    subjects, found = pool("canary", size=40)
    assert len(found.audited) == 40 and found.membership.shape == (40, 16)
    assert (found.members().sum(axis=0) == 40).all()  # 20 canaries, and 20 that all share
    plain = found.trained_row < 0
    assert found.members()[plain].all() and plain.sum() == 20
    assert not set(found.trained[plain]) & set(found.audited)
    np.testing.assert_array_equal(found.shown[plain], found.trained[plain])
    assert (found.asked != found.audited).all() and set(found.asked) == set(found.audited)
    np.testing.assert_array_equal(found.shown[~plain], found.asked)
    moved = found.of(1000 + np.arange(len(subjects)))
    np.testing.assert_array_equal(moved.asked, found.asked + 1000)
    with pytest.raises(UserError, match="expected 150 images for canaries and others"):
        pool("canary", size=100)


@pytest.mark.parametrize("unit", ["image", "subject"])
def test_a_size_bounds_what_a_model_is_trained_on(unit):
    _, found = pool(unit, size=20)
    assert 40 <= len(found.trained) < 44
    with pytest.raises(UserError, match=f"expected 400 images to train on for {unit}s"):
        pool(unit, size=200)
