"""Many conditional GANs, trained one after another with one compiled step."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from gan_inversion.cgan.adversarial import Adversaries
from gan_inversion.cgan.build import adversaries, with_precision
from gan_inversion.cgan.inverter import ConditionalGAN, step_batches
from gan_inversion.cgan.linear import set_linear_parts
from gan_inversion.cgan.options import Config
from gan_inversion.core.errors import UserError
from gan_inversion.data import Subset
from gan_inversion.inverters.base import check_fit
from gan_inversion.inverters.loop import fit, state
from gan_inversion.recognisers import KerasRecogniser


def train_in_turn(
    config: Config,
    embeddings: np.ndarray,
    images: np.ndarray | Subset,
    membership: np.ndarray,
    *,
    seeds: Sequence[int],
    recogniser: KerasRecogniser,
) -> Iterator[ConditionalGAN]:
    """Train several conditional GANs, one after another, with one compiled step.

    Each result is that of `ConditionalGAN.fit` with the same images and seed. The step is compiled
    only once, since compiling takes longer than training a small one.

    Args:
        config: of a white box, without a warm-up and without mirror images.
        embeddings: float32 (N, D).
        images: uint8 (N, 160, 160, 3).
        membership: bool (N, M), which images each is trained on.
        seeds: (M,), one for each.
        recogniser: the attacked one.

    Yields:
        Each in turn; it can invert only until the next one is requested.
    """
    check_fit(embeddings, images)
    if len(config.phases) > 1 or config.knowledge == "black_box" or config.mirrored:
        raise UserError("expected a white box with one phase and no mirror images, got another")
    if (least := int(np.asarray(membership).sum(axis=0).min())) < config.batch_size:
        raise UserError(f"expected {config.batch_size} images or more, got {least}")
    config = with_precision(config, embeddings.shape[1])
    players: Adversaries | None = None
    for own, seed in zip(np.asarray(membership, bool).T, seeds, strict=True):
        inverter = ConditionalGAN(config, recogniser=recogniser)
        member_embeddings, member_images = embeddings[own], Subset(images, np.flatnonzero(own))
        fresh = adversaries(config, embeddings.shape[1], recogniser, seed=seed)
        generators = [fresh.generator, fresh.average]
        set_linear_parts(generators, config, member_embeddings, member_images)
        if players is None:
            players = fresh
        else:
            for variable, value in zip(state(players), state(fresh), strict=True):
                variable.assign(value)
        batches = partial(step_batches, member_embeddings, member_images, config, seed)
        fit(players, batches, epochs=config.steps // config.interval, seed=seed)
        inverter.model, inverter._players = players.average, players
        yield inverter
