"""Linear maps between recognisers, and the ceiling that they give."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from experiments import inversion
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Record, at
from gan_inversion.data.source import Source
from gan_inversion.inverters.translation import LEAKS, Translation, leaked


def unit(count, dimension, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


def test_a_rotation_is_learned_from_enough_pairs():
    turn = ortho_group.rvs(16, random_state=0)
    known, wanted = unit(200, 16), unit(50, 16, seed=1)
    translated = Translation.learned(known, known @ turn)(wanted)
    np.testing.assert_allclose(translated, wanted @ turn, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(translated, axis=1), 1, atol=1e-5)


def test_fewer_pairs_than_dimensions_give_a_map_that_is_better_than_none():
    turn = ortho_group.rvs(64, random_state=0)
    known, wanted = unit(30, 64), unit(50, 64, seed=1)
    cosines = (Translation.learned(known, known @ turn)(wanted) * (wanted @ turn)).sum(axis=1)
    assert 0.3 < cosines.mean() < 0.9


def test_what_is_left_of_an_embedding_gives_away_less():
    """Halves, quarters, rounded numbers and signs: each is translated as well as it can be."""
    turn = ortho_group.rvs(32, random_state=0)
    known, wanted = unit(2000, 32), unit(200, 32, seed=1)
    cosines = {}
    for kind in LEAKS:
        translated = Translation.learned(leaked(known, kind), known @ turn)(leaked(wanted, kind))
        cosines[kind] = (translated * (wanted @ turn)).sum(axis=1).mean()
    assert cosines["whole"] > 0.999 and cosines["int8"] > 0.99
    # Random vectors: of half the numbers, half of the squared length is left; of signs, 2 / pi.
    assert cosines["half"] == pytest.approx(0.5**0.5, abs=0.03)
    assert cosines["quarter"] == pytest.approx(0.5, abs=0.04)
    assert cosines["sign"] == pytest.approx((2 / np.pi) ** 0.5, abs=0.03)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (unit(0, 4), unit(0, 3), "expected 2 pairs of embeddings or more to learn from, got 0"),
        (unit(1, 4), unit(1, 3), "got 1"),
        (unit(5, 4), unit(4, 3), r"expected pairs of vectors, got \(5, 4\) and \(4, 3\)"),
        (unit(5, 4), np.full((5, 3), np.nan), "got NaN or infinity"),
    ],
)
def test_what_cannot_be_learned_from_is_a_sentence(first, second, sentence):
    with pytest.raises(UserError, match=sentence):
        Translation.learned(first, second)


@pytest.mark.parametrize(
    ("weights", "intercept", "sentence"),
    [
        (np.ones((4, 3)), np.ones(4), r"and an intercept \(E,\) of floats"),
        (np.ones((4, 3), complex), np.ones(3), "of floats, got complex128"),
        (np.full((4, 3), np.nan), np.ones(3), "expected finite weights"),
        (np.ones(4), np.ones(()), "expected weights"),
    ],
)
def test_a_damaged_map_is_a_sentence(weights, intercept, sentence):
    with pytest.raises(UserError, match=sentence):
        Translation(weights, intercept)


OWN = """
import numpy as np
from gan_inversion.recognisers import Compact

turn = np.linalg.qr(np.random.default_rng(0).standard_normal((512, 512)))[0]

def turned(images):  # the victim's embeddings in other coordinates: nothing is lost
    return Compact().embed(images) @ turn

def noise(images):  # nothing of the victim's
    return np.array([np.random.default_rng(image.sum()).standard_normal(8) for image in images])
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory, small):
    folder = tmp_path_factory.mktemp("translated")
    (folder / "mine.py").write_text(OWN)
    options = inversion.Options(
        methods=("translated",),
        seeds=(0,),
        source=Source("synthetic"),
        victim="compact",
        judges=tuple(f"{folder}/mine.py:{name}" for name in ("turned", "noise")),
        folders=Folders(runs=folder / "runs", records=folder / "records", tables=folder / "tables"),
    )
    inversion.run_all(options)
    inversion.run_all(options)  # exists: skipped
    (path,) = (folder / "records" / "inversion").glob("*.json")
    return Record.read(path)


def test_the_ceiling_is_that_of_the_victim_where_a_judge_differs_by_a_rotation(record):
    figures = record.metrics
    for kind in (1, 2):
        name = at(f"sar_type{kind}", fmr=1e-2)
        assert figures[f"turned/{name}"].value >= figures[f"compact/{name}"].value - 0.1
    assert figures["compact/cosine_mean"].value == pytest.approx(1)
    assert figures["turned/cosine_mean"].value > 0.8


def test_the_ceiling_is_the_floor_where_nothing_is_shared(record):
    assert abs(record.metrics["noise/cosine_mean"].value) < 0.3


def test_it_has_figures_of_judges_only(record):
    assert {name.split("/")[0] for name in record.metrics} <= {
        "compact", "turned", "noise", "gap_turned", "gap_noise"
    }  # fmt: skip
    assert record.spec["family"] == "translated"


def test_directions_that_hardly_vary_are_used():
    """As FaceNet's, whose deviations fall from 0.25 to 1e-5 and all tell something."""
    random = np.random.default_rng(0)
    hidden = random.standard_normal((2000, 8))
    first = np.hstack([np.ones((2000, 1)), hidden * np.logspace(-1, -5, 8)])
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    translated = Translation.learned(first[:1500], second[:1500])(first[1500:])
    assert (translated * second[1500:]).sum(axis=1).mean() > 0.95
