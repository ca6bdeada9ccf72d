"""The committed searches, recomputed from raw scores."""

import numpy as np
import pytest

from experiments.published import SEARCHES
from gan_inversion.core.record import Record, read_scores
from tests.conftest import ROOT

RECORDS = sorted((ROOT / "results" / "records" / "search").glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_the_figures_follow_from_the_raw_scores(path):
    record, raw = Record.read(path), read_scores(path)
    held_out = raw.pop("held_out_index")
    assert record.protocol_hash == SEARCHES[record.method.removeprefix("search_")].hash
    losses = sorted(raw[name].mean() for name in raw if name.endswith("validation_loss"))
    if losses:
        margin = record.metrics["runner_up/validation_loss"]
        assert margin.value == pytest.approx(losses[1] - losses[0], abs=1e-5)
        assert margin.ci[0] < margin.value < margin.ci[1]
    assert len(raw) >= record.config["protocol"]["trials"] > 1
    for name, scores in raw.items():
        assert scores.shape == (record.config["protocol"]["executions"], len(held_out))
        figure = record.metrics[name]
        assert figure.value == pytest.approx(float(scores.mean()), rel=1e-5)
        low, high = figure.ci
        assert low < figure.value < high
        assert figure.n == len(held_out)
        # Four standard errors wide, and wider where images of one subject are alike.
        assert high - low > 3 * np.std(scores.mean(axis=0)) / len(held_out) ** 0.5
