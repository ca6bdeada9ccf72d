import json

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_inversion.core.errors import UserError
from gan_inversion.core.run import Preview, Run, history


def test_a_folder_keeps_to_its_options(tmp_path):
    with Run(tmp_path, {"epochs": 2}):
        pass
    with Run(tmp_path, {"epochs": 2}):
        pass
    with pytest.raises(UserError, match="holds a run with other options"):
        Run(tmp_path, {"epochs": 3})


def test_the_log_survives_a_cut_line_and_rewinds(tmp_path):
    with Run(tmp_path, {}) as run:
        for step in (1, 2, 3):
            run.log(step, train_loss=1 / step)
        with (tmp_path / "log.jsonl").open("a") as file:
            file.write('{"step": 4, "tr')
        assert [line["step"] for line in run.history()] == [1, 2, 3]
        run.rewind(2)
        run.log(3, train_loss=0.5)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["train_loss"] for line in lines] == [1, 0.5, 0.5]


@pytest.mark.parametrize("line", ['{"step": 1e400}', "[" * 100_000, '{"loss": 1}', "[1]"])
def test_a_damaged_line_of_a_log_is_a_sentence(tmp_path, line):
    (tmp_path / "log.jsonl").write_text(f"{line}\n")
    with pytest.raises(UserError, match="line 1 is damaged: remove the folder"):
        history(tmp_path / "log.jsonl")


def test_a_preview_is_eight_fixed_images_and_one_drawn(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 160, 160, 3), "uint8")
    embeddings = np.arange(30, dtype="float32")[:, None]
    preview = Preview(embeddings, images, seed=0)
    first, second = preview.pick(1), preview.pick(2)
    assert len(first) == 9 and (first[:8] == second[:8]).all()
    with Run(tmp_path, {}, preview=preview) as run:
        run.log(1, train_loss=0.5)
        run.show(1, lambda vectors: images[vectors[:, 0].astype(int)] / 255)
    strip = np.asarray(Image.open(tmp_path / "strips" / "reconstructions-001.png"))
    assert strip.shape == (320, 1440, 3)
    assert (strip[:160] == strip[160:]).all()  # a perfect inverter: both rows agree
    assert (strip[:160, :160] == images[first[0]]).all()
    events = EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["images"] == ["reconstructions"]
    assert [event.value for event in events.Scalars("train_loss")] == [0.5]


def test_an_error_while_writing_a_picture_is_not_lost(tmp_path):
    preview = Preview(np.zeros((9, 1)), np.zeros((9, 160, 160, 3), "uint8"), seed=0)
    with (
        pytest.raises(UserError, match=r"cannot write .*strips"),
        Run(tmp_path, {}, preview=preview) as run,
    ):
        (tmp_path / "strips").write_text("in the way")
        run.show(1, lambda vectors: np.zeros((9, 160, 160, 3)))
