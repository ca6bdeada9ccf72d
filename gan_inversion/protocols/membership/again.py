"""Recorded studies: their signals are attacked anew, and first models shown to more judges."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.device import environment
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Record, now, read_scores
from gan_inversion.inverters.families import FAMILIES, specified
from gan_inversion.protocols.inversion.bench import Setting
from gan_inversion.protocols.inversion.rules import read_split
from gan_inversion.protocols.membership.attacks import digests, scored_by_features, successes
from gan_inversion.protocols.membership.audit import (
    LOSS,
    READY,
    attack_unit,
    ready_in,
    signals_of,
)
from gan_inversion.protocols.membership.rules import END, Membership
from gan_inversion.protocols.membership.run import Study, parts_of
from gan_inversion.protocols.membership.study import draw_pool, looks, open_bench
from gan_inversion.protocols.records import check_record, recorded

# Mean difference of cosines up to which a model that is trained anew is the recorded one: several
# threads add up in an order of their own, and many steps of a training make much of it.
NEAR = 0.05


def attack_again(path: Path, old_records: Path, *, setting: Setting, folders: Folders) -> None:
    """Repeat the attacks on the signals stored beside a record, and write a new record.

    Success rates of reconstruction and the cost of training are copied. Where the setting has
    judges, the first model is trained anew and shown to them.

    Args:
        path: file of the old record.
        old_records: folder of the old records; the folder `splits` is beside it.
        setting: the data, and the victim of the record.
        folders: records to write to, and runs of models that are trained anew.

    Raises:
        UserError: the record is of another victim, or the model is another one now.
    """
    bench = open_bench(setting)
    victim, records = bench.victim, folders.records
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
    # First, as it may find another model, and attacks take their time.
    others: dict[str, Any] = {}
    if len(bench.judges) > 1 and "image" in record.config["units"]:
        asked, apart = judged_again(record, scores, setting=setting, folders=folders)
        figures, arrays = successes(asked, bench)
        metrics, kept = metrics | figures, kept | arrays
        others = {**digests(bench), "judged_anew": {"cosines_apart": apart}}
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
        config={**record.config, **others, "protocol": asdict(protocol), "signals_of": made},
        metrics=metrics,
        env={**environment(), "device": record.env["device"]},
        created=now(),
    )
    print(again.write(records, kept))


def judged_again(
    record: Record, scores: dict[str, np.ndarray], *, setting: Setting, folders: Folders
) -> tuple[dict[str, np.ndarray], float]:
    """Train the first model of a recorded study anew, and show it to the judges of the setting.

    Returns:
        The arrays of `study.judged` but for the victim's, with a first axis of length 1; and how
        far its cosines with the victim are from those that were recorded, on average.

    Raises:
        UserError: it has other members, or the victim sees other reconstructions than it did.
    """
    spec, bench = specified(record.trained["name"]), open_bench(setting)
    together = FAMILIES[spec.family].together
    moment = record.config["epochs"] if together else record.config.get("share", END)
    shares = () if together or moment == END else (moment,)
    models = record.config["protocol"]["models"]
    study = Study(("image",), (moment,), (), models, record.seed, shares)
    first, *_ = parts_of(spec, study, setting=setting, folders=folders)["image"]
    part = replace(first, models=(0,))
    pool = draw_pool(part, bench)
    expected = f"expected the first model of {record.method} as it was recorded, but trained anew"
    if not np.array_equal(pool.membership, scores["image/membership"]):
        raise UserError(f"{expected} it would have other members")
    arrays = next(values for at, values in looks(part, pool, bench) if at == moment)
    apart = float(np.abs(arrays["type1"] - scores[f"{record.victim}/type1"][0]).mean())
    if apart > NEAR:
        raise UserError(f"{expected} it gives other reconstructions: cosines differ by {apart:.3f}")
    return {name: values[None] for name, values in arrays.items() if "@" in name}, apart
