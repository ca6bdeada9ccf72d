"""Membership inference: whom does an inverter remember?"""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from experiments.auditing import audit
from experiments.common import environment, main, recorded
from experiments.own import plain_name, read_arrays
from experiments.tables import write_audit
from gan_inversion.errors import UserError
from gan_inversion.evaluation.membership import check_matrices, dispersion
from gan_inversion.protocols import Membership
from gan_inversion.record import Record
from gan_inversion.reports.membership import TOGETHER
from gan_inversion.storage import sha256, sha256_file


@dataclass(frozen=True)
class Options:
    """Run every membership attack on signals of models that were made elsewhere.

    Every model is in turn the target and the others its shadows. Cost: two minutes for 10,000
    images, 16 models and two signals on two CPU cores.
    """

    signals: Path
    """An .npz file with a matrix (images, models) for each signal, larger where a model fits an
    image better: negative losses, similarities, a discriminator's logits. The rmia attacks take a
    signal for a log likelihood: give minus the cross-entropy as it is, and of a squared error minus
    its logarithm."""

    membership: Path | None = None
    """An .npy or .npz file with a matrix (images, models) of 0 and 1: which model was trained on
    which image. An array `subjects` (images,) beside it names whose image each is. Default: the
    arrays of these names in the file of the signals, as in the scores beside a record."""

    unit: Literal["image", "subject"] = "image"
    """What a row is."""

    seed: int = 0
    """For the resampling."""

    records: Path = Path("runs/records")
    """Folder for the record; its name is that of the signals' file."""

    tables: Path = Path("runs/tables")
    """Folder for the table."""


def read_matrices(options: Options) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Signals by name, membership (N, M) and subjects (N,); without names every row is one.

    Raises:
        UserError: files that do not hold such matrices.
    """
    unit = f"{options.unit}/"
    arrays = {
        name.removeprefix(unit): array for name, array in read_arrays(options.signals).items()
    }
    if options.membership is None:
        if "membership" not in arrays:
            raise UserError(
                f"{options.signals}: expected an array called membership in it, or --membership "
                f"with a file of its own; it holds {', '.join(arrays)}"
            )
        others, place = arrays, options.signals
    else:
        others = {
            name.removeprefix(unit): array
            for name, array in read_arrays(options.membership).items()
        }
        place = options.membership
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
    return named_signals(arrays, membership.shape, options), membership, subjects


def named_signals(
    arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], options: Options
) -> dict[str, np.ndarray]:
    """The signals among arrays; what else stands in the scores beside a record is none.

    Raises:
        UserError: no numbers, another shape than that of the membership, or a name that cannot
            stand in one of a metric.
    """
    if "membership" in arrays or {"asked", "row"} & set(arrays):  # scores beside a record
        arrays = {
            name: array
            for name, array in arrays.items()
            if array.shape == shape and array.dtype.kind == "f" and "/" not in name
        }
    for name, signal in arrays.items():
        if signal.dtype.kind not in "fiu":
            raise UserError(f"{options.signals}: expected numbers in {name}, got {signal.dtype}")
        if signal.shape != shape:
            raise UserError(
                f"{options.signals}: expected {name} in the shape of the membership, {shape}, got "
                f"{signal.shape}"
            )
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name == TOGETHER:
            raise UserError(
                f"{options.signals}: expected the name of a signal in letters, digits, _, . and -, "
                f"other than {TOGETHER}, got {name!r}"
            )
    if not arrays:
        raise UserError(f"expected one signal or more in {options.signals}, got none")
    return dict(arrays)


def run_all(options: Options) -> None:
    """Read, attack, record, tabulate."""
    signals, membership, subjects = read_matrices(options)
    for signal in signals.values():
        check_matrices(signal, membership)
    if len(np.unique(subjects)) < 2:
        raise UserError(
            "expected images of two subjects or more, got one: intervals resample subjects; "
            "without the array subjects every row counts as one"
        )
    protocol = replace(Membership(), models=membership.shape[-1])
    name, dataset = plain_name(f":{options.signals.stem}") or "own", "matrices"
    files = [options.signals, *([] if options.membership is None else [options.membership])]
    digest = sha256("".join(map(sha256_file, files)).encode())
    path = options.records / protocol.name / f"{name}-{dataset}-s{options.seed}.json"
    if not recorded(path, data_digest=digest, unit=options.unit, protocol_hash=protocol.hash):
        spread = dispersion(np.asarray(membership, bool))
        if 0.1 < spread < 0.9:
            print(
                f"an image is in {membership.sum(axis=1).min():.0f} to "
                f"{membership.sum(axis=1).max():.0f} of the models: neither in equally many nor "
                "drawn independently, so that attacks that compare shadows in and out may be off "
                "0.5 where nothing leaks",
                file=sys.stderr,
            )
        metrics, curves = audit(
            signals,
            membership,
            subjects,
            unit=options.unit,
            fprs=protocol.fprs,
            seed=options.seed,
        )
        record = Record(
            protocol=protocol.name,
            protocol_hash=protocol.hash,
            method=name,
            knowledge=None,
            dataset=dataset,
            data_digest=digest,
            embedder="unknown",
            embedder_digest=sha256(b""),
            seed=options.seed,
            config={
                "protocol": asdict(protocol),
                "unit": options.unit,
                "rows": len(membership),
                "signals": [*signals],
            },
            metrics=metrics,
            env=environment(),
        )
        print(record.write(options.records, curves))
    write_audit(Record.read(path), options.tables)


if __name__ == "__main__":
    main(Options, run_all)
