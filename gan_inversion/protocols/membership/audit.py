"""Every attack on every signal: from matrices to the metrics of a `membership` record."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.record import Metric, at, metric
from gan_inversion.metrics.intervals import bootstrap_mean
from gan_inversion.metrics.leak import Leak, audited_epsilon, half_of, leak, without_copies
from gan_inversion.metrics.membership import ATTACKS, TWO_NEEDED
from gan_inversion.metrics.membership import FEWEST as SHADOWS
from gan_inversion.metrics.one_run import gaussian, one_run_epsilon, pure
from gan_inversion.metrics.targets import check_matrices, every_target, rarer_shadows
from gan_inversion.metrics.usage import usage_errors

LOSS = "log_mse"  # the signal of the attacks that are given one only
CONTRAST = "contrast"  # the signal of canaries that needs no shadow models
QUERIES = "queries"  # that signal of each audited image, where a row has several
TOGETHER = "together"  # in names, instead of a signal: all signals at once
READY = "ready"  # prefix of raw scores that are those of an attack
QUANTILE = "quantile"  # attack that needs features of the images, and no shadows
REFERENCES = (1, 2, 4)  # shadows with an image, and as many without it, that an auditor may have
ONE_RUN = {"one_run": pure, "one_run_gaussian": gaussian}  # bounds from one model alone
ALONE = ("threshold", CONTRAST)  # attack and signal that look at one model alone
FOLDERS = (100, 500)  # images of a folder whose share of members is estimated
STRONG = "lira_offline_fixed"  # attack of the overviews, and of folders and persons
RANGE = "ramia"  # attack that asks about each image of a subject, not about their mean
WITHIN = ("threshold", STRONG)  # attacks that are also run within one subject
DELTA = 1e-5  # delta of differential privacy, for the proven epsilon
FEWEST = 20  # images that a group must have to be audited alone
RESAMPLES = 200  # of the intervals with few shadows, of which there are many
POINTS = np.logspace(-4, 0, 81)  # false positive rates of the points of a stored ROC curve


@dataclass(frozen=True)
class Rows:
    """What the rows of a matrix of signals stand for, and which of them are members.

    Attributes:
        membership: bool (R, M): which row is a member of which model.
        subjects: (R,), subject of each row, which intervals resample.
        unit: of a row, `image` or `subject`.
        seed: for the resampling.
    """

    membership: np.ndarray
    subjects: np.ndarray
    unit: str
    seed: int

    def measured(self, scores: np.ndarray, **options: Any) -> Leak:
        """How well scores, float (R, M), tell members; options as for `leak`."""
        return leak(scores, self.membership, self.subjects, seed=self.seed, **options)


def audit(
    signals: Mapping[str, np.ndarray],
    rows: Rows,
    *,
    fprs: Sequence[float],
    ready: Mapping[str, np.ndarray] = MappingProxyType({}),
    attacks: Collection[str] = ATTACKS.keys(),
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Run every attack on every signal, and on all signals together.

    Args:
        signals: name -> float (R, M).
        rows: what the signals are of.
        fprs: false positive rates at which true positive rates are computed.
        ready: `<attack>/<signal>` -> scores (R, M) of attacks that were run before.
        attacks: keys of `ATTACKS` to run.

    Returns:
        Metrics (under `<unit>/fit`: mean signals of members and of others); and a ROC curve for
        each attack and signal, float32 (2, P): false and true positive rates.

    Raises:
        UserError: the attacks cannot be run on these matrices.
    """
    if not signals:
        raise UserError("expected one signal or more, got none")
    inside, unit = rows.membership, rows.unit
    for name, signal in signals.items():
        if signal.ndim != 2:
            raise UserError(f"{name}: expected a matrix (images, models), got {signal.shape}")
        check_matrices(signal, inside)
    kinds = dict(signals)
    if len(signals) > 1:
        kinds[TOGETHER] = np.stack(list(signals.values()), axis=-1)
    metrics, curves = {}, {}
    for name, signal in signals.items():
        for side, chosen in (("members", inside), ("others", ~inside)):
            metrics[f"{unit}/fit/{name}/{side}"] = metric(
                signal[chosen].mean(dtype="float64"), n=chosen.sum()
            )
    todo = [f"{attack}/{kind}" for kind in kinds for attack in ATTACKS if attack in attacks]
    for label in progress([*todo, *ready], desc=f"{unit} attacks", unit="attack"):
        name = f"{unit}/{label}"
        attack, kind = label.split("/")
        if label in ready:
            scores = ready[label]
        else:
            scores = every_target(ATTACKS[attack], kinds[kind], inside)
        figures = rows.measured(scores, fprs=fprs)
        everyone = figures.members + figures.others
        metrics[f"{name}/auc"] = area(figures)
        metrics[f"{name}/balanced_accuracy"] = metric(
            figures.balanced[0], ci=figures.balanced[1], n=everyone
        )
        proven = audited_epsilon(scores, inside, rows.subjects, delta=DELTA, seed=rows.seed)
        metrics[f"{name}/epsilon"] = metric(proven, n=everyone)
        if attack == STRONG or (attack, kind) == ALONE:
            metrics |= audit_runs(scores, rows, name=name)
        for fpr, rate in figures.tpr.items():
            value, ci = rate or (float("nan"), None)
            metrics[at(f"{name}/tpr", fpr=fpr)] = metric(value, ci=ci, n=figures.others)
        kept = np.searchsorted(figures.curve[0], POINTS, side="right") - 1
        curves[f"{name}/roc"] = figures.curve[:, kept].astype("float32")
    return metrics, curves


