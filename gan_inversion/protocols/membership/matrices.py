"""Reads signals and membership that another program wrote."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.arrays import read_arrays
from gan_inversion.core.errors import UserError, visible
from gan_inversion.core.own import plain_name
from gan_inversion.core.places import real
from gan_inversion.data.vectors import Labelled, read_labelled
from gan_inversion.metrics.membership import LARGEST
from gan_inversion.protocols.membership.audit import TOGETHER
from gan_inversion.protocols.membership.given import Matrices, check_attackable, check_values
from gan_inversion.protocols.membership.lines import checked_labels, read_lines
from gan_inversion.protocols.membership.meter import MEMBERSHIP, read_meter

LONGEST = 80  # letters of an audit's name, which is part of file names
WIDEST = 1e100  # size of a feature whose squares can be added
DESCRIBING = ("subjects", "groups", "features")  # arrays that describe the images


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
    place = membership or signals
    tables: list[Labelled] = []
    if signals.is_dir():
        if membership is not None:
            raise UserError(f"expected no --membership beside {signals}, which holds its own")
        arrays = read_meter(signals)
        models_first = False
    else:
        arrays = _read(signals, unit, tables)
    others = arrays if membership is None else _read(membership, unit, tables)
    _check_order(tables, f"{signals} and {membership}")
    inside, about = _described(arrays, others, place, alone=membership is not None)
    arrays = {k: a for k, a in arrays.items() if k not in (MEMBERSHIP, *DESCRIBING)}
    if models_first:
        inside = inside.T
        arrays = {name: array.T if array.ndim == 2 else array for name, array in arrays.items()}
    else:
        inside, arrays = _turned(inside, arrays)
    for name, array in about.items():
        wanted = 2 if name == "features" else 1
        if array.ndim != wanted or len(array) != len(inside):
            raise UserError(
                f"{place}: expected {name} for each of {len(inside)} images, got {array.shape}"
            )
    if len(inside) < inside.shape[1]:
        print(
            f"{inside.shape[1]} models and only {len(inside)} images: if the rows are the models, "
            "give --models-first",
            file=sys.stderr,
        )
    features, groups = about.get("features"), about.get("groups")
    if features is not None and not (
        features.dtype.kind in "fiu" and features.size and (np.abs(features) < WIDEST).all()
    ):
        raise UserError(f"{place}: expected finite numbers as features, got others")
    named = named_signals(arrays, inside.shape, signals)
    check_values({MEMBERSHIP: inside}, place, lambda a: (a == 0) | (a == 1), "0 and 1 only")
    check_values(named, signals, lambda a: np.abs(a) < LARGEST, f"numbers below {LARGEST:g}")
    return Matrices(
        named,
        inside,
        checked_labels(about.get("subjects", np.arange(len(inside))), place),
        None if groups is None else checked_labels(groups, place),
        features,
    )


def _described(
    arrays: Mapping[str, np.ndarray], others: dict[str, np.ndarray], place: Path, *, alone: bool
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The membership, and the arrays that describe the images.

    Args:
        arrays: of the file of the signals.
        others: of the file of the membership, which may be the same.
        place: the file of the membership.
        alone: whether it is a file of its own.
    """
    if alone and len(others) == 1:
        others = {MEMBERSHIP: next(iter(others.values()))}
    about = {name: array for name, array in (dict(arrays) | others).items() if name in DESCRIBING}
    rest = {name: array for name, array in others.items() if name not in DESCRIBING}
    if alone and MEMBERSHIP not in rest and len(rest) == 1:
        rest = {MEMBERSHIP: next(iter(rest.values()))}
    if MEMBERSHIP not in rest:
        raise UserError(
            f"{place}: expected a matrix called membership, or one alone, got {', '.join(others)}"
            if alone
            else f"{place}: expected an array called membership in it, or --membership with a file "
            f"of its own; it holds {', '.join(others)}"
        )
    inside = rest[MEMBERSHIP]
    if inside.ndim != 2 or inside.dtype.kind not in "biuf":
        raise UserError(
            f"{place}: expected membership as 0 and 1 in a matrix (images, models), got "
            f"{inside.dtype} {inside.shape}"
        )
    return inside, about


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
    given = labels or [real(path).stem for path in signals]
    names = [plain_name(label.replace(":", "_"))[:LONGEST] for label in given]
    if len(set(names)) < len(names) or not all(names):
        raise UserError(
            "expected a name of its own for each audit, of letters a to z and digits, got "
            f"{', '.join(given)}"
        )
    for label, name in zip(labels, names, strict=False):
        if name != re.sub(r"[ .-]", "_", label.lower()):
            print(f"the audit {visible(label)} is called {name}", file=sys.stderr)
    audits = {}
    for name, path, own in zip(names, signals, members, strict=True):
        audit = read_matrices(path, own, unit=unit, models_first=models_first)
        about = {kind: file for kind, file in described.items() if file is not None}
        arrays: dict[str, Any] = {k: read_lines(f, len(audit.membership)) for k, f in about.items()}
        audits[name] = replace(audit, **arrays)
        check_attackable(audits[name], path)
    return audits


