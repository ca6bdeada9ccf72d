"""Attack a user's own signals: those of models that another program trained."""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.device import environment
from gan_inversion.core.errors import UserError
from gan_inversion.core.own import plain_name
from gan_inversion.core.record import Record, record_path
from gan_inversion.core.storage import sha256, sha256_file
from gan_inversion.metrics.targets import check_matrices, dispersion
from gan_inversion.protocols.membership.audit import TOGETHER, audit
from gan_inversion.protocols.membership.rules import Membership
from gan_inversion.protocols.records import recorded


def read_matrices(
    signals: Path, members: Path | None, *, unit: str
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Read signals by name, membership (N, M), and subjects (N,), by default one a row.

    Raises:
        UserError: the files do not hold such matrices.
    """
    prefix = f"{unit}/"
    arrays = {name.removeprefix(prefix): array for name, array in read_arrays(signals).items()}
    if members is None:
        if "membership" not in arrays:
            raise UserError(
                f"{signals}: expected an array called membership in it, or --membership "
                f"with a file of its own; it holds {', '.join(arrays)}"
            )
        others, place = arrays, signals
    else:
        others = {name.removeprefix(prefix): array for name, array in read_arrays(members).items()}
        place = members
    subjects = others.pop("subjects", None)
    if "membership" not in others and len(others) == 1:
        others = {"membership": next(iter(others.values()))}
    if "membership" not in others:
        raise UserError(
            f"{place}: expected a matrix called membership, or one alone, got {', '.join(others)}"
        )
    membership = others.pop("membership")
    if subjects is None:
        subjects = np.arange(len(membership))
    if subjects.shape != membership.shape[:1]:
        raise UserError(
            f"{place}: expected a subject for each of {len(membership)} images, got "
            f"{subjects.shape}"
        )
    return named_signals(arrays, membership.shape, signals), membership, subjects


def named_signals(
    arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], place: Path
) -> dict[str, np.ndarray]:
    """The signals among arrays; scores beside a record hold other arrays too, which are ignored.

    Raises:
        UserError: an array holds no numbers, has another shape than the membership, or its name
            cannot be part of the name of a metric.
    """
    if "membership" in arrays or {"asked", "row"} & set(arrays):  # scores beside a record
        arrays = {
            name: array
            for name, array in arrays.items()
            if array.shape == shape and array.dtype.kind == "f" and "/" not in name
        }
    for name, signal in arrays.items():
        if signal.dtype.kind not in "fiu":
            raise UserError(f"{place}: expected numbers in {name}, got {signal.dtype}")
        if signal.shape != shape:
            raise UserError(
                f"{place}: expected {name} in the shape of the membership, {shape}, got "
                f"{signal.shape}"
            )
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name == TOGETHER:
            raise UserError(
                f"{place}: expected the name of a signal in letters, digits, _, . and -, "
                f"other than {TOGETHER}, got {name!r}"
            )
    if not arrays:
        raise UserError(f"expected one signal or more in {place}, got none")
    return dict(arrays)


def audit_own(
    signals_file: Path, members_file: Path | None, *, unit: str, seed: int, records: Path
) -> Record:
    """Attack a user's matrices, write the record, and return it.

    Args:
        signals_file: holds arrays (images, models), one for each signal.
        members_file: holds the membership matrix; None if `signals_file` holds it too.
        unit: of a row, `image` or `subject`.
        seed: for the resampling.
        records: folder for the record.
    """
    signals, membership, subjects = read_matrices(signals_file, members_file, unit=unit)
    for signal in signals.values():
        check_matrices(signal, membership)
    if len(np.unique(subjects)) < 2:
        raise UserError(
            "expected images of two subjects or more, got one: intervals resample subjects; "
            "without the array subjects every row counts as one"
        )
    protocol = replace(Membership(), models=membership.shape[-1])
    name, dataset = plain_name(f":{signals_file.stem}") or "own", "matrices"
    files = [signals_file, *([] if members_file is None else [members_file])]
    digest = sha256("".join(map(sha256_file, files)).encode())
    path = record_path(records, protocol.name, name, dataset, seed)
    if not recorded(path, data_digest=digest, unit=unit, protocol_hash=protocol.hash):
        spread = dispersion(np.asarray(membership, bool))
        if 0.1 < spread < 0.9:
            print(
                f"an image is in {membership.sum(axis=1).min():.0f} to "
                f"{membership.sum(axis=1).max():.0f} of the models: neither in equally many nor "
                "drawn independently, so that attacks that compare shadows in and out may have "
                "another AUC than 0.5 where nothing leaks",
                file=sys.stderr,
            )
        metrics, curves = audit(
            signals,
            membership,
            subjects,
            unit=unit,
            fprs=protocol.fprs,
            seed=seed,
        )
        record = Record(
            protocol=protocol.name,
            protocol_hash=protocol.hash,
            method=name,
            knowledge=None,
            dataset=dataset,
            data_digest=digest,
            victim="unknown",
            victim_digest=sha256(b""),
            seed=seed,
            config={
                "protocol": asdict(protocol),
                "unit": unit,
                "rows": len(membership),
                "signals": [*signals],
            },
            metrics=metrics,
            env=environment(),
        )
        print(record.write(records, curves))
    return Record.read(path)
