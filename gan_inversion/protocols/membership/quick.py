"""A small version of the `membership` protocol for the demo: one attack on one signal."""

from collections.abc import Callable, Iterable

import numpy as np

from gan_inversion.core.progress import progress
from gan_inversion.data import Subset
from gan_inversion.inverters.base import Inverter
from gan_inversion.metrics.leak import Leak, leak
from gan_inversion.metrics.membership import ATTACKS
from gan_inversion.metrics.reconstruction import mse
from gan_inversion.metrics.targets import every_target
from gan_inversion.protocols.inversion.bench import Bench
from gan_inversion.protocols.membership.rules import Membership

# Embeddings (N, D), images and membership (N, M) -> M inverters, one for each column.
Training = Callable[[np.ndarray, Subset, np.ndarray], Iterable[Inverter]]


def quick_leak(train: Training, bench: Bench, *, models: int, members: int, seed: int) -> Leak:
    """Audit small models by offline LiRA on the loss; each of them is the target in turn.

    Args:
        train: yields trained models one by one; each gives its signals before the next is trained.
        bench: faces and attacked recogniser.
        models: number of models.
        members: images that each is trained on.
        seed: of the halves, and of the resampling.
    """
    candidates, attacked = bench.split.train, bench.victim
    subjects, candidate_embeddings = (
        bench.dataset.subjects[candidates],
        attacked.embeddings[candidates],
    )
    pool = Membership(models=models).pool(
        "image", subjects, candidate_embeddings, size=members, seed=seed
    )
    chosen = candidates[pool.trained]
    embeddings, images = attacked.embeddings[chosen], Subset(bench.images, chosen)
    originals = images[:].astype("float32") / 255
    inverters = train(embeddings, images, pool.membership)
    signals = [
        -np.log(mse(originals, np.asarray(inverter.invert(embeddings), "float32")))
        for inverter in progress(inverters, total=models, desc="shadow models", unit="model")
    ]
    attack = ATTACKS["lira_offline_fixed"]
    scores = every_target(attack, np.stack(signals, axis=1), pool.membership)
    return leak(scores, pool.membership, bench.dataset.subjects[chosen], seed=seed)