def area(figures: Leak, n: int | None = None) -> Metric:
    """The area under the curve, as a metric; n: by default the number of scores."""
    return metric(figures.auc[0], ci=figures.auc[1], n=n or figures.members + figures.others)


def audit_runs(scores: np.ndarray, rows: Rows, *, name: str) -> dict[str, Metric]:
    """What guesses about one model alone prove of the privacy of its training.

    Args:
        scores: float (R, M), of an attack.
        rows: what the scores are of.
        name: of the attack's figures.

    Returns:
        `<name>/epsilon_<bound>` -> the median over the models, each of which proves one.
    """
    scores, inside, subjects = without_copies(scores, rows.membership, rows.subjects)
    chosen = half_of(subjects, rows.seed)  # the number of guesses is chosen on it
    metrics = {}
    for bound, rejects in ONE_RUN.items():
        proven = [
            one_run_epsilon(
                own[known], member[known], chosen[known], delta=DELTA, rejects=rejects,
                seed=rows.seed,
            )
            for own, member, known in zip(scores.T, inside.T, ~np.isnan(scores.T), strict=True)
        ]  # fmt: skip
        metrics[f"{name}/epsilon_{bound}"] = metric(np.median(proven), n=len(inside))
    return metrics


def audit_few(signal: np.ndarray, rows: Rows) -> dict[str, Metric]:
    """What an auditor learns from a signal, float (R, M), who has few shadow models.

    Returns:
        `few_<count>/<unit>/<attack>` -> AUC, where each image has that many shadows that
        were trained on it and as many that were not; offline attacks use only the latter.
    """
    inside = rows.membership
    shadows = rarer_shadows(inside)
    least = shadows[shadows >= SHADOWS].min()
    cases = [
        (attack, count)
        for count in REFERENCES
        for attack in ATTACKS
        if count <= least and attack != "threshold" and not (count < 2 and attack in TWO_NEEDED)
    ]
    metrics = {}
    for attack, count in progress(cases, desc=f"{rows.unit} with few shadows", unit="attack"):
        scores = every_target(ATTACKS[attack], signal, inside, references=count)
        figures = rows.measured(scores, fprs=(), resamples=RESAMPLES)
        metrics[f"few_{count}/{rows.unit}/{attack}"] = area(figures)
    return metrics