def _check_order(tables: Sequence[Labelled], places: str) -> None:
    """Raise `UserError` if the names in two tables say that they are in another order.

    Rows that are merely counted, from 0 in order, have no names, unless another table has the same
    numbers in another order. Columns may have other names in each table, but not the same ones in
    another order.
    """
    pairs = [(table.names, [*map(str, range(len(table.names)))]) for table in tables]
    shuffled = any(own != count and sorted(own) == sorted(count) for own, count in pairs)
    rows = [own for own, count in pairs if shuffled or own != count]
    if any(names != rows[0] for names in rows):
        raise UserError(f"expected the same rows in {places}, in the same order")
    columns = [table.columns for table in tables]
    if any(sorted(own) == sorted(columns[0]) and own != columns[0] for own in columns):
        raise UserError(f"expected the same columns in {places}, in the same order")


def _read(path: Path, unit: str, tables: list[Labelled]) -> dict[str, np.ndarray]:
    """The arrays of a file by name, without the name of the unit before it.

    Args:
        path: the file.
        unit: of a row.
        tables: gets what the file calls its rows and columns, if it is a table.
    """
    if not path.is_file():
        raise UserError(
            f"expected matrices in {path}, as .npz, .npy, .csv or .parquet (signals also as the "
            "folder of a run of Privacy Meter 2), found no file"
        )
    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet"):
        tables.append(read_labelled(path))
        return {path.stem: tables[-1].vectors}
    arrays, prefix = read_arrays(path), f"{unit}/"
    if not any(name.startswith(prefix) for name in arrays):
        return arrays
    if plain := [name for name in arrays if "/" not in name]:
        raise UserError(f"{path}: expected {unit}/ before every name or none, got {plain[0]!r}")
    # Scores beside a record: curves have longer names, and indices are no signals.
    own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
    return {name: a for name, a in own.items() if "/" not in name and name not in ("asked", "row")}


def _turned(
    inside: np.ndarray, arrays: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Membership and signals with the images first, where one lies on its side of the other.

    There are more images than models: the one that is wider than tall is turned.
    """
    across, down = max(inside.shape), min(inside.shape)
    if across == down or not any(array.shape == inside.shape[::-1] for array in arrays.values()):
        return inside, arrays
    turned = {MEMBERSHIP: inside, **arrays}
    for name, array in turned.items():
        if array.shape == (down, across):
            print(f"{name} has the models first; it was turned", file=sys.stderr)
            turned[name] = array.T
    return turned.pop(MEMBERSHIP), turned


def named_signals(
    arrays: Mapping[str, np.ndarray], shape: tuple[int, ...], place: Path
) -> dict[str, np.ndarray]:
    """The signals among arrays.

    Raises:
        UserError: an array holds no numbers, has another shape than the membership, or its name
            cannot be part of the name of a metric.
    """
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
