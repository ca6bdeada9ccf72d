"""The committed searches, recomputed from raw scores."""

import re
from dataclasses import replace

import numpy as np
import pytest

from experiments.published import SEARCHES
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Metric, Record, read_scores
from gan_inversion.reporting.tables import search
from tests.conftest import ROOT

RECORDS = sorted((ROOT / "results" / "records" / "search").glob("*.json"))


def test_a_trial_whose_loss_is_not_a_number_is_not_chosen():
    record = Record.read(RECORDS[0].with_name("search_honest-lfw-s0.json"))
    (best,) = re.findall(r"held-out images, trial (\d+) would", search(record).notes[0])
    losses = [name for name in record.metrics if name.endswith("validation_loss")]
    chosen = [name for name in losses if not name.startswith("runner_up")][int(best)]
    lost = replace(record, metrics={**record.metrics, chosen: Metric(None, None, 0)})
    (other,) = re.findall(r"held-out images, trial (\d+) would", search(lost).notes[0])
    assert other != best
    every = {name: Metric(None, None, 0) for name in losses}
    with pytest.raises(UserError, match="no trial of search_honest has the figure valid"):
        search(replace(record, metrics={**record.metrics, **every}))


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
