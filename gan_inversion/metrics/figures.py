"""From raw scores to the figures of an `inversion` record, each with its interval.

Figures are computed here and nowhere else, both when a record is written and when it is checked:
a figure that the raw scores beside the record do not give was not measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gan_inversion.core.record import Metric, at, metric
from gan_inversion.metrics.attack import one_each, other_images, subject_mean
from gan_inversion.metrics.copying import copy_test
from gan_inversion.metrics.intervals import (
    bootstrap_mean,
    bootstrap_quantile,
    bootstrap_rate,
    clopper_pearson,
)
from gan_inversion.metrics.reconstruction import PER_IMAGE
from gan_inversion.metrics.verification import auc, bootstrap_auc, by_group

Scores = Mapping[str, np.ndarray]

BEST, PICKED = (1, 4, 16), (4, 16)  # of so many reconstructions of one embedding
SEVERAL = (*(f"best{count}" for count in BEST), *(f"picked{count}" for count in PICKED))
RANKS = (1, 5)


@dataclass(frozen=True)
class Conditions:
    """What is needed, beside the raw scores, to compute the figures.

    Attributes:
        subjects: (N,), the subject of each inverted test image.
        validation: (V,), the subject of each validation image.
        thresholds: recogniser -> false match rate -> threshold, None where the sample does not
            resolve it; the victim first.
    """

    subjects: np.ndarray
    validation: np.ndarray
    thresholds: Mapping[str, Mapping[float, float | None]]


def figures(scores: Scores, conditions: Conditions) -> dict[str, Metric]:
    """Compute every figure that the scores give.

    Args:
        scores: by recogniser `<name>/type1` (N,), `type2` (P,), `others` (N, T), `rank`,
            `rejected`, `undetected`, those of `SEVERAL` and `alike`; `psnr`, `ssim`, `midlayer`,
            `copy/...`, `c2st/...`, `swd/<side>`, `kid/<space>`, `spectrum/...`, `diversity`, as
            `experiments.inversion` keeps them. Missing scores give no figure.
        conditions: subjects and thresholds.
    """
    metrics: dict[str, Metric] = {}
    for name, thresholds in conditions.thresholds.items():
        if f"{name}/type1" in scores:
            metrics |= _attack(name, scores, conditions.subjects, thresholds)
            metrics |= _best(name, scores, conditions.subjects, thresholds)
    metrics |= _gaps(scores, conditions)
    for name in (*PER_IMAGE, "midlayer"):
        if name in scores:
            metrics[name] = _mean(scores[name], conditions.subjects)
    if "diversity" in scores:
        people = conditions.subjects[one_each(conditions.subjects)]
        metrics["diversity"] = _mean(scores["diversity"], people)
    return metrics | _copying(scores, conditions) | _realism(scores, conditions)


def _attack(
    name: str, scores: Scores, subjects: np.ndarray, thresholds: Mapping[float, float | None]
) -> dict[str, Metric]:
    """Success rates, cosines and ranks with one recogniser."""
    type1 = scores[f"{name}/type1"]
    type2 = scores.get(f"{name}/type2", np.empty(0))
    metrics = success(name, type1, type2, subjects, thresholds)
    if f"{name}/others" in scores:
        shares = scores[f"{name}/others"].astype(float)
        for values, (fmr, threshold) in zip(shares.T, thresholds.items(), strict=True):
            metrics[at(f"{name}/sar_others", fmr=fmr)] = _rate(values, subjects, threshold)
    missing = type1 <= -1  # where there is no embedding
    cosines, people = type1[~missing], subjects[~missing]
    if len(cosines):
        mean, low = bootstrap_mean(cosines, people), bootstrap_quantile(cosines, people, 0.05)
        metrics[f"{name}/cosine_mean"] = metric(
            cosines.mean(dtype="float64"), ci=mean, n=len(cosines)
        )
        metrics[f"{name}/cosine_p05"] = metric(np.quantile(cosines, 0.05), ci=low, n=len(cosines))
    else:
        for figure in ("mean", "p05"):
            metrics[f"{name}/cosine_{figure}"] = Metric(None, None, len(type1))
    metrics[f"{name}/rejected"] = _share(scores.get(f"{name}/rejected", np.zeros_like(missing)))
    if f"{name}/undetected" in scores:
        metrics[f"{name}/undetected"] = _share(scores[f"{name}/undetected"])
    if f"{name}/rank" in scores:
        ranks = scores[f"{name}/rank"]
        names, enrolled = np.unique(subjects, return_index=True)
        probes = np.setdiff1d(np.arange(len(subjects)), enrolled)
        for rank in RANKS:
            hits = ranks <= rank
            ci = bootstrap_rate(hits, subjects[probes])
            metrics[f"{name}/rank{rank}"] = metric(hits.mean(), ci=ci, n=len(hits))
        metrics[f"{name}/gallery"] = metric(len(names), n=len(probes))
    return metrics


def success(
    name: str,
    type1: np.ndarray,
    type2: np.ndarray,
    subjects: np.ndarray,
    thresholds: Mapping[float, float | None],
) -> dict[str, Metric]:
    """Success rates of both types at each threshold of a recogniser; none where not resolved.

    Args:
        name: of the recogniser.
        type1: float (N,), or (J, N) of several inverters, which are pooled.
        type2: float (P,) or (J, P), in the order of `other_images`; empty where there is none.
        subjects: (N,), subject of each inverted image.
        thresholds: false match rate -> threshold.
    """
    several = 1 if type1.ndim == 1 else len(type1)
    inverted, _ = other_images(subjects)
    people, pairs_of = np.tile(subjects, several), np.tile(subjects[inverted], several)
    metrics = {}
    for fmr, threshold in thresholds.items():
        least = np.inf if threshold is None else threshold
        rates = {"sar_type1": (type1.ravel() >= least, people)}
        if type2.size:
            pairs = type2.ravel() >= least
            names, means = subject_mean(pairs, pairs_of)
            rates["sar_type2"] = (means, names)
            rates["sar_type2_pairs"] = (pairs, pairs_of)
        for figure, (values, groups) in rates.items():
            metrics[at(f"{name}/{figure}", fmr=fmr)] = _rate(values, groups, threshold)
    return metrics


def _best(
    name: str, scores: Scores, subjects: np.ndarray, thresholds: Mapping[float, float | None]
) -> dict[str, Metric]:
    """Success rates of the best or picked of several reconstructions; how similar they are."""
    metrics = {}
    inverted, other = other_images(subjects)
    people = subjects[other[np.isin(inverted, one_each(subjects))]]
    for several in SEVERAL:
        for fmr, threshold in thresholds.items() if f"{name}/{several}" in scores else ():
            hits = scores[f"{name}/{several}"] >= (np.inf if threshold is None else threshold)
            groups, means = subject_mean(hits, people)
            figure = at(f"{name}/sar_type2_{several}", fmr=fmr)
            metrics[figure] = _rate(means, groups, threshold)
    if f"{name}/alike" in scores:
        alike = scores[f"{name}/alike"]
        metrics[f"{name}/cosine_hypotheses"] = metric(np.nanmean(alike, dtype=float), n=len(alike))
    return metrics


def _gaps(scores: Scores, conditions: Conditions) -> dict[str, Metric]:
    """Adversarial gap: success rate with the victim minus that with each other recogniser."""
    metrics = {}
    first, *others = (name for name in conditions.thresholds if f"{name}/type1" in scores)
    for name in others:
        for fmr, ours in conditions.thresholds[first].items():
            figure = at(f"gap_{name}/sar_type1", fmr=fmr)
            theirs = conditions.thresholds[name].get(fmr)
            if ours is None or theirs is None:
                metrics[figure] = Metric(None, None, len(conditions.subjects))
                continue
            hits = scores[f"{first}/type1"] >= ours, scores[f"{name}/type1"] >= theirs
            gap = hits[0].astype(float) - hits[1]
            metrics[figure] = metric(
                gap.mean(), ci=bootstrap_mean(gap, conditions.subjects), n=len(gap)
            )
    return metrics


def _copying(scores: Scores, conditions: Conditions) -> dict[str, Metric]:
    """The copy audit; the held-out images are the validation images."""
    if "copy/outputs" not in scores:
        return {}
    attacked = next(iter(conditions.thresholds))
    missing = scores.get(f"{attacked}/rejected", scores[f"{attacked}/type1"] <= -1)
    outcome = copy_test(
        scores["copy/outputs"],
        conditions.subjects[~missing.astype(bool)],
        scores["copy/held_out"],
        conditions.validation,
    )
    return {
        "copy/nearer": metric(outcome.nearer, n=outcome.subjects),
        "copy/p_value": metric(outcome.p_value, n=outcome.subjects),
    }


def _realism(scores: Scores, conditions: Conditions) -> dict[str, Metric]:
    """How far the set of reconstructions is from the set of originals."""
    metrics, count = {}, len(conditions.subjects)
    levels = [name for name in scores if name.startswith("swd/")]
    for name in levels:
        metrics[name] = metric(scores[name].mean(dtype=float), n=count)
    if levels:
        mean = float(np.mean([scores[name].mean(dtype=float) for name in levels]))
        metrics["swd/mean"] = metric(mean, n=count)
    for name in scores:
        if name.startswith("kid/"):
            metrics[name] = metric(scores[name].mean(dtype=float), n=count)
    if "spectrum/originals" in scores:
        difference = scores["spectrum/originals"] - scores["spectrum/reconstructions"]
        metrics["spectrum"] = metric(np.sqrt(np.square(difference).mean(dtype=float)), n=count)
    if "c2st/index" in scores:
        real, fake = scores["c2st/originals"], scores["c2st/reconstructions"]
        both, is_fake = np.concatenate([real, fake]), np.repeat([False, True], len(real))
        groups = np.tile(conditions.subjects[scores["c2st/index"]], 2)
        ci = bootstrap_auc(both, is_fake, by_group(groups))
        metrics["c2st_auc"] = metric(auc(both, is_fake), ci=ci, n=len(both))
    return metrics


def _mean(values: np.ndarray, subjects: np.ndarray) -> Metric:
    """A mean over images; not resolved if infinite (PSNR of equal images)."""
    if not np.isfinite(values).all():
        return Metric(None, None, len(values))
    ci = bootstrap_mean(values, subjects)
    return metric(values.mean(dtype=float), ci=ci, n=len(values))


def _rate(values: np.ndarray, groups: np.ndarray, threshold: float | None) -> Metric:
    """Mean of rates or of hits, (N,), with an interval over their groups."""
    if threshold is None:
        return Metric(None, None, len(values))
    return metric(values.mean(), ci=bootstrap_rate(values, groups), n=len(values))


def _share(hits: np.ndarray) -> Metric:
    """Share of images with a hit, bool (N,), and its Clopper-Pearson interval."""
    count = int(hits.sum())
    return metric(count / len(hits), ci=clopper_pearson(count, len(hits)), n=len(hits))