def audit_usage(signal: np.ndarray, rows: Rows) -> dict[str, Metric]:
    """How well an auditor estimates which share of a folder a model was trained on.

    Returns:
        `usage_<images of a folder>/<unit>` -> mean error of the share that a signal, float (R, M),
        gives; its interval resamples the models.
    """
    inside = rows.membership
    scores = every_target(ATTACKS[STRONG], signal, inside)
    scored = ~np.isnan(scores)
    least = min((kind & scored).sum(axis=0).min() for kind in (inside, ~inside))
    metrics = {}
    for size in (size for size in FOLDERS if size <= least):
        errors = usage_errors(scores, inside, size=size, folders=100, seed=rows.seed)
        ci = bootstrap_mean(errors.mean(axis=1), np.arange(len(errors)), seed=rows.seed)
        metrics[f"usage_{size}/{rows.unit}"] = metric(errors.mean(), ci=ci, n=errors.size)
    return metrics


def audit_within(signal: np.ndarray, rows: Rows, groups: np.ndarray) -> dict[str, Metric]:
    """Attack among the images of each single group, such as the thesis' one president.

    Args:
        signal: float (R, M).
        rows: what the signal is of.
        groups: (R,), group of each image, often its subject.

    Returns:
        `within/<group>/<attack>` -> AUC over the images of a group with 20 or more.
    """
    names = groups_within(rows.membership, groups)
    metrics = {}
    for attack in WITHIN:
        scores = every_target(ATTACKS[attack], signal, rows.membership)
        for name in names:
            own = np.flatnonzero(groups == name)
            subjects = rows.subjects[own]
            if len(np.unique(subjects)) == 1:  # one person: the images are resampled
                subjects = own
            among = replace(rows, membership=rows.membership[own], subjects=subjects)
            figures = among.measured(scores[own], fprs=())
            metrics[f"within/{name}/{attack}"] = area(figures, len(own))
    return metrics


def groups_within(membership: np.ndarray, groups: np.ndarray) -> list[np.str_]:
    """The groups of 20 rows or more that have members and others with enough shadows."""
    names, counts = np.unique(groups, return_counts=True)
    enough, inside = rarer_shadows(membership) >= SHADOWS, np.asarray(membership, bool)
    kinds = (enough & inside).any(axis=1), (enough & ~inside).any(axis=1)
    return [n for n in names[counts >= FEWEST] if all(kind[groups == n].any() for kind in kinds)]


def attack_unit(
    signals: Mapping[str, np.ndarray],
    membership: np.ndarray,
    people: np.ndarray,
    *,
    unit: str,
    seed: int,
    attacks: Collection[str] = ATTACKS.keys(),
    **given: Any,
) -> tuple[dict[str, Metric], dict[str, np.ndarray]]:
    """Attack the signals of one unit; for images also within single subjects.

    Args:
        signals: name -> float (R, M).
        membership: bool (R, M).
        people: the subject of each audited image; with the unit `image` there is one image a row.
        unit: `image` or `subject`.
        seed: for the resampling.
        attacks: keys of `ATTACKS` to run; with all of them also from few shadows, and on folders.
        given: `fprs` and `ready` of `audit`.

    Returns:
        Metrics, and the curves behind them.
    """
    own = np.arange(len(membership))
    rows = Rows(membership, people if unit == "image" else own, unit, seed)
    metrics, curves = audit(signals, rows, attacks=attacks, **given)
    every = set(attacks) == ATTACKS.keys()
    if LOSS in signals and every:
        metrics |= audit_few(signals[LOSS], rows)
    if LOSS in signals and unit == "image":
        if every:
            metrics |= audit_usage(signals[LOSS], rows)
        metrics |= audit_within(signals[LOSS], replace(rows, subjects=own), people)
    return metrics, curves


def signals_of(scores: Mapping[str, np.ndarray], unit: str) -> dict[str, np.ndarray]:
    """The signals of a unit among the raw scores of a record: name -> float (R, M)."""
    shape = scores[f"{unit}/membership"].shape
    return {
        name.split("/")[1]: values
        for name, values in scores.items()
        if name.startswith(f"{unit}/") and values.shape == shape and values.dtype.kind == "f"
    }


def ready_in(scores: Mapping[str, np.ndarray], unit: str) -> dict[str, np.ndarray]:
    """Scores of attacks that need more than signals, among the raw scores of a record."""
    prefix = f"{READY}/{unit}/"
    return {
        name.removeprefix(prefix): values
        for name, values in scores.items()
        if name.startswith(prefix)
    }
