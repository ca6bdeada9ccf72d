"""Attack a user's own signals: those of models that another program trained."""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from gan_inversion.core.device import environment
from gan_inversion.core.locks import exclusive
from gan_inversion.core.record import Metric, Record, metric, record_path
from gan_inversion.core.storage import remove_unfinished, sha256
from gan_inversion.metrics.leak import without_copies
from gan_inversion.metrics.targets import check_matrices, dispersion
from gan_inversion.protocols.membership.attacks import scored_by_features
from gan_inversion.protocols.membership.audit import (
    READY,
    Rows,
    audit,
    audit_few,
    audit_usage,
    audit_within,
)
from gan_inversion.protocols.membership.given import Matrices, slices_of
from gan_inversion.protocols.membership.rules import Membership
from gan_inversion.protocols.records import recorded

DATASET = "matrices"  # of the records of such audits


def audit_own(given: Matrices, name: str, *, unit: str, seed: int, records: Path) -> Record:
    """Attack a user's matrices, write the record, and return it.

    Args:
        given: the matrices.
        name: of the audit, and of its record.
        unit: of a row, `image` or `subject`.
        seed: for the resampling.
        records: folder for the record.

    Raises:
        UserError: the attacks cannot be run on these matrices.
    """
    membership, subjects = given.membership, given.subjects
    for signal in given.signals.values():
        check_matrices(signal, membership)
    protocol = replace(Membership(), models=membership.shape[-1])
    path = record_path(records, protocol.name, name, DATASET, seed)
    with exclusive(records, wait=True):  # two audits of one name would mix their files
        remove_unfinished(path.parent)
        if recorded(path, data_digest=given.digest, unit=unit, protocol_hash=protocol.hash):
            return Record.read(path)
        reason = unproven(membership, subjects)
        if reason:
            print(f"{reason}; no epsilon is proven", file=sys.stderr)
        metrics, scores = attacked(given, protocol, unit=unit, seed=seed)
        if reason:
            names = [name for name in metrics if name.split("/")[-1].startswith("epsilon")]
            metrics |= {name: metric(np.nan, n=metrics[name].n) for name in names}
        record = Record(
            protocol=protocol.name,
            protocol_hash=protocol.hash,
            method=name,
            knowledge=None,
            dataset=DATASET,
            data_digest=given.digest,
            victim="unknown",
            victim_digest=sha256(b""),
            seed=seed,
            config={
                "protocol": asdict(protocol),
                "unit": unit,
                "rows": len(membership),
                "signals": [*given.signals],
                **({"unproven": reason} if reason else {}),
            },
            metrics=metrics,
            env=environment(),
        )
        print(record.write(records, scores))
    return Record.read(path)


def attacked(
    given: Matrices, protocol: Membership, *, unit: str, seed: int
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Metrics of all attacks, and the curves and scores behind them."""
    inside, each = np.asarray(given.membership, bool), np.arange(len(given.membership))
    rows = Rows(inside, given.subjects, unit, seed)
    signal = next(iter(given.signals.values()))
    ready: dict[str, np.ndarray] = {}
    if given.features is not None:
        for name, values in given.signals.items():
            ready |= scored_by_features(values, inside, given.features, each, name=name)
        if not ready:
            print("too few non-members for the attack quantile, which is left out", file=sys.stderr)
    metrics, scores = audit(given.signals, rows, fprs=protocol.fprs, ready=ready)
    scores |= {f"{READY}/{unit}/{name}": values for name, values in ready.items()}
    metrics |= audit_few(signal, rows)
    if unit == "image":
        metrics |= audit_usage(signal, rows)
    if given.groups is not None:
        metrics |= audit_within(signal, rows, slices_of(given))
    return metrics, scores


def unproven(membership: np.ndarray, subjects: np.ndarray) -> str:
    """Why the numbers of members may tell members where nothing leaks; empty if they do not."""
    inside = np.asarray(membership, bool)
    _, inside, _ = without_copies(inside.astype(float), inside, subjects)
    # Independent draws have a dispersion of about 1: in one case of a thousand it is below this.
    least = np.clip(1 - 3 * np.sqrt(2 / len(inside)), 0.5, 0.9)
    if 0.1 < dispersion(inside) < least:
        counts = inside.sum(axis=1)
        return (
            f"an image is in {counts.min():.0f} to {counts.max():.0f} of the models: neither in "
            "equally many nor drawn independently, so that attacks that compare shadows in and out "
            "may have another AUC than 0.5 where nothing leaks"
        )
    if any(
        dispersion(counted) > max(1.1, 1 + 4 * np.sqrt(2 / len(counted)))
        for counted in (inside, inside.T)
    ):
        return (
            "some images or models have more members than independent draws would give: an attack "
            "may tell members by this alone"
        )
    return ""
