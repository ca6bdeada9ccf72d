"""The verification attack: are reconstructions accepted as the people they were made from?

Mai et al., "On the Reconstruction of Face Images from Deep Face Templates", TPAMI 2018. *Type-I*
compares a reconstruction with the very image whose embedding was inverted, *type-II* with every
other image of the same subject. Identification follows ISO/IEC 19795-1: a closed set, one enrolled
image a subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan_inversion.metrics.verification import cosine

BLOCK = 512  # reconstructions compared with all images at once


def rejected(embeddings: np.ndarray) -> np.ndarray:
    """Whether each image was rejected (its row is not finite): float (N, D) -> bool (N,)."""
    return ~np.isfinite(embeddings).all(axis=1)


def other_images(subjects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Type-II pairs: every image with every other image of its subject, in both directions.

    Args:
        subjects: (N,), subject of each image.

    Returns:
        Indices of the inverted image and of the one compared with, int (P,) each.
    """
    order = np.argsort(subjects, kind="stable")
    _, counts = np.unique(subjects, return_counts=True)
    first, second = [], []
    for members in np.split(order, np.cumsum(counts)[:-1]):
        different = ~np.eye(len(members), dtype=bool)
        row, column = np.nonzero(different)
        first.append(members[row])
        second.append(members[column])
    return np.concatenate(first), np.concatenate(second)


def one_each(subjects: np.ndarray) -> np.ndarray:
    """Index of the first image of each subject that has another one: (N,) -> int (S,)."""
    _, first, counts = np.unique(subjects, return_index=True, return_counts=True)
    return first[counts > 1]


