"""The full examination of one inverter's reconstructions under the `inversion` protocol."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from gan_inversion.data import Dataset, Subset
from gan_inversion.embedders import Embedder, embed_cached
from gan_inversion.evaluation import realism
from gan_inversion.evaluation.attack import (
    Attack,
    attack,
    best_of,
    identify,
    one_each,
    rejected,
    subject_mean,
)
from gan_inversion.evaluation.copying import copy_test, nearest
from gan_inversion.evaluation.intervals import (
    bootstrap_mean,
    bootstrap_quantile,
    bootstrap_rate,
    clopper_pearson,
)
from gan_inversion.evaluation.reconstruction import feature_distance, psnr, ssim
from gan_inversion.evaluation.verification import auc, bootstrap_auc, by_group
from gan_inversion.progress import progress
from gan_inversion.protocols import Inversion, Split
from gan_inversion.record import Metric, at, metric
from gan_inversion.storage import sha256
from gan_inversion.thresholds import Threshold
from gan_inversion.training.two_sample import two_sample_scores

BLOCK = 64  # pictures compared at once
COUNTS = (1, 4, 16)  # hypotheses that an attacker may show


@dataclass(frozen=True)
class Judge:
    """A recogniser that reconstructions are shown to.

    Attributes:
        embedder: the recogniser.
        embeddings: float32 (N, D), of all images of the dataset.
        thresholds: by false match rate, from real impostors.
    """

    embedder: Embedder
    embeddings: np.ndarray
    thresholds: Mapping[float, Threshold]

    @property
    def impostors(self) -> str:
        """Whose pairs the thresholds were set on."""
        line = next(iter(self.thresholds.values()))
        return f"{line.subjects}, {line.dataset} {line.data_digest[:12]}"


@dataclass(frozen=True)
class Bench:
    """What stands still while inverters come and go.

    Attributes:
        protocol: the rules.
        dataset: the faces.
        images: uint8 (N, 160, 160, 3), the protocol's view of them.
        split: their use; images that the attacked recogniser rejects are in no part.
        judges: the attacked recogniser first, independent ones after it.
        asked: int (N,), the test images, rejected ones included.
    """

    protocol: Inversion
    dataset: Dataset
    images: np.ndarray
    split: Split
    judges: Sequence[Judge]
    asked: np.ndarray

    @property
    def subjects(self) -> np.ndarray:
        """Subject of each test image."""
        return self.dataset.subjects[self.split.test]

    @property
    def originals(self) -> Subset:
        """The test images."""
        return Subset(self.images, self.split.test)


@dataclass
class Examination:
    """What came out, filled part by part.

    Attributes:
        metrics: figures for the record.
        scores: raw scores, from which they can be computed again.
        curves: cumulative match characteristics, `cmc/<recogniser>`: shares at rank 1, 2, ...
        seconds: of each part.
    """

    metrics: dict[str, Metric] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part."""
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
        bench: what they are judged by.
        seed: for random patches, halves and weights of networks.
        hypotheses: several reconstructions of `one_each` of the test images, uint8
            (K, S, 160, 160, 3).
    """
    found = Examination(scores={"test_index": bench.split.test.astype("int32")})
    attacks, embeddings = [], []
    for judge in bench.judges:
        with found.part(judge.embedder.name):
            vectors = _embed(judge.embedder, reconstructions)
            attacks.append(_attack(found, judge, vectors, bench))
            undetected = judge.embedder.undetected(reconstructions)
            if undetected is not None:
                found.metrics[f"{judge.embedder.name}/undetected"] = _share(undetected, vectors)
        embeddings.append(vectors)
    _gaps(found, bench, attacks)
    with found.part("copy"):
        _copying(found, bench, embeddings[0])
    with found.part("image"):
        _pixels(found, bench, reconstructions)
    if any(judge.embedder.stages for judge in bench.judges):
        with found.part("features"):
            _features(found, bench, reconstructions)
    with found.part("realism"):
        _realism(found, bench, reconstructions, seed)
    with found.part("two_sample"):
        _two_sample(found, bench, reconstructions, seed)
    if hypotheses is not None:
        with found.part("hypotheses"):
            _hypotheses(found, bench, hypotheses)
    return found


def _embed(embedder: Embedder, reconstructions: np.ndarray) -> np.ndarray:
    key = f"reconstructions-{sha256(np.ascontiguousarray(reconstructions).data)[:16]}"
    return embed_cached(embedder, reconstructions, key=key)


def _attack(found: Examination, judge: Judge, vectors: np.ndarray, bench: Bench) -> Attack:
    """Success rates, cosines and ranks with one recogniser."""
    name, subjects = judge.embedder.name, bench.subjects
    originals = judge.embeddings[bench.split.test]
    outcome = attack(vectors, originals, subjects)
    found.metrics |= success(outcome, subjects, judge)
    known, people = outcome.type1[~outcome.rejected], subjects[~outcome.rejected]
    if len(known):
        found.metrics[f"{name}/cosine_mean"] = metric(
            known.mean(dtype="float64"), ci=bootstrap_mean(known, people), n=len(known)
        )
        found.metrics[f"{name}/cosine_p05"] = metric(
            np.quantile(known, 0.05), ci=bootstrap_quantile(known, people, 0.05), n=len(known)
        )
    else:
        for figure in ("mean", "p05"):
            found.metrics[f"{name}/cosine_{figure}"] = Metric(None, None, len(vectors))
    found.metrics[f"{name}/rejected"] = _share(int(rejected(vectors).sum()), vectors)
    if count := int(rejected(judge.embeddings[bench.asked]).sum()):
        found.metrics[f"{name}/rejected_originals"] = _share(count, bench.asked)
    found.scores[f"{name}/type1"] = outcome.type1
    if len(outcome.type2):
        search = identify(vectors, originals, subjects)
        for rank in (1, 5):
            hits = search.ranks <= rank
            found.metrics[f"{name}/rank{rank}"] = metric(
                hits.mean(), ci=bootstrap_rate(hits, subjects[search.probes]), n=len(hits)
            )
        found.curves[f"cmc/{name}"] = search.cmc()
        found.metrics[f"{name}/gallery"] = metric(search.gallery, n=len(search.probes))
        found.scores[f"{name}/type2"] = outcome.type2
        found.scores[f"{name}/rank"] = search.ranks.astype("int32")
    return outcome


def _share(count: int, pictures: np.ndarray) -> Metric:
    """Share of some pictures, (N, ...)."""
    return metric(count / len(pictures), ci=clopper_pearson(count, len(pictures)), n=len(pictures))


def success(outcome: Attack, subjects: np.ndarray, judge: Judge) -> dict[str, Metric]:
    """Success rates of both types at each threshold of a recogniser; none where not resolved.

    Args:
        outcome: scores with the recogniser.
        subjects: (N,), subject of each inverted image.
        judge: the recogniser.
    """
    found = {}
    for fmr, line in judge.thresholds.items():
        threshold = np.inf if line.threshold is None else line.threshold
        rates = {"sar_type1": (outcome.type1 >= threshold, subjects)}
        if len(outcome.type2):
            pairs = outcome.type2 >= threshold
            names, means = subject_mean(pairs, subjects[outcome.inverted])
            rates["sar_type2"] = (means, names)
            rates["sar_type2_pairs"] = (pairs, subjects[outcome.inverted])
        resolved = line.threshold is not None
        for name, rate in rates.items():
            figure = at(f"{judge.embedder.name}/{name}", fmr=fmr)
            found[figure] = _rate(*rate, resolved=resolved)
    return found


def _rate(values: np.ndarray, groups: np.ndarray, *, resolved: bool) -> Metric:
    """Mean of rates or of hits, (N,), with an interval over their groups; none if not resolved."""
    if not resolved:
        return Metric(None, None, len(values))
    return metric(values.mean(), ci=bootstrap_rate(values, groups), n=len(values))


def _hypotheses(found: Examination, bench: Bench, pictures: np.ndarray) -> None:
    """What several pictures of one embedding add, and how far they differ."""
    chosen = one_each(bench.subjects)
    for judge in bench.judges:
        name = judge.embedder.name
        vectors = np.stack([_embed(judge.embedder, some) for some in pictures])
        best, people = best_of(vectors, judge.embeddings[bench.split.test], bench.subjects, chosen)
        for count in (count for count in COUNTS if count <= len(pictures)):
            for fmr, line in judge.thresholds.items():
                resolved = line.threshold is not None
                hits = best[count - 1] >= (np.inf if line.threshold is None else line.threshold)
                groups, means = subject_mean(hits, people)
                figure = at(f"{name}/sar_type2_best{count}", fmr=fmr)
                found.metrics[figure] = _rate(means, groups, resolved=resolved)
        alike = np.einsum("ksd,lsd->skl", vectors, vectors)
        rows, columns = np.triu_indices(len(pictures), 1)
        found.metrics[f"{name}/cosine_hypotheses"] = metric(
            np.nanmean(alike[:, rows, columns]), n=len(chosen)
        )
    apart = [some.std(axis=0).mean() for some in np.swapaxes(pictures, 0, 1) / np.float32(255)]
    ci = bootstrap_mean(np.array(apart), bench.subjects[chosen])
    found.metrics["diversity"] = metric(np.mean(apart), ci=ci, n=len(chosen))


def _gaps(found: Examination, bench: Bench, attacks: Sequence[Attack]) -> None:
    """Adversarial gap: success with the attacked recogniser less success with another."""
    first = bench.judges[0]
    for judge, outcome in zip(bench.judges[1:], attacks[1:], strict=True):
        for fmr in bench.protocol.fmrs:
            name = at(f"gap_{judge.embedder.name}/sar_type1", fmr=fmr)
            ours, theirs = first.thresholds[fmr].threshold, judge.thresholds[fmr].threshold
            count = len(outcome.type1)
            if ours is None or theirs is None:
                found.metrics[name] = Metric(None, None, count)
                continue
            gap = (attacks[0].type1 >= ours).astype(float) - (outcome.type1 >= theirs)
            ci = bootstrap_mean(gap, bench.subjects)
            found.metrics[name] = metric(gap.mean(), ci=ci, n=count)


def _copying(found: Examination, bench: Bench, vectors: np.ndarray) -> None:
    """The copy audit, in the space of the attacked recogniser; validation images are its null."""
    real, split = bench.judges[0].embeddings, bench.split
    kept = ~rejected(vectors)
    outputs = nearest(vectors[kept], real[split.train])
    held_out = nearest(real[split.validation], real[split.train])
    outcome = copy_test(
        outputs, bench.subjects[kept], held_out, bench.dataset.subjects[split.validation]
    )
    found.metrics["copy/nearer"] = metric(outcome.nearer, n=outcome.subjects)
    found.metrics["copy/p_value"] = metric(outcome.p_value, n=outcome.subjects)
    found.scores["copy/outputs"], found.scores["copy/held_out"] = outputs, held_out


def _pixels(found: Examination, bench: Bench, reconstructions: np.ndarray) -> None:
    def block(start: int) -> tuple[np.ndarray, np.ndarray]:
        some = slice(start, start + BLOCK)
        original = bench.originals[some].astype("float32") / 255
        reconstruction = reconstructions[some].astype("float32") / 255
        return psnr(original, reconstruction), ssim(original, reconstruction)

    with ThreadPoolExecutor() as pool:  # scipy filters outside the interpreter lock
        starts = range(0, len(reconstructions), BLOCK)
        blocks = list(progress(pool.map(block, starts), total=len(starts), desc="PSNR, SSIM"))
    for name, parts in zip(("psnr", "ssim"), zip(*blocks, strict=True), strict=True):
        _per_image(found, name, np.concatenate(parts), bench)


def _per_image(found: Examination, name: str, values: np.ndarray, bench: Bench) -> None:
    """A figure that is a mean over images; not resolved if infinite (PSNR of equal pictures)."""
    if np.isfinite(values).all():
        ci = bootstrap_mean(values, bench.subjects)
        found.metrics[name] = metric(values.mean(), ci=ci, n=len(values))
    else:
        found.metrics[name] = Metric(None, None, len(values))
    found.scores[name] = values.astype("float32")


def _features(found: Examination, bench: Bench, reconstructions: np.ndarray) -> None:
    """Distances in the feature maps of the first recogniser that has some."""
    embedder = next(judge.embedder for judge in bench.judges if judge.embedder.stages)
    distances, first, second = [], [], []
    for start in progress(range(0, len(reconstructions), BLOCK), desc="features"):
        some = slice(start, start + BLOCK)
        original = embedder.features(bench.originals[some])
        reconstruction = embedder.features(reconstructions[some])
        distances.append(feature_distance(original, reconstruction))
        first.append(original[0].mean(axis=(1, 2)))
        second.append(reconstruction[0].mean(axis=(1, 2)))
    _per_image(found, "midlayer", np.concatenate(distances), bench)
    real, fake = np.concatenate(first), np.concatenate(second)
    space = f"{embedder.name}_{embedder.stages[0].lower()}"
    found.metrics[f"kid/{space}"] = metric(
        realism.kernel_distance(*realism.standardised(real, fake), paired=True), n=len(fake)
    )


def _realism(found: Examination, bench: Bench, reconstructions: np.ndarray, seed: int) -> None:
    originals, count = bench.originals[:], len(reconstructions)
    levels = realism.sliced_wasserstein(originals, reconstructions, seed=seed)
    for side, distance in levels.items():
        found.metrics[f"swd/{side}"] = metric(distance, n=count)
    found.metrics["swd/mean"] = metric(float(np.mean(list(levels.values()))), n=count)
    found.metrics["spectrum"] = metric(
        realism.spectrum_distance(originals, reconstructions), n=count
    )


def _two_sample(found: Examination, bench: Bench, reconstructions: np.ndarray, seed: int) -> None:
    held_out, real, fake = two_sample_scores(
        bench.originals, reconstructions, bench.subjects, seed=seed
    )
    scores = np.concatenate([real, fake])
    is_fake = np.repeat([False, True], len(held_out))
    groups = np.tile(bench.subjects[held_out], 2)
    found.metrics["c2st_auc"] = metric(
        auc(scores, is_fake),
        ci=bootstrap_auc(scores, is_fake, by_group(groups)),
        n=len(scores),
    )
    found.scores["c2st/index"] = held_out.astype("int32")
    found.scores["c2st/originals"], found.scores["c2st/reconstructions"] = real, fake
