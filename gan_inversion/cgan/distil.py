"""A surrogate of the attacked recogniser, for attackers who hold embeddings but no recogniser.

A network of the compact recogniser's architecture learns to predict the embeddings of the training
images; a conditional GAN is then trained through it instead of the victim. It is trained on the
same pairs as a black-box decoder, and on nothing else.
"""

import keras
import numpy as np
from keras import layers

from gan_inversion.core.run import Run
from gan_inversion.data.dataset import Images
from gan_inversion.inverters.loop import fit, shuffled
from gan_inversion.recognisers import Compact, KerasRecogniser
from gan_inversion.recognisers.compact import compact_network

BATCH = 64
LEARNING_RATE = 2e-3


class Surrogate(KerasRecogniser):
    """A distilled recogniser.

    Args:
        weights: of `compact_network`.
    """

    name = "surrogate"
    stages = Compact.stages

    def __init__(self, weights: list[np.ndarray]):
        def build(precision: str) -> keras.Model:
            model = compact_network(precision, dimension=len(weights[-1]))
            model.set_weights(weights)
            return model

        super().__init__(build, precision="float32")


def distil(
    embeddings: np.ndarray,
    images: Images,
    *,
    seed: int,
    epochs: int,
    run: Run | None = None,
) -> Surrogate:
    """Train a surrogate.

    Args:
        embeddings: float32 (N, D), of the attacked recogniser.
        images: uint8 (N, 160, 160, 3), which they came from.
        seed: for weights, order and augmentation.
        epochs: passes over the images.
        run: where to log and checkpoint.
    """
    keras.utils.set_random_seed(seed)
    body = compact_network(dimension=embeddings.shape[1])
    shown = keras.Sequential(
        [
            keras.Input((160, 160, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.05, 0.05, fill_mode="nearest"),
            layers.RandomBrightness(0.15),
            layers.RandomContrast(0.25),
            body,
        ],
        name="surrogate",
    )
    batches = shuffled(images, embeddings, batch_size=BATCH, seed=seed)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * len(batches(0)))
    shown.compile(keras.optimizers.Adam(schedule), keras.losses.CosineSimilarity())
    fit(shown, batches, epochs=epochs, seed=seed, run=run)
    return Surrogate(body.get_weights())
