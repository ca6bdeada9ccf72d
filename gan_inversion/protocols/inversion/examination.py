"""The full examination of one inverter's reconstructions under the `inversion` protocol."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from gan_inversion.core.progress import progress
from gan_inversion.core.record import Metric, metric
from gan_inversion.metrics import realism
from gan_inversion.metrics.attack import (
    accepted_as_others,
    attack,
    best_of,
    identify,
    nearest_so_far,
    one_each,
    rejected,
)
from gan_inversion.metrics.copying import nearest
from gan_inversion.metrics.figures import BEST, PICKED, Conditions, figures
from gan_inversion.metrics.intervals import clopper_pearson
from gan_inversion.metrics.reconstruction import PER_IMAGE, feature_distance
from gan_inversion.protocols.inversion.bench import Bench, Judge
from gan_inversion.protocols.inversion.two_sample import two_sample_scores
from gan_inversion.recognisers import Recogniser, embed_unnamed

BLOCK = 64  # images compared at once


@dataclass
class Examination:
    """Results of an examination, filled part by part.

    Attributes:
        metrics: figures for the record.
        scores: raw scores, from which the metrics can be computed again.
        curves: cumulative match characteristics, `cmc/<recogniser>`: shares at rank 1, 2, ...
        seconds: time that each part took.
    """

    metrics: dict[str, Metric] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure how long the code inside the `with` block takes."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def examine(
    reconstructions: np.ndarray,
    bench: Bench,
    *,
    seed: int,
    hypotheses: np.ndarray | None = None,
) -> Examination:
    """Examine the reconstructions of all test images.

    Args:
        reconstructions: uint8 (N, 160, 160, 3), in the order of `bench.split.test`.
        bench: test images, recognisers and thresholds to examine them with.
        seed: for random patches, halves and weights of networks.
        hypotheses: uint8 (K, S, 160, 160, 3), K reconstructions of each test image that
            `one_each` chooses.
    """
    examination = Examination(scores={"test_index": bench.split.test.astype("int32")})
    for place, judge in enumerate(bench.judges):
        with examination.part(judge.recogniser.name):
            vectors = _embed(judge.recogniser, reconstructions)
            attack_judge(examination, judge, vectors, bench)
            undetected = judge.recogniser.undetected(reconstructions, vectors)
            if undetected is not None:
                examination.scores[f"{judge.recogniser.name}/undetected"] = undetected
        if place == 0 and bench.part == "test":  # validation images are its null sample
            with examination.part("copy"):
                _copying(examination, bench, vectors)
    with examination.part("image"):
        _pixels(examination, bench, reconstructions)
    if any(judge.recogniser.stages for judge in bench.judges):
        with examination.part("features"):
            _features(examination, bench, reconstructions)
    with examination.part("realism"):
        _realism(examination, bench, reconstructions, seed)
    with examination.part("two_sample"):
        _two_sample(examination, bench, reconstructions, seed)
    if hypotheses is not None:
        with examination.part("hypotheses"):
            _hypotheses(examination, bench, hypotheses)
    with examination.part("intervals"):
        examination.metrics |= figures(examination.scores, conditions(bench))
    return examination


def conditions(bench: Bench) -> Conditions:
    """Subjects and thresholds, by which figures are computed from raw scores."""
    thresholds = {judge.recogniser.name: judge.accepts_from for judge in bench.judges}
    validation = bench.dataset.subjects[bench.split.validation]
    return Conditions(bench.subjects, validation, thresholds)


def _embed(recogniser: Recogniser, reconstructions: np.ndarray) -> np.ndarray:
    return embed_unnamed(recogniser, reconstructions, kind="reconstructions")


def attack_judge(examination: Examination, judge: Judge, vectors: np.ndarray, bench: Bench) -> None:
    """Keep scores and ranks with one recogniser; `vectors` (N, D) are of the reconstructions."""
    name, subjects = judge.recogniser.name, bench.subjects
    originals = judge.embeddings[bench.split.test]
    outcome = attack(vectors, originals, subjects)
    examination.scores[f"{name}/type1"] = outcome.type1
    least = [np.inf if value is None else value for value in judge.accepts_from.values()]
    examination.scores[f"{name}/others"] = accepted_as_others(vectors, originals, subjects, least)
    if rejected(vectors).any():
        examination.scores[f"{name}/rejected"] = rejected(vectors)
    lost = rejected(judge.embeddings[bench.test_images])
    if lost.any():  # the share is of all test images, examined or not
        share = metric(lost.mean(), ci=clopper_pearson(int(lost.sum()), len(lost)), n=len(lost))
        examination.metrics[f"{name}/rejected_originals"] = share
    if len(outcome.type2):
        search = identify(vectors, originals, subjects)
        examination.curves[f"cmc/{name}"] = search.cmc()
        examination.scores[f"{name}/type2"] = outcome.type2
        examination.scores[f"{name}/rank"] = search.ranks.astype("int32")


def _hypotheses(examination: Examination, bench: Bench, pictures: np.ndarray) -> None:
    """Scores of the best of several reconstructions, of the one picked, and how far they differ."""
    chosen = one_each(bench.subjects)
    subjects, people = bench.subjects, np.arange(len(chosen))
    picks: np.ndarray | None = None
    for judge in bench.judges:
        name, originals = judge.recogniser.name, judge.embeddings[bench.split.test]
        vectors = np.stack([_embed(judge.recogniser, images) for images in pictures])
        if picks is None:  # the victim comes first
            picks = nearest_so_far(vectors, originals[chosen])
        best, _ = best_of(vectors, originals, subjects, chosen)
        for count in (count for count in BEST if count <= len(pictures)):
            examination.scores[f"{name}/best{count}"] = best[count - 1]
        for count in (count for count in PICKED if count <= len(pictures)):
            picked = vectors[picks[count - 1], people]
            (shown,), _ = best_of(picked[None], originals, subjects, chosen)
            examination.scores[f"{name}/picked{count}"] = shown
        alike = np.einsum("ksd,lsd->skl", vectors, vectors)
        rows, columns = np.triu_indices(len(pictures), 1)
        examination.scores[f"{name}/alike"] = alike[:, rows, columns].mean(axis=1)
    apart = [images.std(axis=0).mean() for images in np.swapaxes(pictures, 0, 1) / np.float32(255)]
    examination.scores["diversity"] = np.array(apart, "float32")


def _copying(examination: Examination, bench: Bench, vectors: np.ndarray) -> None:
    """Similarities of the copy audit, in the space of the attacked recogniser."""
    real, split = bench.victim.embeddings, bench.split
    examination.scores["copy/outputs"] = nearest(vectors[~rejected(vectors)], real[split.train])
    examination.scores["copy/held_out"] = nearest(real[split.validation], real[split.train])
    examination.scores["copy/held_out_index"] = split.validation.astype("int32")


def _pixels(examination: Examination, bench: Bench, reconstructions: np.ndarray) -> None:
    """Metrics of each image and its reconstruction."""

    def block(start: int) -> list[np.ndarray]:
        chosen = slice(start, start + BLOCK)
        original = bench.originals[chosen].astype("float32") / 255
        reconstruction = reconstructions[chosen].astype("float32") / 255
        return [measure(original, reconstruction) for measure in PER_IMAGE.values()]

    with ThreadPoolExecutor() as pool:  # SciPy's filters release the interpreter lock
        starts = range(0, len(reconstructions), BLOCK)
        blocks = list(progress(pool.map(block, starts), total=len(starts), desc="likeness"))
    for name, parts in zip(PER_IMAGE, zip(*blocks, strict=True), strict=True):
        examination.scores[name] = np.concatenate(parts).astype("float32")


def _features(examination: Examination, bench: Bench, reconstructions: np.ndarray) -> None:
    """Distances in the feature maps of the first recogniser that has feature maps."""
    recogniser = next(judge.recogniser for judge in bench.judges if judge.recogniser.stages)
    distances, first, second = [], [], []
    for start in progress(range(0, len(reconstructions), BLOCK), desc="features"):
        block = slice(start, start + BLOCK)
        original = recogniser.features(bench.originals[block])
        reconstruction = recogniser.features(reconstructions[block])
        distances.append(feature_distance(original, reconstruction))
        first.append(original[0].mean(axis=(1, 2)))
        second.append(reconstruction[0].mean(axis=(1, 2)))
    examination.scores["midlayer"] = np.concatenate(distances).astype("float32")
    real, fake = np.concatenate(first), np.concatenate(second)
    examination.scores[f"kid/{recogniser.name}_{recogniser.stages[0].lower()}"] = (
        realism.kernel_terms(*realism.standardised(real, fake))
    )


def _realism(
    examination: Examination, bench: Bench, reconstructions: np.ndarray, seed: int
) -> None:
    originals = bench.originals[:]
    levels = realism.sliced_distances(originals, reconstructions, seed=seed)
    for side, distances in levels.items():
        examination.scores[f"swd/{side}"] = distances
    for name, pictures in (("originals", originals), ("reconstructions", reconstructions)):
        examination.scores[f"spectrum/{name}"] = realism.power_spectrum(pictures)


def _two_sample(
    examination: Examination, bench: Bench, reconstructions: np.ndarray, seed: int
) -> None:
    held_out, real, fake = two_sample_scores(
        bench.originals, reconstructions, bench.subjects, seed=seed
    )
    examination.scores["c2st/index"] = held_out.astype("int32")
    examination.scores["c2st/originals"], examination.scores["c2st/reconstructions"] = real, fake
