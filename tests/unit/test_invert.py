"""What `experiments.invert` accepts, and what it says of the rest."""

import numpy as np
import pytest

from experiments.invert import contact_sheet, read_embeddings
from experiments.methods import attacked
from gan_inversion.errors import UserError
from tests.conftest import ROOT


def test_embeddings_become_unit_vectors(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 8)) * 7
    np.save(tmp_path / "mine.npy", vectors)
    found = read_embeddings(tmp_path / "mine.npy")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors / np.linalg.norm(vectors, axis=1)[:, None], rtol=1e-6)
    np.save(tmp_path / "one.npy", vectors[0])
    np.testing.assert_array_equal(read_embeddings(tmp_path / "one.npy"), found[:1])
    np.savez(tmp_path / "two.npz", embeddings=vectors, names=np.arange(3))
    np.testing.assert_array_equal(read_embeddings(tmp_path / "two.npz"), found)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((2, 3, 4)), r"expected numbers \(N, D\), got float64 \(2, 3, 4\)"),
        (np.zeros((0, 4)), r"expected numbers \(N, D\), got float64 \(0, 4\)"),
        (np.array([["a", "b"]]), "expected numbers"),
        (np.array([[1.0, 2.0], [0.0, 0.0]]), "got zero norm in 1"),
        (np.array([[1.0, np.nan]]), "got NaN or infinity in 0"),
        (np.array([[1.0, np.inf], [1.0, 1.0]]), "got NaN or infinity in 0"),
    ],
)
def test_other_arrays_are_a_sentence(tmp_path, array, sentence):
    np.save(tmp_path / "mine.npy", array)
    with pytest.raises(UserError, match=sentence):
        read_embeddings(tmp_path / "mine.npy")


def test_other_files_are_a_sentence(tmp_path):
    (tmp_path / "mine.npy").write_text("no array")
    with pytest.raises(UserError, match=r"not a readable \.npy or \.npz file"):
        read_embeddings(tmp_path / "mine.npy")
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.ones(3))
    whole = (tmp_path / "two.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"not a readable \.npy or \.npz file"):
        read_embeddings(tmp_path / "cut.npz")
    with pytest.raises(UserError, match="expected an array called embeddings, got a, b"):
        read_embeddings(tmp_path / "two.npz")


def test_a_contact_sheet_has_originals_above_reconstructions():
    first, second = (np.full((12, 160, 160, 3), value, "uint8") for value in (1, 2))
    sheet = contact_sheet([first, second])
    assert sheet.shape == (4 * 160, 10 * 160, 3)
    assert (sheet[:160] == 1).all() and (sheet[160:320] == 2).all()
    assert (sheet[320:480, :320] == 1).all() and (sheet[320:, 320:] == 255).all()


def test_the_recogniser_of_a_run_is_the_attacked_one_not_the_first_by_name(tmp_path):
    """The options of a run are written in alphabetical order: dlib, its judge, comes first."""
    with pytest.raises(UserError, match="expected the record of a finished run in"):
        attacked(tmp_path)
    published = ROOT / "results/records/inversion/cgan_cpu-lfw-s0.json"
    (tmp_path / "inverter").mkdir()
    (tmp_path / "inverter" / "record.json").write_text(published.read_text())
    assert attacked(tmp_path) == "facenet"
