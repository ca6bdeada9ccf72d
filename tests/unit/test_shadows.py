from dataclasses import replace

import numpy as np

from experiments import shadows


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
