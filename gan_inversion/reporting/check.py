"""Check records: every figure that the raw scores beside a record give is computed again.

A checksum shows damage only: who alters a figure can compute it anew. What the raw scores do not
give, such as times, is returned by name; the tables of reconstruction name it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import gan_inversion
from gan_inversion.core.cache import cached_json
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.record import Metric, Record, Selection, at, read_scores
from gan_inversion.core.storage import cache_dir, manifest_digest, sha256_file
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.metrics.figures import Conditions, Scores, figures, success
from gan_inversion.metrics.membership import ATTACKS
from gan_inversion.protocols import Inversion, Membership, read_split
from gan_inversion.protocols.documented.figures import figures as documented_figures
from gan_inversion.protocols.membership.audit import attack_unit, ready_in, signals_of
from gan_inversion.protocols.search.figures import figures as search_figures
from gan_inversion.protocols.verification.figures import figures as verification_figures
from gan_inversion.reporting.comparison import ROUNDING
from gan_inversion.reporting.tables import LFW, find_records, read_records

ROOT = Path(gan_inversion.__file__).parent
TOLERANCE = 2e-5  # of figures: scores are stored in single precision


def check_records(records: Path, protocol: str, chosen: Selection = LFW) -> list[str]:
    """Compare the figures of the records of a protocol with those that their raw scores give.

    Args:
        records: folder of the records; `splits` and the threshold registry are beside it.
        protocol: a key of `COMPUTE`.
        chosen: which records.

    Returns:
        Names of the figures that the scores do not give, and that are therefore not checked.

    Raises:
        UserError: a figure or an interval differs.
    """
    paths = [record.path(records) for record in read_records(records, protocol, chosen)]
    # Attacks take half a minute a record, the figures of the other protocols a second.
    workers = -1 if protocol == Membership().name else 1
    todo = Parallel(workers, return_as="generator")(delayed(_remembered)(path) for path in paths)
    title = f"{protocol}: figures from raw scores"
    unknown = progress(todo, total=len(paths), desc=title, unit="record")
    return list(dict.fromkeys(name for names in unknown for name in names))


def check_quickly(records: Path, chosen: Selection) -> str:
    """Compare the figures of all records but the slow ones of membership.

    Returns:
        A sentence that says which figures were compared.

    Raises:
        UserError: a figure or an interval differs.
    """
    slow = Membership().name
    for protocol in sorted(COMPUTE.keys() - {slow}):
        if find_records(records, protocol, chosen):
            check_records(records, protocol, chosen)
    audits = [record.path(records) for record in find_records(records, slow, chosen)]
    rest = (
        "those of membership are as the records say, until `python -m experiments.tables` has "
        "computed them"
        if not all(_memory(path).exists() for path in audits)
        else "so were those of membership, with the same records and the same code"
    )
    return (
        "The figures of reconstruction were computed from the raw scores of their records again "
        f"before this page was written{'; ' + rest if audits else ''}."
    )


def check_record(path: Path) -> list[str]:
    """Compare the figures of one record with those that its raw scores give.

    Args:
        path: of the record, in a folder `records/<protocol>`; `splits` and the threshold registry
            are beside `records`.

    Returns:
        Names of the figures that the scores do not give, and that are therefore not checked.

    Raises:
        UserError: a figure or an interval differs.
    """
    record, scores = Record.read(path), read_scores(path)
    _check_registered(record, path.parents[2] / "thresholds.json")
    return differences(record, COMPUTE[record.protocol](record, scores, path.parents[2]))


def _check_registered(record: Record, registry: Path) -> None:
    """Raise `UserError` if a record accepts by other thresholds than the registry has for it.

    What accepts at a lower threshold is accepted more often: raw scores alone would not tell.
    """
    if record.protocol != Inversion().name:
        return
    lines = {
        (line.recogniser, line.recogniser_digest, f"{line.fmr:g}"): line.threshold
        for line in read_thresholds(registry)
        if line.subjects == f"validation of split {record.config['split']}"
        and line.data_digest == record.data_digest
    }
    for name, declared in record.config["recognisers"].items():
        for rate, value in declared["thresholds"].items():
            registered = lines.get((name, declared["digest"], rate), value)
            pair = np.array([value, registered], float)  # None: not resolved
            if not np.isclose(pair[0], pair[1], rtol=0, atol=ROUNDING, equal_nan=True):
                raise UserError(
                    f"the record of {record.method}, seed {record.seed}, accepts by {name} from "
                    f"{value} at an FMR of {rate}, and {registry} says {registered}"
                )


def differences(record: Record, computed: Mapping[str, Metric]) -> list[str]:
    """Names of the figures of a record that were not computed.

    Raises:
        UserError: a figure or an interval is not the computed one.
    """
    for name, measured in record.metrics.items():
        if name in computed and not _same(measured, computed[name]):
            raise UserError(
                f"the record of {record.method}, seed {record.seed}, says {name} {_text(measured)},"
                f" and its raw scores give {_text(computed[name])}"
            )
    return [name for name in record.metrics if name not in computed]


def conditions_of(
    record: Record, scores: Scores, files: Sequence[str], parts: np.ndarray
) -> Conditions:
    """The `Conditions` of an `inversion` record.

    Args:
        record: the record.
        scores: its raw scores.
        files: names of all images of the dataset, `subject/image`.
        parts: (N,), the part of the split that each is in.
    """
    # Numbers, in the order of the names: they are sorted for every interval.
    _, subjects = np.unique([file.split("/")[0] for file in files], return_inverse=True)
    declared = record.config["recognisers"]
    names = [record.victim, *(name for name in declared if name != record.victim)]
    thresholds = {
        name: {float(rate): value for rate, value in declared[name]["thresholds"].items()}
        for name in names
    }
    # The index leaves out images that the victim rejects; older records have no index.
    validation = scores.get("copy/held_out_index", np.flatnonzero(parts == "validation"))
    return Conditions(subjects[scores["test_index"]], subjects[validation], thresholds)


def _inversion(record: Record, scores: Scores, results: Path) -> dict[str, Metric]:
    files, parts = _split(_split_file(record, results))
    return figures(scores, conditions_of(record, scores, files, parts))


def _documented(record: Record, scores: Scores, results: Path) -> dict[str, Metric]:
    subjects = _subjects(next((results / "splits").glob(f"{record.dataset}-*.csv")))
    chosen = subjects[scores["test_index"]]
    return documented_figures(scores["test_loss"], scores["test_accuracy"], chosen)


def _verification(record: Record, scores: Scores, results: Path) -> dict[str, Metric]:
    names = {rate: at("threshold", fmr=rate) for rate in record.config["protocol"]["fmrs"]}
    # Where nobody knows who is who, there are none.
    thresholds = {r: record.metrics[n].value for r, n in names.items() if n in record.metrics}
    if "impostor_histogram" in scores:
        _check_counted(record, thresholds, scores["impostor_histogram"])
    return verification_figures(scores["scores"], scores["genuine"], scores["fold"], thresholds)


def _check_counted(
    record: Record, thresholds: Mapping[float, float | None], histogram: np.ndarray
) -> None:
    """Raise `UserError` if more or fewer impostor pairs lie above a threshold than its rate says.

    Within the bin of the histogram that holds the threshold their order is not known.
    """
    above = np.cumsum(histogram[::-1])[::-1]  # pairs in a bin or higher
    edges = np.linspace(-1, 1, len(histogram) + 1)
    for rate, threshold in thresholds.items():
        if threshold is None:
            continue
        place = int(np.clip(np.searchsorted(edges, threshold) - 1, 0, len(histogram) - 1))
        near = above[max(place - 1, 0)], above[place + 2] if place + 2 < len(above) else 0
        if not near[1] <= rate * above[0] <= near[0]:
            raise UserError(
                f"the record of {record.method}, seed {record.seed}, says that a share of {rate:g} "
                f"of the impostor pairs reaches {threshold:.4f}, and its histogram has "
                f"{near[1] / above[0]:g} to {near[0] / above[0]:g} there"
            )


def _search(record: Record, scores: Scores, results: Path) -> dict[str, Metric]:
    subjects = _subjects(next((results / "splits").glob(f"{record.dataset}-*.csv")))
    chosen = subjects[scores["held_out_index"]]
    own = {name: values for name, values in scores.items() if name != "held_out_index"}
    return search_figures(own, chosen)


def _membership(record: Record, scores: Scores, results: Path) -> dict[str, Metric]:
    path = _split_file(record, results)
    subjects, (_, parts) = _subjects(path), _split(path)
    metrics: dict[str, Metric] = {}
    for unit in record.config["units"]:
        people = subjects[scores[f"{unit}/asked"]]
        inside = scores[f"{unit}/membership"].astype(bool)
        fprs = record.config["protocol"]["fprs"]
        signals, ready = signals_of(scores, unit), ready_in(scores, unit)
        # A record that is older than an attack has no figures of it to compare.
        attacks = {name.split("/")[1] for name in record.metrics if name.startswith(f"{unit}/")}
        given = {"unit": unit, "fprs": fprs, "seed": record.seed, "ready": ready}
        given["attacks"] = attacks & ATTACKS.keys()
        metrics |= attack_unit(signals, inside, people, **given)[0]
    judges = {record.victim: record.victim_digest, **record.config.get("judges", {})}
    for name, digest in judges.items() if f"{record.victim}/type1" in scores else ():
        thresholds = {
            line.fmr: line.threshold
            for line in read_thresholds(results / "thresholds.json")
            if (line.recogniser, line.recogniser_digest) == (name, digest)
            and line.subjects == f"validation of split {record.config['split']}"
        }
        pair = scores[f"{name}/type1"], scores[f"{name}/type2"]
        metrics |= success(name, *pair, subjects[parts == "test"], thresholds)
    return metrics


COMPUTE: dict[str, Callable[[Record, Scores, Path], dict[str, Metric]]] = {
    "documented": _documented,
    "inversion": _inversion,
    "membership": _membership,
    "search": _search,
    "verification": _verification,
}


def _split_file(record: Record, results: Path) -> Path:
    return results / "splits" / f"{record.dataset}-{record.config['split']}.csv"


@lru_cache(maxsize=4)
def _split(path: Path) -> tuple[list[str], np.ndarray]:
    parts = read_split(path)
    return list(parts), np.array(list(parts.values()))


def _subjects(path: Path) -> np.ndarray:
    return np.array([file.split("/")[0] for file in _split(path)[0]])


def _remembered(path: Path) -> list[str]:
    """`check_record`, once for each content of the files that it reads and each version of it."""
    return cached_json(_memory(path), list, lambda: check_record(path))


def _memory(path: Path) -> Path:
    """The file in the cache that says which figures of a record are not checked, once it is."""
    results = path.parents[2]
    splits = sorted((results / "splits").glob("*.csv"))
    read = [path, path.with_suffix(".npz"), results / "thresholds.json", *splits]
    state = manifest_digest({file.name: sha256_file(file) for file in read if file.exists()})
    return cache_dir() / "checked" / f"{state}-{_code()}.json"


@cache
def _code() -> str:
    """Digest of the code that computes figures."""
    rooms = [ROOT / "metrics", ROOT / "protocols"]
    code = sorted(file for room in rooms for file in room.rglob("*.py"))
    return manifest_digest({str(file.relative_to(ROOT)): sha256_file(file) for file in code})[:16]


def _same(first: Metric, second: Metric) -> bool:
    if first.n != second.n or (first.value is None) != (second.value is None):
        return False
    pairs = [(first.value, second.value)] if first.value is not None else []
    if (first.ci is None) != (second.ci is None):
        return False
    if first.ci is not None and second.ci is not None:
        pairs += zip(first.ci, second.ci, strict=True)
    return all(abs(a - b) <= TOLERANCE * max(1.0, abs(b)) for a, b in pairs)  # type: ignore


def _text(figure: Metric) -> str:
    return f"{figure.value} {figure.ci} of {figure.n}"
