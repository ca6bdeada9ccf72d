"""Reads signals and membership that another program wrote."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError
from gan_inversion.core.own import plain_name
from gan_inversion.data.decode import read_file
from gan_inversion.data.listing import decode_text
from gan_inversion.data.vectors import read_vectors
from gan_inversion.protocols.membership.audit import TOGETHER

MEMBERSHIP = "membership"
DESCRIBING = ("subjects", "groups", "features")  # arrays that describe the images
METER = "memberships.npy"  # of Privacy Meter, models first
METER_SIGNALS = "_signals.npy"  # its probabilities of the true class


@dataclass(frozen=True)
class Matrices:
    """What an audit of a user's own models needs.

    Attributes:
        signals: name -> float (N, M), larger where the model fits the image better.
        membership: bool or 0 and 1, (N, M).
        subjects: (N,), whose image each row is; by default one a row.
        groups: (N,), slices of the images that are audited alone too; None for no slices.
        features: float (N, F), for the attack that looks at the images; None to leave it out.
        files: what was read.
    """

    signals: dict[str, np.ndarray]
    membership: np.ndarray
    subjects: np.ndarray
    groups: np.ndarray | None
    features: np.ndarray | None
    files: tuple[Path, ...]


def read_matrices(
    signals: Path,
    membership: Path | None = None,
    *,
    unit: str = "image",
    models_first: bool = False,
) -> Matrices:
    """Read matrices from an .npz, .npy, CSV or Parquet file, or from a folder of Privacy Meter.

    Args:
        signals: holds a matrix for each signal, and the membership if no other file does.
        membership: holds the membership, and may describe the images too.
        unit: of a row; names may begin with it, as beside a record.
        models_first: the matrices have a row for each model, not for each image.

    Raises:
        UserError: the files do not hold such matrices.
    """
    files = [signals] if membership is None else [signals, membership]
    if signals.is_dir():
        arrays, files = read_meter(signals)
        models_first = False
    else:
        arrays = _read(signals, unit)
    others = arrays if membership is None else _read(membership, unit)
    place = files[-1]
    about = {name: others.pop(name) for name in DESCRIBING if name in others}
    if membership is not None and MEMBERSHIP not in others and len(others) == 1:
        others = {MEMBERSHIP: next(iter(others.values()))}
    if MEMBERSHIP not in others:
        raise UserError(
            f"{place}: expected an array called membership in it, or --membership with a file of "
            f"its own; it holds {', '.join(others)}"
            if membership is None
            else f"{place}: expected a matrix called membership, or one alone, got "
            f"{', '.join(others)}"
        )
    inside = others.pop(MEMBERSHIP)
    if models_first:
        inside = inside.T
        arrays = {name: array.T if array.ndim == 2 else array for name, array in arrays.items()}
    inside = _turned(inside, arrays, place)
    for name, array in about.items():
        wanted = 2 if name == "features" else 1
        if array.ndim != wanted or len(array) != len(inside):
            raise UserError(
                f"{place}: expected {name} for each of {len(inside)} images, got {array.shape}"
            )
    if inside.ndim == 2 and len(inside) < inside.shape[1]:
        print(
            f"{inside.shape[1]} models and only {len(inside)} images: if the rows are the models, "
            "give --models-first",
            file=sys.stderr,
        )
    subjects = about.get("subjects", np.arange(len(inside)))
    named = named_signals(arrays, inside.shape, signals)
    return Matrices(
        named, inside, subjects, about.get("groups"), about.get("features"), tuple(files)
    )


def read_audits(
    signals: Sequence[Path],
    membership: Sequence[Path],
    labels: Sequence[str],
    *,
    unit: str,
    models_first: bool,
    described: Mapping[str, Path | None],
) -> dict[str, Matrices]:
    """Read several audits: their names, and what each needs.

    Args:
        signals: a file or folder for each audit.
        membership: a file for each audit, or one for all, or none.
        labels: a name for each audit, or none.
        unit, models_first: as for `read_matrices`.
        described: `subjects` and `groups` -> a file with a line for each image, or None.

    Raises:
        UserError: the numbers of files do not fit, names are not distinct, or a file is not such.
    """
    if len(membership) not in (0, 1, len(signals)) or len(labels) not in (0, len(signals)):
        raise UserError(
            f"expected a label and a membership for each of {len(signals)} files of signals, or "
            f"one membership for all, got {len(labels)} and {len(membership)}"
        )
    members: list[Path | None] = [*membership] or [None]
    if len(members) == 1:
        members *= len(signals)
    given = labels or [path.stem for path in signals]
    names = [plain_name(f":{label}") or "own" for label in given]
    if len(set(names)) < len(names):
        raise UserError(f"expected a name of its own for each audit, got {', '.join(names)}")
    audits = {}
    for name, path, own in zip(names, signals, members, strict=True):
        audit = read_matrices(path, own, unit=unit, models_first=models_first)
        about = {kind: file for kind, file in described.items() if file is not None}
        arrays: dict[str, Any] = {k: _lines(f, len(audit.membership)) for k, f in about.items()}
        audits[name] = replace(audit, **arrays, files=(*audit.files, *about.values()))
    return audits


def _lines(path: Path, count: int) -> np.ndarray:
    """One text or number for each of `count` images."""
    if path.suffix.lower() in (".npy", ".npz"):
        arrays = read_arrays(path)
        lines = next(iter(arrays.values())) if len(arrays) == 1 else np.zeros(0)
    else:
        content = decode_text(read_file(path, str(path)), str(path))
        lines = np.array([line.strip() for line in content.splitlines() if line.strip()])
        lines = lines[1:] if len(lines) == count + 1 else lines  # a header
    if lines.shape != (count,):
        raise UserError(f"{path}: expected one line for each of {count} images, got {lines.shape}")
    return lines


def _read(path: Path, unit: str) -> dict[str, np.ndarray]:
    """The arrays of a file by name, without the name of the unit before it."""
    if path.suffix.lower() in (".csv", ".txt", ".parquet"):
        return {path.stem: read_vectors(path)[1]}
    return {name.removeprefix(f"{unit}/"): array for name, array in read_arrays(path).items()}


def read_meter(folder: Path) -> tuple[dict[str, np.ndarray], list[Path]]:
    """Membership and signals of a run of Privacy Meter 2, from its folder.

    It keeps `memberships.npy`, bool (M, N), and in `signals` probabilities of the true class,
    (N, M). Their logarithm is the signal: minus the cross-entropy.

    Raises:
        UserError: the folder holds no such files, or no probabilities.
    """
    members = sorted(folder.rglob(METER))
    files = [path for path in sorted(folder.rglob(f"*{METER_SIGNALS}")) if "ramia" not in path.name]
    if len(members) != 1 or not files:
        raise UserError(
            f"{folder}: expected one {METER} and *{METER_SIGNALS} in it, as Privacy Meter 2 writes "
            f"them, found {len(members)} and {len(files)}"
        )
    (inside,) = read_arrays(members[0]).values()
    arrays = {MEMBERSHIP: inside.T}
    for path in files:
        (shares,) = read_arrays(path).values()
        if shares.dtype.kind != "f" or not ((shares >= 0) & (shares <= 1)).all():
            raise UserError(f"{path}: expected probabilities, as Privacy Meter writes them")
        least = np.finfo(np.float32).tiny  # a probability of 0 has no logarithm
        arrays[path.name.removesuffix(METER_SIGNALS)] = np.log(np.maximum(shares, least))
    return arrays, [members[0], *files]


def _turned(inside: np.ndarray, arrays: Mapping[str, np.ndarray], place: Path) -> np.ndarray:
    """The membership with the images first, if only it has the models first."""
    shapes = {array.shape for array in arrays.values() if array.ndim == 2}
    if inside.ndim == 2 and inside.shape not in shapes and inside.shape[::-1] in shapes:
        print(f"{place}: the membership has the models first; it was turned", file=sys.stderr)
        return inside.T
    return inside


def named_signals(
    arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], place: Path
) -> dict[str, np.ndarray]:
    """The signals among arrays; scores beside a record hold other arrays too, which are ignored.

    Raises:
        UserError: an array holds no numbers, has another shape than the membership, or its name
            cannot be part of the name of a metric.
    """
    if {"asked", "row"} & set(arrays):  # scores beside a record
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
