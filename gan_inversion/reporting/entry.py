"""An entry of the leaderboard: one record of the `inversion` protocol on LFW with its raw scores.

RobustBench (Croce et al., NeurIPS 2021) has one JSON file an entry. A checksum proves nothing, so
that whatever the scores give is computed again, and the scores must have the form of the
benchmark's own. What is beyond that, whoever accepts an entry finds out by making it again.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.options import plain
from gan_inversion.core.places import real
from gan_inversion.core.record import Record, Selection, read_record, read_scores
from gan_inversion.core.storage import sha256
from gan_inversion.inverters.families import FAMILIES
from gan_inversion.metrics.figures import SEVERAL, Scores
from gan_inversion.metrics.reconstruction import PER_IMAGE
from gan_inversion.protocols import INDEPENDENT, Inversion, read_split
from gan_inversion.protocols.inversion.elsewhere import read_reconstructions
from gan_inversion.protocols.inversion.rules import PICTURES
from gan_inversion.reporting.check import COMPUTE, differences
from gan_inversion.reporting.comparison import PLAIN, comparison
from gan_inversion.reporting.leaderboard import WORDS
from gan_inversion.reporting.tables import find_records

# Least and greatest value of scores, by the last part of their name; others are only finite.
COSINE, POSITIVE = (-1.0, 1.0), (0.0, np.inf)
RANGES = {
    **dict.fromkeys(("type1", "type2", "others", "ssim", "outputs", "held_out"), COSINE),
    **dict.fromkeys(("psnr", "midlayer", "160", "80", "40", "20"), POSITIVE),
    **dict.fromkeys(("alike", *SEVERAL), COSINE),
    "rank": (1, np.inf),
    "diversity": POSITIVE,
}
OPTIONAL = ("rejected", "alike", "diversity", *SEVERAL)
SAME = ("test_index", "copy/held_out_index")  # of every record of a victim
ROUNDING = 1e-5


def check_entry(path: Path, published: Path, *, reconstructions: Path | None = None) -> Record:
    """Check a record that shall enter the leaderboard.

    Args:
        path: the record; its raw scores lie beside it.
        published: the `results` folder of the benchmark.
        reconstructions: folder of the reconstructions with an `index.csv`, if they are at hand.

    Raises:
        UserError: it is no record of the public protocol on LFW, a figure is not what its raw
            scores give, or its thresholds, images or recognisers are not the benchmark's.
    """
    record, scores = read_record(real(path)), read_scores(path)
    try:
        _check(record, scores, published, reconstructions)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise UserError(
            f"{path}: expected the fields and scores of a record of the inversion protocol, got "
            f"others ({type(error).__name__}: {error})"
        ) from error
    return record


def _check(record: Record, scores: Scores, published: Path, reconstructions: Path | None) -> None:
    if not (published / "records" / Inversion().name).is_dir():
        raise UserError(f"expected the results of the benchmark in {published}, found none")
    others = _peers(record, published)
    comparison([*others, record], ())  # one protocol, data, victim, split, and thresholds
    _check_recognisers(record, others)
    # The record that most judges have seen has every score; that of vectors has no pictures.
    model = max(others, key=lambda other: len(other.metrics))
    whole = read_scores(model.path(published / "records"))
    check_scores(scores, whole)
    computed = COMPUTE[record.protocol](record, scores, published)
    if left_out := sorted(computed.keys() - record.metrics.keys()):
        raise UserError(f"expected the figure {left_out[0]}, which its raw scores give")
    if unknown := differences(record, computed):
        raise UserError(f"expected raw scores for every figure, got none for {unknown[0]}")
    digest = record.config.get(PICTURES)
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
        raise UserError(
            f"expected {PICTURES}, the SHA-256 of its reconstructions, which every newer record "
            "holds, got none; examine the inverter again"
        )
    if reconstructions is not None:
        name = f"{record.dataset}-{record.config['split']}.csv"
        files = list(read_split(published / "splits" / name))
        test = [files[place] for place in scores["test_index"]]
        actual = sha256(read_reconstructions(reconstructions, test).data)
        if actual != digest:
            raise UserError(
                f"expected the reconstructions of the record, digest {digest[:12]}, in "
                f"{reconstructions}, got {actual[:12]}"
            )


def _peers(record: Record, published: Path) -> list[Record]:
    """The benchmark's records of the same victim, if the record is one of the public protocol."""
    rules, spec = Inversion(), record.trained
    public = {
        "protocol": (record.protocol, rules.name),
        "protocol_hash": (record.protocol_hash, rules.hash),
        "rules": (record.config.get("protocol"), plain(rules)),
        "dataset": (record.dataset, "lfw"),
        "part": (record.part, "test"),
        "protection": (record.protection, "none"),
        "training_images": (spec["training_images"], None),
        "name": (spec["name"], record.method),
    }
    for field, (own, value) in public.items():
        if own != value:
            raise UserError(f"expected {field} {value}, got {own}")
    if record.knowledge not in WORDS or spec["family"] in PLAIN:
        raise UserError(f"expected an attack, black_box or white_box, got {record.method}")
    if spec["family"] not in (*FAMILIES, "elsewhere"):
        raise UserError(f"expected a family of {', '.join(FAMILIES)}, got {spec['family']}")
    others = find_records(published / "records", rules.name, Selection(victim=record.victim))
    if not others:
        raise UserError(f"expected a victim of the benchmark, got {record.victim}")
    if record.method in {other.method for other in others}:
        raise UserError(f"the benchmark has a method {record.method}; expected a new name")
    return others


