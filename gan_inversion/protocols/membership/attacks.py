"""Every attack on the answers of a study, and their record."""

from collections.abc import Mapping

import numpy as np

from gan_inversion.core.record import Metric
from gan_inversion.metrics.attack import subject_mean
from gan_inversion.metrics.figures import success
from gan_inversion.metrics.membership import ATTACKS, FEWEST_KNOWN, without_shadows
from gan_inversion.metrics.targets import every_target
from gan_inversion.metrics.usage import of_ranges
from gan_inversion.protocols.inversion.bench import Bench
from gan_inversion.protocols.membership.audit import (
    LOSS,
    QUANTILE,
    QUERIES,
    RANGE,
    READY,
    STRONG,
    attack_unit,
)
from gan_inversion.protocols.membership.rules import Pool
from gan_inversion.protocols.membership.study import JUDGEMENTS, Part, mark_of

MOST = 6e4  # size of a score that float16 holds


def attack_all(
    moment: int,
    answers_of: Mapping[str, Mapping[str, np.ndarray]],
    pools: Mapping[str, Pool],
    part: Part,
    bench: Bench,
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Attack the models as they were at a moment: metrics, and the scores behind them."""
    metrics: dict[str, Metric] = {}
    scores: dict[str, np.ndarray] = {}
    for unit, pool in pools.items():
        here = {
            name.split("/")[1]: values
            for name, values in answers_of[unit].items()
            if name.startswith(f"{moment}/") and not name.endswith("/seconds")
        }
        if unit == "image":
            metrics, scores = successes(here, bench)
            here = {n: values for n, values in here.items() if not n.startswith(JUDGEMENTS)}
        ready = {}
        queries, rows = here.pop(QUERIES, None), pool.audited_row
        if LOSS in here:
            features = bench.victim.embeddings[pool.audited]
            ready = scored_by_features(here[LOSS], pool.membership, features, rows)
        if queries is not None:
            each = every_target(ATTACKS[STRONG], queries, pool.membership[rows])
            ready[f"{RANGE}/{LOSS}"] = of_ranges(each, rows).astype("float16")
        outcome, curves = attack_unit(
            here,
            pool.membership,
            bench.dataset.subjects[pool.audited],
            unit=unit,
            fprs=part.protocol.fprs,
            seed=part.seed,
            ready=ready,
        )
        metrics |= outcome
        scores |= curves | {f"{unit}/{name}": values for name, values in here.items()}
        scores |= {f"{READY}/{unit}/{name}": values for name, values in ready.items()}
        scores[f"{unit}/membership"] = pool.membership
        scores[f"{unit}/asked"] = pool.audited.astype("int32")
        scores[f"{unit}/row"] = pool.audited_row.astype("int32")
    return metrics, scores


def successes(
    answers: Mapping[str, np.ndarray], bench: Bench
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Success rates with every judge that was asked, and the scores behind them."""
    metrics: dict[str, Metric] = {}
    scores: dict[str, np.ndarray] = {}
    for judge in bench.judges:
        name, mark = judge.recogniser.name, mark_of(judge, bench)
        if f"type1{mark}" in answers:
            type1, type2 = (answers[f"{kind}{mark}"] for kind in JUDGEMENTS)
            metrics |= success(name, type1, type2, bench.subjects, judge.accepts_from)
            scores |= {f"{name}/type1": type1, f"{name}/type2": type2}
    return metrics, scores


def digests(bench: Bench) -> dict[str, dict[str, str]]:
    """The judges beside the victim and the digests of their weights, where there are any."""
    others = {judge.recogniser.name: judge.recogniser.digest for judge in bench.judges[1:]}
    return {"judges": others} if others else {}


def scored_by_features(
    signal: np.ndarray,
    membership: np.ndarray,
    embeddings: np.ndarray,
    rows: np.ndarray,
    *,
    name: str = LOSS,
) -> dict[str, np.ndarray]:
    """Scores, float16 (R, M), of the attack that looks at images and at no shadow model.

    Args:
        signal: float (R, M).
        membership: bool (R, M).
        embeddings: float32 (A, D), of the audited images.
        rows: int (A,), the row of each; a row is described by the mean of its images.
        name: of the signal.

    Returns:
        `<attack>/<signal>` -> scores; nothing where there are too few images for a regression.
    """
    if (~membership).sum(axis=0).min() < 3 * FEWEST_KNOWN:  # there is a half that has enough
        return {}
    features = np.stack([subject_mean(values, rows)[1] for values in embeddings.T], axis=1)
    scores = np.clip(without_shadows(signal, membership, features), -MOST, MOST)
    return {f"{QUANTILE}/{name}": scores.astype("float16")}
