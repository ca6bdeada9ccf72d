"""Every attack on the answers of a study, and their record."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from gan_inversion.core.device import environment
from gan_inversion.core.record import Metric, Record, now, read_scores
from gan_inversion.metrics.attack import subject_mean
from gan_inversion.metrics.figures import success
from gan_inversion.metrics.membership import ATTACKS, FEWEST_KNOWN, without_shadows
from gan_inversion.metrics.targets import every_target
from gan_inversion.metrics.usage import of_ranges
from gan_inversion.protocols.inversion.bench import Bench, Judge
from gan_inversion.protocols.inversion.rules import read_split
from gan_inversion.protocols.membership.audit import (
    LOSS,
    QUANTILE,
    QUERIES,
    RANGE,
    READY,
    STRONG,
    attack_unit,
    ready_in,
    signals_of,
)
from gan_inversion.protocols.membership.rules import Membership, Pool
from gan_inversion.protocols.membership.study import Part
from gan_inversion.protocols.records import check_record, recorded

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
            type1, type2 = here.pop("type1"), here.pop("type2")
            attacked = bench.victim
            name = attacked.recogniser.name
            metrics |= success(name, type1, type2, bench.subjects, attacked.accepts_from)
            scores |= {f"{name}/type1": type1, f"{name}/type2": type2}
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


def attack_again(path: Path, old_records: Path, records: Path, victim: Judge) -> None:
    """Repeat the attacks on the signals stored beside a record, and write a new record.

    Success rates of reconstruction and the cost of training are copied.

    Args:
        path: file of the old record.
        old_records: folder of the old records; the folder `splits` is beside it.
        records: folder to write to.
        victim: of the record, with the embeddings of all images of the data set, for the attack
            that looks at images.

    Raises:
        UserError: the record is of another victim.
    """
    record, scores = Record.read(path), read_scores(path)
    check_record(record, path, victim_digest=victim.recogniser.digest)
    protocol = Membership(models=record.config["protocol"]["models"])
    target = records / protocol.name / path.name
    if recorded(target, protocol_hash=protocol.hash, data_digest=record.data_digest):
        return
    split = old_records.parent / "splits" / f"{record.dataset}-{record.config['split']}.csv"
    subjects = np.array([file.split("/")[0] for file in read_split(split)])
    metrics = {name: m for name, m in record.metrics.items() if "/sar_" in name}
    kept = {name: values for name, values in scores.items() if not name.endswith("/roc")}
    for unit in record.config["units"]:
        inside = scores[f"{unit}/membership"].astype(bool)
        people = subjects[scores[f"{unit}/asked"]]
        here, ready = signals_of(kept, unit), ready_in(kept, unit)
        if LOSS in here:
            rows, features = scores[f"{unit}/row"], victim.embeddings[scores[f"{unit}/asked"]]
            ready |= scored_by_features(here[LOSS], inside, features, rows)
        outcome, curves = attack_unit(here, inside, people, unit=unit, fprs=protocol.fprs,
                                   seed=record.seed, ready=ready)  # fmt: skip
        metrics |= outcome
        kept |= curves | {f"{READY}/{unit}/{name}": values for name, values in ready.items()}
    made = {"created": record.created, "commit": record.env["commit"]}
    again = replace(
        record,
        protocol_hash=protocol.hash,
        config={**record.config, "protocol": asdict(protocol), "signals_of": made},
        metrics=metrics,
        env={**environment(), "device": record.env["device"]},
        created=now(),
    )
    print(again.write(records, kept))
