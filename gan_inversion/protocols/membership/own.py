"""Attack a user's own signals: those of models that another program trained."""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from gan_inversion.core.device import environment
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Metric, Record, metric, record_path
from gan_inversion.core.storage import sha256
from gan_inversion.metrics.leak import without_copies
from gan_inversion.metrics.targets import check_matrices, dispersion
from gan_inversion.protocols.membership.attacks import scored_by_features
from gan_inversion.protocols.membership.audit import (
    FEWEST,
    READY,
    audit,
    audit_few,
    audit_usage,
    audit_within,
)
from gan_inversion.protocols.membership.matrices import Matrices
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
    if len(np.unique(subjects)) < 2:
        raise UserError(
            "expected images of two subjects or more, got one: intervals resample subjects; "
            "without the array subjects every row counts as one"
        )
    protocol = replace(Membership(), models=membership.shape[-1])
    path = record_path(records, protocol.name, name, DATASET, seed)
    if not recorded(path, data_digest=given.digest, unit=unit, protocol_hash=protocol.hash):
        _warn_of_counts(membership)
        metrics, scores = attacked(given, protocol, unit=unit, seed=seed)
        if _uneven(membership, subjects):
            print(
                "some images or models have more members than independent draws would give: an "
                "attack may tell members by this alone, and no epsilon is proven",
                file=sys.stderr,
            )
            unproven = {name for name in metrics if name.split("/")[-1].startswith("epsilon")}
            metrics |= {name: metric(np.nan, n=metrics[name].n) for name in unproven}
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
    inside, rows = np.asarray(given.membership, bool), np.arange(len(given.membership))
    signal = next(iter(given.signals.values()))
    groups = None
    if given.groups is not None:
        groups = np.char.replace(given.groups.astype(str), "/", "_")  # part of a metric's name
        if len(np.unique(groups)) < len(np.unique(given.groups)):
            raise UserError("expected groups that differ in more than / and _")
    ready: dict[str, np.ndarray] = {}
    if given.features is not None:
        for name, values in given.signals.items():
            ready |= scored_by_features(values, inside, given.features, rows, name=name)
        if not ready:
            print("too few non-members for the attack quantile, which is left out", file=sys.stderr)
    metrics, scores = audit(
        given.signals,
        inside,
        given.subjects,
        unit=unit,
        fprs=protocol.fprs,
        seed=seed,
        ready=ready,
    )
    scores |= {f"{READY}/{unit}/{name}": values for name, values in ready.items()}
    metrics |= audit_few(signal, inside, given.subjects, unit=unit, seed=seed)
    if unit == "image":
        metrics |= audit_usage(signal, inside, unit=unit, seed=seed)
    if groups is not None:
        slices = audit_within(signal, inside, groups, seed=seed, subjects=given.subjects)
        if not slices:
            raise UserError(
                f"expected a group with {FEWEST} images or more and with members and others among "
                f"them, got {len(np.unique(groups))} groups without"
            )
        metrics |= slices
    return metrics, scores


def _warn_of_counts(membership: np.ndarray) -> None:
    """Say so where an attack may have another AUC than 0.5 although nothing leaks."""
    if 0.1 < dispersion(np.asarray(membership, bool)) < 0.9:
        print(
            f"an image is in {membership.sum(axis=1).min():.0f} to "
            f"{membership.sum(axis=1).max():.0f} of the models: neither in equally many nor "
            "drawn independently, so that attacks that compare shadows in and out may have "
            "another AUC than 0.5 where nothing leaks",
            file=sys.stderr,
        )


def _uneven(membership: np.ndarray, subjects: np.ndarray) -> bool:
    """Whether images or models differ in their numbers of members by more than chance."""
    inside = np.asarray(membership, bool)
    _, inside, _ = without_copies(inside.astype(float), inside, subjects)
    return any(
        dispersion(counted) > max(1.1, 1 + 4 * np.sqrt(2 / len(counted)))
        for counted in (inside, inside.T)
    )
