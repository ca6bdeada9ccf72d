"""Every model in turn as the target of an attack, with the others as its shadows."""

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.metrics.membership import FEWEST, LARGEST, Attack


def every_target(
    attack: Attack, signals: np.ndarray, membership: np.ndarray, *, references: int | None = None
) -> np.ndarray:
    """Run an attack with each model in turn as the target and the others as its shadows.

    In the `membership` protocol each image is a member of equally many models. A member would then
    have one shadow less that was trained on it, and a non-member one less that was not: an attack
    would only have to count. So, for each image, one more model is left out, whose membership is
    the opposite of the target's: signals that reveal nothing then give an AUC of 0.5. Where
    membership was drawn independently, there is nothing to count, and no such model is left out.

    Args:
        attack: an attack on one target.
        signals: float (N, M) or (N, M, K).
        membership: bool (N, M).
        references: use only the first so many shadows with each image, and as many without it.

    Returns:
        Scores, float (N, M).

    Raises:
        UserError: see `check_matrices`.
    """
    check_matrices(signals, membership)
    inside = np.asarray(membership, bool)
    counted = dispersion(inside) < 0.5
    rows = np.arange(len(inside))[:, None]
    columns = []
    for place in range(inside.shape[1]):
        if counted:
            kept = matched_shadows(inside, place)
        else:
            kept = np.delete(np.arange(inside.shape[1]), place)[None]
        if references is not None:
            kept = np.broadcast_to(kept, (len(inside), kept.shape[1]))
            kept = first_of_each(inside[rows, kept], kept, references)
        columns.append(attack(signals[:, place], signals[rows, kept], inside[rows, kept]))
    return np.stack(columns, axis=1)


def first_of_each(inside: np.ndarray, columns: np.ndarray, count: int) -> np.ndarray:
    """The first `count` columns whose model has the image, and as many of those that have not.

    Args:
        inside: bool (N, S), whether these models have the image.
        columns: int (N, S), columns of the models.
        count: of each kind; every row has as many.

    Returns:
        int (N, 2 * count).
    """
    orders = (np.argsort(kind, axis=1, kind="stable")[:, :count] for kind in (~inside, inside))
    return np.take_along_axis(columns, np.concatenate([*orders], axis=1), axis=1)


def dispersion(membership: np.ndarray) -> float:
    """Variance of the number of models that an image is in, relative to independent draws.

    It is 0 where every image is in equally many models, and about 1 where membership was drawn
    independently. Between the two, no attack gives exactly 0.5 on signals that reveal nothing.

    Args:
        membership: bool (N, M).
    """
    share = membership.mean()
    return float(membership.sum(axis=1).var() / (membership.shape[1] * share * (1 - share)))


def matched_shadows(membership: np.ndarray, target: int) -> np.ndarray:
    """For each image, all models but the target and one of opposite membership.

    If a model has exactly the images that the target has not, as 2k + 1 and 2k in the matrices of
    the `membership` protocol, it is that one: among the shadows, its own level would tell what the
    target has. Otherwise one is drawn for each image. Taking the next in order instead would let
    the level of the models that come first tell it.

    Args:
        membership: bool (N, M), with members and non-members in every row.
        target: column of the target.

    Returns:
        int (N, M - 2), ascending.
    """
    images, models = membership.shape
    unlike = membership != membership[:, [target]]
    drawn = stream(0, "left out", target).random(unlike.shape)
    partner = np.where(unlike, drawn + unlike.all(axis=0), -1).argmax(axis=1)
    every = np.arange(models)
    kept = (every != target) & (every != partner[:, None])
    return np.broadcast_to(every, (images, models))[kept].reshape(images, models - 2)


def check_matrices(signals: np.ndarray, membership: np.ndarray) -> None:
    """Raise `UserError` unless signals and membership are matrices that attacks can be run on."""
    if membership.ndim != 2 or signals.shape[:2] != membership.shape or signals.ndim > 3:
        raise UserError(
            "expected signals and membership of the same shape (images, models), got "
            f"{signals.shape} and {membership.shape}"
        )
    if len(membership) < 2:
        raise UserError(f"expected two images or more, got {len(membership)}")
    if not np.isin(membership, (0, 1)).all():
        raise UserError("expected membership of 0 and 1 only, got other values")
    if broken := int((~(np.abs(np.asarray(signals, "float64")) < LARGEST)).sum()):
        raise UserError(f"expected finite signals below {LARGEST:g}, got {broken} that are not")
    for name, mask in (("members", membership), ("non-members", membership == 0)):
        if empty := np.flatnonzero(~mask.any(axis=0)).tolist():
            raise UserError(f"expected {name} in every model, got none in model {empty[0]}")
    members = membership.astype(int).sum(axis=1)
    for name, count in (("in", members), ("out", membership.shape[1] - members)):
        # One model is the target: it is not among its own shadows.
        if (short := int((count < FEWEST + 1).sum())) > 0:
            raise UserError(
                f"expected at least {FEWEST} shadows with each image {name} beside the target, got "
                f"fewer for {short} of {len(count)} images"
            )
