"""The dense decoder under differential privacy."""

import numpy as np
import pytest

from baselines.inverter import DecoderInverter
from baselines.private import PrivateInverter
from gan_inversion.errors import UserError
from tests.conftest import JAX

OPTIONS = {"epsilon": 4.0, "targets": "corrected", "epochs": 2, "batch_size": 4}
RANDOM = np.random.default_rng(0)
EMBEDDINGS = RANDOM.standard_normal((12, 512)).astype("float32") / 512**0.5
IMAGES = RANDOM.integers(0, 256, (12, 160, 160, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("dimensions", "count", "told"),
    [(512, 3, "expected 4 images or more, got 3"), (128, 12, "512")],
)
def test_bad_input_is_told_before_another_process_starts(dimensions, count, told):
    with pytest.raises(UserError, match=told):
        PrivateInverter(**OPTIONS).fit(EMBEDDINGS[:count, :dimensions], IMAGES[:count], seed=0)


def test_it_trains_spends_its_budget_and_is_saved_as_a_plain_decoder(tmp_path, monkeypatch):
    pytest.importorskip("jax_privacy")
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", JAX["JAX_DISABLE_MOST_OPTIMIZATIONS"])
    inverters = [PrivateInverter(**OPTIONS) for _ in range(2)]
    for inverter in inverters:
        inverter.fit(EMBEDDINGS, IMAGES, seed=3)  # under TensorFlow: JAX has a process of its own
    found, same = (inverter.invert(EMBEDDINGS) for inverter in inverters)
    np.testing.assert_array_equal(found, same)  # the seed decides all
    assert found.shape == IMAGES.shape and found.std() > 0
    config = inverters[0].config
    assert config["epsilon"] == 4.0 and config["noise_multiplier"] > 0.3
    inverters[0].save(tmp_path)
    again = PrivateInverter.load(tmp_path)
    assert isinstance(again, DecoderInverter) and again.config == config
    np.testing.assert_allclose(again.invert(EMBEDDINGS), found, atol=1e-6)
