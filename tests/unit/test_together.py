"""Many decoders at once end where each alone would have."""

from contextlib import nullcontext

import numpy as np
import pytest

from baselines.inverter import DecoderInverter
from baselines.options import DecoderOptions
from baselines.together import train_together
from gan_inversion.core.errors import UserError
from gan_inversion.core.run import Run
from tests.few import computed_eagerly

RANDOM = np.random.default_rng(0)
EMBEDDINGS = RANDOM.standard_normal((24, 512)).astype("float32") / 512**0.5
IMAGES = RANDOM.integers(0, 256, (24, 160, 160, 3), dtype=np.uint8)
MEMBERSHIP = np.zeros((24, 2), bool)
MEMBERSHIP[:12, 0] = MEMBERSHIP[4:, 1] = True  # 12 and 20 images: one is done first


@pytest.mark.parametrize(
    ("decoder", "augment"),
    [("dense", False), ("conv", False), ("conv_bn", False), ("dense", True)],
)
def test_losses_and_pictures_are_those_of_training_alone(decoder, augment, tmp_path):
    # The dense one traced, as it is used; to trace the others takes longer than to train them.
    with nullcontext() if decoder == "dense" else computed_eagerly():
        compare(decoder, augment, tmp_path)


def compare(decoder, augment, folder):
    options = DecoderOptions(decoder, epochs=2, batch_size=12, augment=augment)
    epochs = [
        (losses, [shadow.inverter().invert(EMBEDDINGS) for shadow in shadows])
        for shadows, losses in train_together(options, EMBEDDINGS, IMAGES, MEMBERSHIP, seeds=[3, 4])
    ]
    for place, seed in enumerate([3, 4]):
        own = MEMBERSHIP[:, place]
        alone = DecoderInverter(options)
        with Run(folder / str(seed), {}) as run:
            alone.fit(EMBEDDINGS[own], IMAGES[own], seed=seed, run=run)
        expected = [line["train_loss"] for line in run.history()]
        # Alone it is compiled by XLA, which draws other masks for dropout.
        near = 1e-3 if decoder == "conv_bn" else 1e-4
        assert [losses[place] for losses, _ in epochs] == pytest.approx(expected, rel=near)
        np.testing.assert_allclose(epochs[-1][1][place], alone.invert(EMBEDDINGS), atol=5e-3)


def test_one_column_for_each_seed():
    with pytest.raises(UserError, match=r"expected membership \(24, 3\), got \(24, 2\)"):
        next(train_together(DecoderOptions(), EMBEDDINGS, IMAGES, MEMBERSHIP, seeds=[0, 1, 2]))
