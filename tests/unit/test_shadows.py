from dataclasses import replace
from functools import partial

import numpy as np

from experiments import inversion, shadows
from experiments.study import passes


def test_a_part_is_asked_again_when_another_epoch_is_wanted(tmp_path, monkeypatch):
    asked = []

    def answers(part):
        asked.append((part.models[0], part.epochs))
        shape = 3, len(part.models)
        return {f"{epoch}/ssim": np.full(shape, epoch, "float32") for epoch in part.epochs}

    monkeypatch.setattr(shadows, "answers", answers)
    options = shadows.Options(epochs=(10,), runs=tmp_path, models=8)
    (tmp_path / "membership/documented_dense_n20-lfw-s0").mkdir(parents=True)

    def gather(*epochs):
        asked.clear()
        again = replace(options, epochs=epochs)
        return shadows.gather(shadows.study("documented_dense_n20", again)["image"], workers=0)

    assert gather(10)["10/ssim"].shape == (3, 8) and len(asked) == 2
    assert {*gather(10, 30)} == {"10/ssim", "30/ssim"} and asked == [(0, (10, 30)), (4, (10, 30))]
    assert (gather(30)["30/ssim"] == 30).all() and not asked


def test_an_inverter_counts_how_often_it_saw_its_members():
    build_one = partial(inversion.build_one, options=inversion.Options())
    assert passes(build_one("documented_dense"), 30, members=500) == 30
    assert passes(build_one("cgan_tiny"), 10, members=500) == 10  # 300 steps of 16 images
    assert passes(build_one("cgan_tiny"), 10, members=1000) == 5


def test_a_record_is_named_by_method_and_epoch():
    options = shadows.Options(epochs=(1, 10, 30))
    found = shadows.labels("documented_dense_n500", options)
    assert found == {
        1: "documented_dense_n500_e1", 10: "documented_dense_n500", 30: "documented_dense_n500_e30"
    }  # fmt: skip
    assert shadows.labels("cgan_tiny_n500", options) == {10: "cgan_tiny_n500"}
