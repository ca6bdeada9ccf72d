"""Matrices that a user gives, and what attacks need of them."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import sha256
from gan_inversion.metrics.membership import FEWEST as SHADOWS
from gan_inversion.metrics.targets import check_matrices, rarer_shadows
from gan_inversion.protocols.membership.audit import FEWEST, groups_within


@dataclass(frozen=True)
class Matrices:
    """What an audit of a user's own models needs.

    Attributes:
        signals: name -> float (N, M), larger where the model fits the image better.
        membership: bool or 0 and 1, (N, M).
        subjects: (N,), whose image each row is; by default one a row.
        groups: (N,), slices of the images that are audited alone too; None for no slices.
        features: float (N, F), for the attack that looks at the images; None to leave it out.
    """

    signals: dict[str, np.ndarray]
    membership: np.ndarray
    subjects: np.ndarray
    groups: np.ndarray | None
    features: np.ndarray | None

    @property
    def digest(self) -> str:
        """SHA-256 of all arrays with their names: other groups are another audit."""
        named = {f"signal {name}": array for name, array in self.signals.items()}
        named |= {"membership": self.membership, "subjects": self.subjects}
        named |= {
            name: a for name in ("groups", "features") if (a := getattr(self, name)) is not None
        }
        parts = [
            f"{n} {a.dtype} {a.shape} {sha256(np.ascontiguousarray(a).tobytes())}"
            for n, a in named.items()
        ]
        return sha256("\n".join(parts).encode())


def check_values(
    arrays: Mapping[str, np.ndarray],
    place: Path,
    allowed: Callable[[np.ndarray], np.ndarray],
    words: str,
) -> None:
    """Raise `UserError` that names the first value that is not allowed."""
    for name, array in arrays.items():
        values = np.asarray(array, "float64")
        wrong = np.argwhere(~allowed(values))
        if len(wrong):
            row, column = wrong[0]
            raise UserError(
                f"{place}: expected {words} in {name}, got {values[row, column]:g} in row {row}, "
                f"column {column} (counted from 0)"
                + (f", and {len(wrong) - 1:,} more such values" if len(wrong) > 1 else "")
            )


def check_attackable(given: Matrices, place: Path) -> None:
    """Raise `UserError` unless attacks can be run; say which scores they cannot give.

    Raises:
        UserError: attacks cannot be run on the matrices, or no group is large enough.
    """
    try:
        check_matrices(next(iter(given.signals.values())), given.membership)
        if len(np.unique(given.subjects)) < 2:
            raise UserError(
                "expected images of two subjects or more, got one: intervals resample subjects; "
                "without the array subjects every row counts as one"
            )
        if given.groups is not None and not groups_within(given.membership, slices_of(given)):
            raise UserError(
                f"expected a group with {FEWEST} images or more and with members and others among "
                f"them, got {len(np.unique(slices_of(given)))} groups without"
            )
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    few = rarer_shadows(given.membership) < SHADOWS
    if few.any():
        print(
            f"{place}: {few.sum():,} of {few.size:,} pairs of image and target are left out: "
            f"beside the target, the image has fewer than {SHADOWS} models with it, or fewer "
            "without it",
            file=sys.stderr,
        )


def slices_of(given: Matrices) -> np.ndarray:
    """The groups, (N,), as parts of the names of metrics, in which / has a meaning.

    Raises:
        UserError: two of them are then the same.
    """
    labels = np.asarray(given.groups)
    names = np.char.replace(labels.astype(str), "/", "_")
    if len(np.unique(names)) < len(np.unique(labels)):
        raise UserError("expected groups that differ in more than / and _")
    return names