def _check_recognisers(record: Record, others: Sequence[Record]) -> None:
    known = {n: d["digest"] for r in others for n, d in r.config["recognisers"].items()}
    own = record.config["recognisers"]
    for name in (record.victim, *INDEPENDENT):
        if name not in own:
            raise UserError(f"expected the judge {name}, got {', '.join(own)}")
    for name, declared in own.items():
        if name not in known:
            raise UserError(f"expected judges of {', '.join(known)}, got {name}")
        if declared["digest"] != known[name]:
            raise UserError(f"its {name} has other weights than the benchmark's")


def check_scores(scores: Scores, model: Scores) -> None:
    """Raise `UserError` unless raw scores have the form of another record's of the same victim.

    Args:
        scores: of the record.
        model: of a record with every score.
    """
    for name in SAME:
        if not np.array_equal(scores.get(name, ()), model[name]):
            raise UserError(
                f"expected {name} of the {len(model[name]):,} images of the benchmark in their "
                f"order, got {len(scores.get(name, ())):,} or another order"
            )
    missing = sorted(name for name in model if name not in scores and not _optional(name))
    if missing:
        raise UserError(f"expected the raw scores {missing[0]}, got none")
    for name, values in scores.items():
        if name in model:
            wanted = model[name].shape, model[name].dtype
            if (values.shape, values.dtype) != wanted:
                raise UserError(
                    f"expected {wanted[1]} {wanted[0]} as {name}, got {values.dtype} {values.shape}"
                )
        elif name in PER_IMAGE:  # a metric that is newer than the benchmark's records
            if values.shape != scores["test_index"].shape:
                raise UserError(f"expected a number for each image as {name}, got {values.shape}")
        elif not _optional(name) or name.split("/")[0] not in [n.split("/")[0] for n in model]:
            raise UserError(f"expected no raw scores {name}, which no figure is made of")
        low, high = RANGES.get(name.rpartition("/")[2], (-np.inf, np.inf))
        numbers = values.astype(float)
        if not (np.isfinite(numbers).all() and low - ROUNDING <= numbers.min(initial=low)
                and numbers.max(initial=low) <= high + ROUNDING):  # fmt: skip
            raise UserError(f"expected finite scores of {low:g} to {high:g} as {name}, got others")
    index, images = scores["c2st/index"], len(scores["test_index"])
    if len(np.unique(index)) < len(index) or index.min() < 0 or index.max() >= images:
        raise UserError(f"expected different indices of 0 to {images - 1} as c2st/index")
    for name in (name.removesuffix("/type1") for name in scores if name.endswith("/type1")):
        explained = np.zeros(images, bool)
        for kind in ("rejected", "undetected"):
            explained = explained | scores.get(f"{name}/{kind}", explained)
        if (~explained[scores[f"{name}/type1"] <= -1]).any():
            raise UserError(f"expected {name}/undetected or rejected where there is no score")


def _optional(name: str) -> bool:
    return name.rpartition("/")[2] in OPTIONAL


def what_to_send(path: Path, record: Record) -> str:
    """What the authors of an entry send, in sentences."""
    elsewhere = record.trained["family"] == "elsewhere"
    source = "its reconstructions" if elsewhere else "the code that makes its reconstructions"
    changed = "" if record.env.get("dirty") is False else (
        " It was made by a copy of this repository that was changed, or is no git repository: say "
        "which."
    )  # fmt: skip
    return (
        f"{path} can enter the leaderboard: every figure was computed from its raw scores again.\n"
        f"Send, as a pull request that adds them to results/entries/inversion: {path.name} and "
        f"{path.with_suffix('.npz').name}. Beside them, name the authors, the paper or the code, "
        f"and where others find {source} (SHA-256 {record.config[PICTURES]}).{changed}"
    )
