"""The dense decoder under differential privacy."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from baselines.inverter import DecoderInverter
from baselines.options import PrivateOptions
from baselines.private import PrivateInverter
from gan_inversion.core.errors import UserError
from tests.conftest import JAX, ROOT

OPTIONS = PrivateOptions(epsilon=4.0, epochs=1, batch_size=4)
RANDOM = np.random.default_rng(0)
EMBEDDINGS = RANDOM.standard_normal((12, 512)).astype("float32") / 512**0.5
IMAGES = RANDOM.integers(0, 256, (12, 160, 160, 3), dtype=np.uint8)

ELSEWHERE = """
import numpy as np
from tests.unit.test_private import EMBEDDINGS, IMAGES, OPTIONS, PrivateInverter
inverter = PrivateInverter(OPTIONS)
inverter.fit(EMBEDDINGS, IMAGES, seed=3)
np.save("found.npy", inverter.invert(EMBEDDINGS))
"""


@pytest.mark.parametrize(
    ("dimensions", "count", "told"),
    [(512, 3, "expected 4 images or more, got 3"), (128, 12, "512")],
)
def test_bad_input_is_told_before_another_process_starts(dimensions, count, told):
    with pytest.raises(UserError, match=told):
        PrivateInverter(OPTIONS).fit(EMBEDDINGS[:count, :dimensions], IMAGES[:count], seed=0)


@pytest.mark.parametrize("options", [{"decoder": "conv_bn"}, {"augment": True}])
def test_what_would_break_the_promise_is_refused(options):
    with pytest.raises(UserError, match="expected a private decoder without batch normalisation"):
        replace(OPTIONS, **options)


def test_without_clipping_the_noise_is_that_of_clipped_gradients():
    pytest.importorskip("jax_privacy")
    inverters = [PrivateInverter(replace(OPTIONS, clipped=clipped)) for clipped in (True, False)]
    kept, false = (inverter._budget(12, 0) for inverter in inverters)
    noise = [budget.noise_multiplier * budget.clipping_norm for budget in (kept, false)]
    assert noise[0] == pytest.approx(noise[1]) and noise[0] > 0
    assert kept.clipping_norm == 1e-3 and false.clipping_norm == 1


def test_it_trains_spends_its_budget_and_is_saved_as_a_plain_decoder(tmp_path, monkeypatch):
    pytest.importorskip("jax_privacy")
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", JAX["JAX_DISABLE_MOST_OPTIMIZATIONS"])
    inverter = PrivateInverter(OPTIONS, name="private_dense")
    inverter.fit(EMBEDDINGS, IMAGES, seed=3)  # under TensorFlow: JAX has a process of its own
    found = inverter.invert(EMBEDDINGS)
    assert found.shape == IMAGES.shape and found.std() > 0
    assert inverter.config["epsilon"] == 4.0 and inverter.config["noise_multiplier"] > 0.3
    inverter.save(tmp_path)
    again = PrivateInverter.load(tmp_path)
    assert isinstance(again, DecoderInverter) and again.name == "private_dense"
    assert again.config == inverter.config
    np.testing.assert_allclose(again.invert(EMBEDDINGS), found, atol=1e-6)
    # Trained and asked under JAX, with the same seed: it draws the same.
    environment = {**os.environ, **JAX, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=tmp_path, env=environment, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), found, atol=1e-4)
