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
    There, an image may have too few shadows of a kind for some targets. Only its scores for these
    are left out: to leave out the whole image would let the number of its shadows tell the target.

    Args:
        attack: an attack on one target.
        signals: float (N, M) or (N, M, K).
        membership: bool (N, M).
        references: use only the first so many shadows with each image, and as many without it.

    Returns:
        Scores, float (N, M); NaN where an image has fewer than `FEWEST` shadows with it, or
        without it, beside the target.

    Raises:
        UserError: see `check_matrices`.
    """
    check_matrices(signals, membership)
    inside = np.asarray(membership, bool)
    images, models = inside.shape
    enough = rarer_shadows(inside) >= max(FEWEST, references or 0)
    scores = np.full(inside.shape, np.nan)
    for place in range(models):
        if counted(inside):
            shadows = matched_shadows(inside, place)
        else:
            others = np.delete(np.arange(models), place)
            shadows = np.broadcast_to(others, (images, models - 1))
        own = np.flatnonzero(enough[:, place])
        rows, kept = own[:, None], shadows[own]
        if references is not None:
            kept = first_of_each(inside[rows, kept], kept, references)
        scores[own, place] = attack(signals[own, place], signals[rows, kept], inside[rows, kept])
    return scores


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


def counted(membership: np.ndarray) -> bool:
    """Whether an image's shadows, counted, would tell whether it is a member of the target."""
    return dispersion(membership) < 0.5


def rarer_shadows(membership: np.ndarray) -> np.ndarray:
    """How many shadows of the rarer kind, with it or without, an image has for each target.

    Args:
        membership: bool (N, M).

    Returns:
        int (N, M).
    """
    inside = np.asarray(membership, bool)
    count = inside.sum(axis=1, keepdims=True)
    # The target is none of its own shadows; nor is, where they are matched, one of the other kind.
    matched = counted(inside)
    with_it, without = count - (inside | matched), inside.shape[1] - count - (~inside | matched)
    return np.minimum(with_it, without)


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
    enough = rarer_shadows(membership) >= FEWEST
    for name, kind in (("members", membership == 1), ("non-members", membership == 0)):
        if not enough[kind].any():
            raise UserError(
                f"expected, beside the target, at least {FEWEST} shadows with an image and "
                f"{FEWEST} without it, got fewer for all {name} of {membership.shape[1]} models"
            )