def subject_mean(values: np.ndarray, subjects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the values of each subject.

    Args:
        values: float (P,).
        subjects: (P,), the subject of each.

    Returns:
        Names (S,) and means (S,).
    """
    names, group = np.unique(subjects, return_inverse=True)
    return names, np.bincount(group, weights=values) / np.bincount(group)


@dataclass(frozen=True)
class Attack:
    """Scores of reconstructions against one recogniser.

    Attributes:
        type1: float32 (N,), with the inverted image itself.
        type2: float32 (P,), with other images of the same subject.
        inverted: int (P,), index of the reconstruction in each of those pairs.
        rejected: bool (N,), where the recogniser gave no embedding of the reconstruction or of the
            inverted image; scores without both embeddings are -1, so that they are never accepted.
    """

    type1: np.ndarray
    type2: np.ndarray
    inverted: np.ndarray
    rejected: np.ndarray


def attack(reconstructions: np.ndarray, originals: np.ndarray, subjects: np.ndarray) -> Attack:
    """Compare reconstructions with the images of their subjects.

    Args:
        reconstructions: float32 (N, D), embeddings of unit norm; NaN where rejected.
        originals: float32 (N, D), embeddings of the inverted images, in the same order, or NaN.
        subjects: (N,), subject of each image.
    """
    inverted, other = other_images(subjects)
    type1 = cosine(reconstructions, originals)
    type2 = cosine(reconstructions[inverted], originals[other])
    missing = np.isnan(type1)
    return Attack(np.nan_to_num(type1, nan=-1), np.nan_to_num(type2, nan=-1), inverted, missing)


def accepted_as_others(
    reconstructions: np.ndarray,
    originals: np.ndarray,
    subjects: np.ndarray,
    thresholds: Sequence[float],
) -> np.ndarray:
    """How often each reconstruction is accepted as someone else.

    By the choice of a threshold that is the false match rate for photographs; reconstructions that
    lie closer to everybody are accepted more often than photographs are, as the person too.

    Args:
        reconstructions: float32 (N, D), embeddings of unit norm; NaN where rejected.
        originals: float32 (N, D), embeddings of images of the subjects, or NaN.
        subjects: (N,), subject of each image.
        thresholds: T scores from which a pair is accepted.

    Returns:
        float32 (N, T), share of the images of other subjects that each is accepted with.
    """
    _, codes = np.unique(subjects, return_inverse=True)
    shares = np.empty((len(subjects), len(thresholds)), "float32")
    for start in range(0, len(subjects), BLOCK):
        rows = slice(start, start + BLOCK)
        scores = reconstructions[rows] @ originals.T  # NaN is never accepted
        other = codes[rows, None] != codes
        for place, threshold in enumerate(thresholds):
            hits = ((scores >= threshold) & other).sum(axis=1)
            shares[rows, place] = hits / np.maximum(other.sum(axis=1), 1)
    return shares


def best_of(
    hypotheses: np.ndarray, originals: np.ndarray, subjects: np.ndarray, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Type-II scores when an attacker shows several reconstructions of one embedding.

    Args:
        hypotheses: float32 (K, S, D), embeddings of K reconstructions of each chosen image, of unit
            norm; NaN where rejected.
        originals: float32 (N, D), embeddings of all images.
        subjects: (N,), subject of each image.
        chosen: int (S,), indices of the inverted images.

    Returns:
        Best scores, float32 (K, P): for each pair with another image of the subject, row k holds
        the highest score of the first k + 1 hypotheses, or -1 without an embedding. And the
        subject of each pair, (P,).
    """
    inverted, other = other_images(subjects)
    place = np.full(len(subjects), -1)
    place[chosen] = np.arange(len(chosen))
    rows = place[inverted]
    kept = rows >= 0
    rows, other = rows[kept], other[kept]
    scores = np.stack([cosine(hypothesis[rows], originals[other]) for hypothesis in hypotheses])
    return np.maximum.accumulate(np.nan_to_num(scores, nan=-1), axis=0), subjects[other]


def nearest_so_far(hypotheses: np.ndarray, inverted: np.ndarray) -> np.ndarray:
    """Which of several reconstructions an attacker picks who has the victim to ask.

    Args:
        hypotheses: float32 (K, S, D), embeddings of K reconstructions, of unit norm; NaN where
            rejected.
        inverted: float32 (S, D), the embeddings that were inverted.

    Returns:
        int (K, S): row k holds the index of the nearest of the first k + 1 hypotheses.
    """
    cosines = np.nan_to_num(np.einsum("ksd,sd->ks", hypotheses, inverted), nan=-1)
    return np.stack([cosines[: k + 1].argmax(axis=0) for k in range(len(cosines))])


@dataclass(frozen=True)
class Identification:
    """Ranks of a closed-set search.

    Attributes:
        ranks: int (P,), 1 where the right subject came first; ties count against it.
        probes: int (P,), indices of the probes.
        gallery: number of enrolled subjects.
    """

    ranks: np.ndarray
    probes: np.ndarray
    gallery: int

    def cmc(self, longest: int = 20) -> np.ndarray:
        """Share of probes whose subject is among the first 1, 2, ..., `longest`: (longest,)."""
        return (self.ranks[:, None] <= np.arange(1, longest + 1)).mean(axis=0)


def identify(
    reconstructions: np.ndarray, originals: np.ndarray, subjects: np.ndarray
) -> Identification:
    """Search each reconstruction among real images: the first image of each subject is enrolled.

    Reconstructions of enrolled images are not searched (that would be type-I); subjects with only
    one image are enrolled too.

    Args:
        reconstructions: float32 (N, D), unit norm; NaN in rows that the recogniser rejected, whose
            rank is last.
        originals: float32 (N, D), embeddings of the inverted images; a subject whose enrolled image
            was rejected is ranked last.
        subjects: (N,), subject of each image.
    """
    names, enrolled, codes = np.unique(subjects, return_index=True, return_inverse=True)
    probes = np.setdiff1d(np.arange(len(subjects)), enrolled)
    scores = np.nan_to_num(reconstructions[probes] @ originals[enrolled].T, nan=-1)  # (P, S)
    own = scores[np.arange(len(probes)), codes[probes]]
    # The right subject's own score is counted too, so the count is the rank.
    ranks = (scores >= own[:, None]).sum(axis=1)
    return Identification(ranks, probes, len(names))
