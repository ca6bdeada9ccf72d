"""The searches, as a rehearsal: they resume, a failed trial ends nothing, the table tells."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from keras_tuner.src import backend
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

from baselines import search as decoders
from experiments.published import SEARCHES
from experiments.search import SEARCHERS
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record
from gan_inversion.data.source import Source
from gan_inversion.protocols import Documented
from gan_inversion.protocols.inversion.bench import Setting, open_bench
from gan_inversion.protocols.search import run as search
from gan_inversion.reporting.dashboard import write_all
from tests.programs import call

pytestmark = pytest.mark.usefixtures("small")


def test_every_search_is_recorded_and_told(tmp_path):
    call(tmp_path, "experiments.search", "--smoke")
    folder = tmp_path / "runs/smoke/records/search"
    records = {path.stem: Record.read(path) for path in sorted(folder.glob("*.json"))}
    assert list(records) == [
        f"search_{name}-synthetic-s0" for name in ("cgan", "documented", "honest")
    ]
    for record in records.values():
        trials = record.config["trials"]
        assert [trial["status"] for trial in trials.values()] == ["COMPLETED"] * 2
        assert all(f"{trial}/train_loss" in record.metrics for trial in trials)
        assert record.cost["seconds"] > 0
    options = [
        t["options"] for t in records["search_honest-synthetic-s0"].config["trials"].values()
    ]
    assert set(options[0]) == {"layers", "width", "learning_rate", "batch_size"}
    margin = records["search_honest-synthetic-s0"].metrics["runner_up/validation_loss"]
    assert margin.value >= 0 and margin.ci[0] <= margin.value <= margin.ci[1]
    page = (tmp_path / "runs/smoke/searches-synthetic.md").read_text()
    assert page.count("second best trial") == 2
    assert page.count("the choice by training loss was") == 2 and "| 1 |" in page
    assert page.count("cannot be compared") == 1  # of the loss weights' search
    write_all(tmp_path / "board", {"search": [(record, {}) for record in records.values()]}, {}, {})
    board = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "board")).Reload()
    trials = {run: found["scalars"] for run, found in board.Runs().items() if "search" in run}
    assert len(trials) == 6
    assert "headline/validation_loss" in trials["search/search_honest-s0-1"]
    assert "headline/score" in trials["search/search_cgan-s0-0"]


def test_the_thesis_search_stands_on_the_thesis_ground(tmp_path):
    bench = open_bench(Setting(Source("synthetic"), "compact", results=tmp_path))
    setup = search.set_up(
        "documented",
        SEARCHES["documented"],
        SEARCHERS["documented"],
        seed=0,
        runs=tmp_path,
        bench=bench,
        smoke=True,
    )
    images = bench.dataset.view(Documented().view, resample=Documented().resample)
    train, test = Documented().split(len(images), seed=0)
    np.testing.assert_array_equal(setup.images, images)
    np.testing.assert_array_equal(setup.train, train)
    np.testing.assert_array_equal(setup.held_out, test)
    again = bench.victim.recogniser.embed(images[:8])
    np.testing.assert_allclose(setup.embeddings[:8], again, atol=1e-4)
    assert not np.allclose(setup.embeddings, bench.victim.embeddings, atol=1e-2)


def fake_setup(folder, train, *, name="honest", seed=0, trials=3, victim="0"):
    protocol = replace(SEARCHES[name], trials=trials, executions=1)
    recogniser = SimpleNamespace(name="compact", digest=victim)
    bench = SimpleNamespace(
        dataset=SimpleNamespace(name="synthetic", digest="0"),
        victim=SimpleNamespace(recogniser=recogniser),
    )
    nobody, nothing = np.empty(0, int), np.empty(0)
    searcher = SimpleNamespace(space=decoders.space, train=train)
    return search.SearchSetup(
        name, protocol, searcher, seed, folder, True, bench, nothing, nothing, nobody, nobody
    )


@pytest.mark.parametrize("name", ["documented", "honest"])
def test_what_is_tried_hangs_on_the_seed(name, tmp_path, monkeypatch):
    def losses(values, folder, seed, setup):
        loss = float(values["layers"])
        return {"train_loss": loss, "validation_loss": loss}, {}

    def tried(folder, seed):
        setup = fake_setup(tmp_path / folder, losses, name=name, seed=seed, trials=4)
        search.search(setup)
        return [trial["options"] for trial in setup.trials.values()]

    once = tried("once", 0)
    assert once == tried("again", 0)
    assert tried("once", 0) != tried("other", 1)
    glob = backend.io.glob  # which follows the order of the file system
    monkeypatch.setattr(backend.io, "glob", lambda path: sorted(glob(path), reverse=True))
    assert tried("once", 0) == once


def test_a_search_of_another_victim_is_another_search(tmp_path):
    def losses(values, folder, seed, setup):
        return {"train_loss": 1.0, "validation_loss": 1.0}, {}

    setup = fake_setup(tmp_path, losses)
    search.search(setup)
    search.search(setup)  # nothing is left to do
    with pytest.raises(UserError, match=r"is of a search with .*'victim_digest': '0'.*remove it"):
        search.search(fake_setup(tmp_path, losses, victim="1"))


def test_a_failed_trial_is_told_and_an_interrupted_search_goes_on(tmp_path):
    asked, interrupted = [], []

    def losses(values, folder, seed, setup):
        asked.append(dict(values))
        if len(asked) == 1:
            raise ValueError("no memory left")
        if len(asked) == 3 and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return {"train_loss": 0.1, "validation_loss": 0.2}, {"validation_loss": np.full(3, 0.2)}

    with pytest.raises(KeyboardInterrupt):
        search.search(fake_setup(tmp_path, losses))
    again = fake_setup(tmp_path, losses)
    search.search(again)
    found = [trial["status"] for trial in again.trials.values()]
    assert sorted(found) == ["COMPLETED", "COMPLETED", "FAILED"]
    assert any("no memory left" in str(trial["message"]) for trial in again.trials.values())
    assert len(asked) == 4  # the interrupted one twice
    scores = search.scores_of(again)
    assert [some.shape for some in scores.values()] == [(1, 3)] * 2  # none of the failed one


def test_a_damaged_state_of_the_tuner_is_a_sentence(tmp_path):
    def losses(values, folder, seed, setup):
        return {"train_loss": 0.1, "validation_loss": 0.2}, {"validation_loss": np.full(3, 0.2)}

    setup = fake_setup(tmp_path, losses)
    search.search(setup)
    state = setup.folder.parent / f"{setup.folder.name}-tuner"
    for name, damages in (
        ("oracle.json", ("{", "[]", "", "{}", "[" * 100_000)),
        ("tuner0.json", ("{", "")),
    ):
        whole = (state / name).read_text()
        for content in damages:
            (state / name).write_text(content)
            with pytest.raises(UserError, match="does not hold a readable state of Keras Tuner"):
                search.search(fake_setup(tmp_path, losses))
        (state / name).write_text(whole)
