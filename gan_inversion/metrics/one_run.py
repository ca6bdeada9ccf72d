"""How large an epsilon one single training proves, from guesses about many of its images at once.

Each image was trained on or not by a fair coin of its own. Differential privacy bounds how many of
these coins can be guessed. Steinke et al., "Privacy Auditing with One (1) Training Run", NeurIPS
2023; with the trade-off curve of Gaussian noise, which proves more: Mahloujifar et al., "Auditing
f-Differential Privacy in One Run", 2024.
"""

from collections.abc import Callable

import numpy as np
from scipy import optimize, special, stats

from gan_inversion.core.seeding import stream

CONFIDENCE = 0.95
LARGEST = 64.0  # epsilon that is no longer told from infinite
SHARES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of the images, that are guessed about

Rejects = Callable[[int, int, int, float, float], float]


def pure(images: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """How far the guesses are from being possible with (epsilon, delta); positive if impossible.

    Steinke et al., theorem 5.2, and proposition 5.7 for delta.

    Args:
        images: with a coin each.
        guesses: about so many of them.
        right: of these guesses.
        epsilon, delta: of the guarantee.
    """
    chance = special.expit(epsilon)
    most = stats.binom.sf(right - 1, guesses, chance)
    fewer = np.arange(1, right + 1)
    excess = stats.binom.sf(right - fewer - 1, guesses, chance) - most
    slope = float(np.max(excess / fewer, initial=0.0))
    return 1 - CONFIDENCE - min(float(most) + 2 * images * delta * slope, 1.0)


def gaussian(images: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """As `pure`, for a mechanism whose trade-off curve is that of Gaussian noise.

    Mahloujifar et al., algorithm 3.

    Args:
        images, guesses, right, epsilon, delta: as for `pure`.
    """
    mean = gaussian_mean(epsilon, delta)
    correct = (1 - CONFIDENCE) * right / images
    wrong = (1 - CONFIDENCE) * (guesses - right) / images
    for index in range(right - 1, -1, -1):
        least = max(wrong, float(special.ndtr(special.ndtri(correct) - mean)))
        if least == wrong:  # neither changes any more
            break
        correct = min(correct + index / (guesses - index) * (least - wrong), 1.0)
        wrong = least
    return correct + wrong - guesses / images


def gaussian_mean(epsilon: float, delta: float) -> float:
    """Mean m of the Gaussian of variance 1 that is just (epsilon, delta) private.

    Balle & Wang, "Improving the Gaussian Mechanism", ICML 2018: Phi(m / 2 - epsilon / m) -
    e^epsilon Phi(-m / 2 - epsilon / m) = delta.
    """

    def excess(mean: float) -> float:
        first, second = special.log_ndtr([mean / 2 - epsilon / mean, -mean / 2 - epsilon / mean])
        return float(np.exp(first) - np.exp(epsilon + second)) - delta

    return float(optimize.brentq(excess, 1e-6, 100.0))


def one_run_epsilon(
    scores: np.ndarray,
    member: np.ndarray,
    chosen: np.ndarray,
    *,
    delta: float,
    rejects: Rejects = pure,
    seed: int = 0,
) -> float:
    """The least epsilon that the guesses about one model allow, at 95 % confidence.

    The images with the largest scores are guessed to be members, and as many with the smallest to
    be none. How many is chosen on some of the images, and the bound is that of the others.

    Args:
        scores: float (N,), of a membership attack.
        member: bool (N,).
        chosen: bool (N,), images on which the number of guesses is chosen.
        delta: of the guarantee.
        rejects: `pure` or `gaussian`.
        seed: for the order of images whose scores are equal, which else their place would decide:
            members often stand together.
    """
    random = stream(seed, "ties").random(len(scores))

    def bound(part: np.ndarray, share: float) -> float:
        order = np.lexsort((random[part], scores[part]))
        count = min(max(1, round(share * len(order) / 2)), len(order) // 2)
        if not count:
            return 0.0  # of one image nobody is told both guesses
        inside = np.asarray(member[part], bool)[order]
        right = int(inside[-count:].sum() + (~inside[:count]).sum())
        return _root(lambda epsilon: rejects(len(order), 2 * count, right, epsilon, delta))

    best = max(SHARES, key=lambda share: bound(chosen, share))
    return bound(~chosen, best)


def _root(rejected: Callable[[float], float]) -> float:
    """The largest epsilon that is rejected, 0 if none is."""
    least, most = 1e-3, 1.0
    if rejected(least) <= 0:
        return 0.0
    while rejected(most) > 0:
        if most >= LARGEST:
            return LARGEST
        least, most = most, 2 * most
    return float(optimize.brentq(rejected, least, most, xtol=1e-6))
