"""Membership inference: whom does an inverter remember?"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from experiments.auditing import audit
from experiments.common import environment, main, recorded
from experiments.own import plain_name, read_arrays
from experiments.tables import write_membership
from gan_inversion.errors import UserError
from gan_inversion.protocols import Membership
from gan_inversion.record import Record
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

    membership: Path
    """An .npy or .npz file with a matrix (images, models) of 0 and 1: which model was trained on
    which image. An array `subjects` (images,) beside it names whose image each is."""

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
    signals = read_arrays(options.signals)
    for name, signal in signals.items():
        if signal.dtype.kind not in "fiu":
            raise UserError(f"{options.signals}: expected numbers in {name}, got {signal.dtype}")
    others = read_arrays(options.membership)
    subjects = others.pop("subjects", None)
    if len(others) != 1:
        raise UserError(
            f"{options.membership}: expected one matrix, and subjects, got {', '.join(others)}"
        )
    membership = next(iter(others.values()))
    if subjects is None:
        subjects = np.arange(len(membership))
    if subjects.shape != membership.shape[:1]:
        raise UserError(
            f"{options.membership}: expected a subject for each of {len(membership)} images, got "
            f"{subjects.shape}"
        )
    return signals, membership, subjects


def run_all(options: Options) -> None:
    """Read, attack, record, tabulate."""
    signals, membership, subjects = read_matrices(options)
    protocol = replace(Membership(), models=membership.shape[-1])
    name, dataset = plain_name(f":{options.signals.stem}") or "own", "matrices"
    digest = sha256((sha256_file(options.signals) + sha256_file(options.membership)).encode())
    path = options.records / protocol.name / f"{name}-{dataset}-s{options.seed}.json"
    if recorded(path, data_digest=digest, unit=options.unit):
        return
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
    write_membership(options.records, options.tables, dataset=dataset)


if __name__ == "__main__":
    main(Options, run_all)
