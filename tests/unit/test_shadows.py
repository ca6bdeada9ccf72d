from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from experiments.common import specs_of
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.run import Run
from gan_inversion.data.source import Source
from gan_inversion.inverters.loop import fit, shuffled
from gan_inversion.protocols.inversion.bench import Setting
from gan_inversion.protocols.membership import run as shadows
from gan_inversion.protocols.membership.rules import labels
from gan_inversion.protocols.membership.run import Study
from gan_inversion.protocols.membership.study import step_of
from tests.programs import call


def test_a_part_is_asked_again_when_another_epoch_is_wanted(tmp_path, monkeypatch):
    asked = []

    def answers(part):
        asked.append((part.models[0], part.moments))
        shape = 3, len(part.models)
        return {f"{epoch}/ssim": np.full(shape, epoch, "float32") for epoch in part.moments}

    monkeypatch.setattr(shadows, "answers", answers)
    study = Study(("image",), (10,), ("ssim",), models=8, seed=0)
    setting, folders = Setting(Source(), "facenet"), Folders(runs=tmp_path)
    (spec,) = specs_of(["documented_dense_n20"])
    (tmp_path / "membership/documented_dense_n20-lfw-s0").mkdir(parents=True)

    def gather(*epochs):
        asked.clear()
        again = replace(study, epochs=epochs)
        parts = shadows.parts_of(spec, again, setting=setting, folders=folders)
        return shadows.gather(parts["image"], workers=0)

    assert gather(10)["10/ssim"].shape == (3, 8) and len(asked) == 2
    assert {*gather(10, 30)} == {"10/ssim", "30/ssim"} and asked == [(0, (10, 30)), (4, (10, 30))]
    assert (gather(30)["30/ssim"] == 30).all() and not asked


def test_an_inverter_counts_how_often_it_saw_its_members():
    decoder, gan = (spec.make() for spec in specs_of(["documented_dense", "cgan_tiny"]))
    assert decoder.passes(500) == 10
    assert gan.passes(500) == 9.6  # 300 steps of 16 images
    assert gan.passes(1000) == 4.8


def test_a_record_is_named_by_method_and_epoch():
    decoder, gan = specs_of(["documented_dense_n500", "cgan_tiny_n500"])
    assert labels(decoder, (1, 10, 30)) == {
        1: "documented_dense_n500_e1", 10: "documented_dense_n500", 30: "documented_dense_n500_e30"
    }  # fmt: skip
    assert labels(gan, (1, 10, 30)) == {100: "cgan_tiny_n500"}
    assert labels(gan, (), (10, 30)) == {
        10: "cgan_tiny_n500_p10", 30: "cgan_tiny_n500_p30", 100: "cgan_tiny_n500"
    }  # fmt: skip


def test_a_training_is_asked_where_it_has_a_checkpoint_only():
    (gan,), (ridge,) = ([s.make() for s in specs_of([name])] for name in ("cgan_tiny", "ridge_pca"))
    assert [gan.step_of(share) for share in (33, 67, 50)] == [1, 2, None]  # of 300 by 100
    with pytest.raises(UserError, match=r"ridge_pca: expected shares .* there is none at 50 %"):
        step_of(ridge, 50)


def test_a_training_that_is_resumed_is_asked_where_it_was_not(tmp_path):
    """Asked after its first epoch, interrupted while it is asked after its second."""
    asked = []

    def second():
        asked.append(2)
        if asked.count(2) == 1:
            raise KeyboardInterrupt

    inputs = np.zeros((4, 3), "float32")
    after = {1: partial(asked.append, 1), 2: second}
    for ends in (pytest.raises(KeyboardInterrupt), nullcontext()):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        batches = shuffled(inputs, inputs[:, :1], batch_size=2, seed=0)
        with ends, Run(tmp_path / "run", {}, after=after) as run:
            fit(model, batches, epochs=3, seed=0, run=run)
    assert asked == [1, 2, 2]


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ("old", "expected a place of its own to write to"),
        ("new", "expected records of a study in old, of lfw and facenet, found none"),
    ],
)
def test_attacks_are_repeated_elsewhere_and_on_records_that_are_there(tmp_path, records, sentence):
    (tmp_path / "old").mkdir()
    command = ("--again", "old", "--records", records)
    assert sentence in call(tmp_path, "experiments.shadows", *command, code=2)
