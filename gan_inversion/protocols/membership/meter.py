"""Reads membership and signals of Privacy Meter 2 (Murakonda & Shokri, 2020)."""

from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.protocols.membership.lines import only_array

MEMBERSHIP = "membership"  # name of a matrix of members
MEMBERS = "memberships.npy"  # models first
SIGNALS = "_signals.npy"  # probabilities of the true class
LOSSES = "loss_signals.npy"


def read_meter(folder: Path) -> dict[str, np.ndarray]:
    """Membership and signals of a run of Privacy Meter 2, from its folder.

    It keeps `memberships.npy`, bool (M, N), and in `signals` probabilities of the true class,
    (N, M). Their logarithm is the signal: minus the cross-entropy. In `loss_signals.npy` some of
    its versions keep that cross-entropy itself, others the probability.

    Raises:
        UserError: the folder holds no such files, or no probabilities.
    """
    members = sorted(folder.rglob(MEMBERS))
    files = [path for path in sorted(folder.rglob(f"*{SIGNALS}")) if "ramia" not in path.name]
    if len(members) != 1 or not files:
        raise UserError(
            f"{folder}: expected one {MEMBERS} and *{SIGNALS} in it, as Privacy Meter 2 writes "
            f"them, found {len(members)} and {len(files)}"
        )
    arrays = {MEMBERSHIP: only_array(members[0]).T}
    least = np.finfo(np.float32).tiny  # a probability of 0 has no logarithm
    for path in files:
        values, name = only_array(path), path.name.removesuffix(SIGNALS)
        most = np.inf if path.name == LOSSES else 1
        if values.dtype.kind != "f" or not ((values >= 0) & (values <= most)).all():
            raise UserError(f"{path}: expected probabilities, as Privacy Meter writes them")
        if path.name != LOSSES:
            arrays[name] = np.log(np.maximum(values, least))
        elif (values > 1).any():
            arrays[name] = -values
        else:
            raise UserError(
                f"{path} may hold losses or probabilities, as Privacy Meter has written both: "
                "give --signals a file of minus the losses, or remove this one"
            )
    return arrays
