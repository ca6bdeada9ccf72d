"""The dense decoder under differential privacy."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from baselines.inverter import DecoderInverter
from baselines.private import PrivateInverter
from gan_inversion.errors import UserError
from tests.conftest import JAX, ROOT

OPTIONS = {"targets": "corrected", "epochs": 2, "batch_size": 4}

ELSEWHERE = """
import numpy as np
from pathlib import Path
from baselines.private import PrivateInverter
given = np.load("given.npz")
inverter = PrivateInverter(epsilon=4.0, targets="corrected", epochs=2, batch_size=4)
inverter.fit(given["embeddings"], given["images"], seed=0)
inverter.save(Path("saved"))
np.save("found.npy", inverter.invert(given["embeddings"]))
"""


def test_it_says_which_backend_it_needs():
    embeddings, images = np.eye(8, 512, dtype="float32"), np.zeros((8, 160, 160, 3), np.uint8)
    with pytest.raises(UserError, match="expected KERAS_BACKEND=jax, got tensorflow"):
        PrivateInverter(**OPTIONS).fit(embeddings, images, seed=0)


def test_it_trains_spends_its_budget_and_is_saved_as_a_plain_decoder(tmp_path):
    pytest.importorskip("jax_privacy")
    random = np.random.default_rng(0)
    embeddings = random.standard_normal((12, 512)).astype("float32") / 512**0.5
    images = random.integers(0, 256, (12, 160, 160, 3), dtype=np.uint8)
    np.savez(tmp_path / "given.npz", embeddings=embeddings, images=images)
    environment = {**os.environ, **JAX, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=tmp_path, env=environment, check=True)
    config = json.loads((tmp_path / "saved/inverter.json").read_text())
    assert config["epsilon"] == 4.0 and config["noise_multiplier"] > 0.3
    found = np.load(tmp_path / "found.npy")
    assert found.shape == images.shape and found.std() > 0
    # Opened under another backend, as every decoder: it draws the same.
    again = PrivateInverter.load(tmp_path / "saved")
    assert isinstance(again, DecoderInverter) and again.name == "private_dense"
    np.testing.assert_allclose(again.invert(embeddings), found, atol=1e-4)
