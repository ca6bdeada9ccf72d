"""The network of the classifier two-sample test: it tells reconstructions from originals.

Lopez-Paz & Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017. It is trained on
half of the subjects and scores the others; an AUC of 0.5 means that it sees no difference.
"""

import keras
import numpy as np
from keras import layers

from gan_inversion.core.predict import in_blocks
from gan_inversion.core.seeding import stream
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.loop import fit, shuffled

EPOCHS = 6
BATCH = 64
FILTERS = (16, 32, 48, 64)


def two_sample_scores(
    originals: Images, reconstructions: Images, subjects: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train the network on half of the subjects and score the images of the others.

    Args:
        originals: uint8 (N, 160, 160, 3).
        reconstructions: uint8 (N, 160, 160, 3).
        subjects: (N,), subject of each.
        seed: for the choice of halves, initial weights and the order of images.

    Returns:
        int (M,) indices of the held-out half, and float32 (M,) scores of its originals and of its
        reconstructions; larger is more likely a reconstruction.
    """
    keras.utils.set_random_seed(seed)
    names = np.unique(subjects)
    chosen = stream(seed, "two_sample", "halves").permutation(names)[: len(names) // 2]
    train = np.flatnonzero(np.isin(subjects, chosen))
    held_out = np.flatnonzero(~np.isin(subjects, chosen))
    pictures = np.concatenate([originals[train], reconstructions[train]])
    labels = np.repeat(np.array([0, 1], "float32"), len(train))[:, None]
    model = network()
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    fit(model, shuffled(pictures, labels, batch_size=BATCH, seed=seed), epochs=EPOCHS, seed=seed)
    real, drawn = (
        in_blocks(model, [side[held_out]], BATCH)[:, 0] for side in (originals, reconstructions)
    )
    return held_out, real, drawn


def network() -> keras.Model:
    """Pixels in [0, 255], (N, 160, 160, 3) -> logit of being a reconstruction, (N, 1)."""
    picture = keras.Input((160, 160, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(picture)
    x = layers.RandomFlip("horizontal")(x)
    for filters in FILTERS:
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)  # few steps: averages must adapt fast
        x = layers.LeakyReLU(0.2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, layers.Dense(1)(x), name="two_sample")
