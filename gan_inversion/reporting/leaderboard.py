"""The leaderboard: attacks by victim and by what the attacker knows, best first; and new entries.

An entry is one record of the `inversion` protocol on LFW with its raw scores, as RobustBench
(Croce et al., NeurIPS 2021) has one JSON file an entry.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, Selection, at, read_record, read_scores
from gan_inversion.core.storage import sha256
from gan_inversion.metrics.catalogue import form, title
from gan_inversion.protocols import INDEPENDENT, Inversion, read_split
from gan_inversion.protocols.inversion.elsewhere import read_reconstructions
from gan_inversion.protocols.inversion.rules import PICTURES
from gan_inversion.reporting.check import COMPUTE, differences
from gan_inversion.reporting.comparison import comparison
from gan_inversion.reporting.table import Row, Table, cell, footer, mean_of
from gan_inversion.reporting.tables import find_records

NO_ATTACKS = ("oracle", "random", "mean_face", "translated")  # ceilings and floors
WORDS = {
    "black_box": "the attacker has photographs with their embeddings, and recognisers of his own",
    "white_box": "the attacker also has a copy of the victim, and its gradients",
}


def leaderboard(
    victims: Mapping[str, Sequence[Record]], *, entered: Collection[str] = ()
) -> list[Table]:
    """A table for each victim and each knowledge, sorted by type-II SAR at the victim.

    Args:
        victims: victim -> records of the `inversion` protocol.
        entered: methods that others have entered.
    """
    tables = []
    for victim, records in victims.items():
        runs = comparison(records, ())
        names = [victim, *(judge for judge in INDEPENDENT if judge != victim)]
        first = at(f"{victim}/sar_type2", fmr=1e-3)
        figures = [first, at(f"{victim}/sar_type1", fmr=1e-3)]
        figures += [at(f"{name}/sar_type2", fmr=1e-3) for name in names[1:]]
        figures += ["ssim", "swd/mean"]
        header = ["inverter", "place", "from", "seeds"]
        header += [f"{title(f, condition=False)}, {f.split('/')[0]}" for f in figures[:-2]]
        header += [title(figure) for figure in figures[-2:]]
        for knowledge, words in WORDS.items():
            groups = [
                runs.groups[method]
                for method in runs.whole
                if runs.groups[method][0].knowledge == knowledge
                and runs.groups[method][0].trained["family"] not in NO_ATTACKS
            ]
            groups.sort(key=lambda group: -(mean_of(group, first) or 0))
            rows: list[Row] = []
            for place, group in enumerate(groups, 1):
                source = "an entry" if group[0].method in entered else "this benchmark"
                cells = [cell(group, f, form=form(f, short=True)) or "not yet" for f in figures]
                rows.append([group[0].method, str(place), source, str(len(group)), *cells])
            if rows:
                shown = [record for group in groups for record in group]
                caption = f"Victim {victim}, {knowledge.replace('_', ' ')}: {words}."
                name = f"leaderboard_{victim}_{knowledge}"
                notes = _notes(victim, footer(shown, "inversion"))
                tables.append(Table(name, caption, header, rows, notes))
    return tables


def _notes(victim: str, end: str) -> list[str]:
    return [
        "SAR is the share of reconstructions that a recogniser accepts as the person, at a false "
        "match rate of 0.1 %. Type-I compares a reconstruction with the image whose embedding was "
        "inverted, type-II with another image of the person; rows are sorted by type-II SAR at "
        f"{victim}. No training or choice leans on {' and '.join(INDEPENDENT)} unless they are the "
        "victim.",
        "To enter, examine your inverter by `python -m experiments.inversion`, as "
        "[own.md](own.md) shows, and give the record to `python -m experiments.submit`: it checks "
        "the record and says what to send. Entries are the records in results/entries/inversion.",
        end,
    ]


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
    record, scores, rules = read_record(path), read_scores(path), Inversion()
    public = {"protocol": rules.name, "protocol_hash": rules.hash, "dataset": "lfw", "part": "test",
              "protection": "none"}  # fmt: skip
    for field, value in public.items():
        if (own := getattr(record, field)) != value:
            raise UserError(f"{path}: expected {field} {value}, got {own}")
    if record.knowledge not in WORDS or record.trained["family"] in NO_ATTACKS:
        raise UserError(f"{path}: expected an attack, black_box or white_box, got {record.method}")
    chosen = Selection(victim=record.victim)
    others = find_records(published / "records", rules.name, chosen)
    if not others:
        raise UserError(f"{path}: expected a victim of the benchmark, got {record.victim}")
    if record.method in {other.method for other in others}:
        raise UserError(f"{path}: the benchmark has a method {record.method}; expected a new name")
    comparison([*others, record], ())  # one protocol, data, victim, split, and thresholds
    _check_recognisers(path, record, others)
    whole = read_scores(others[0].path(published / "records"))["test_index"]
    if not np.array_equal(scores["test_index"], whole):
        raise UserError(
            f"{path}: expected scores of the {len(whole):,} test images in their order, got "
            f"{len(scores['test_index']):,} or another order"
        )
    computed = COMPUTE[rules.name](record, scores, published)
    if left_out := sorted(computed.keys() - record.metrics.keys()):
        raise UserError(f"{path}: expected the figure {left_out[0]}, which its raw scores give")
    if unknown := differences(record, computed):
        raise UserError(f"{path}: expected raw scores for every figure, got none for {unknown[0]}")
    _check_pictures(path, record, published, scores["test_index"], reconstructions)
    return record


def _check_recognisers(path: Path, record: Record, others: Sequence[Record]) -> None:
    known = {n: d["digest"] for r in others for n, d in r.config["recognisers"].items()}
    own = record.config["recognisers"]
    for name in (record.victim, *INDEPENDENT):
        if name not in own:
            raise UserError(f"{path}: expected the judge {name}, got {', '.join(own)}")
        if own[name]["digest"] != known[name]:
            raise UserError(f"{path}: its {name} has other weights than the benchmark's")


def _check_pictures(
    path: Path, record: Record, published: Path, test: np.ndarray, folder: Path | None
) -> None:
    digest = record.config.get(PICTURES)
    if digest is None:
        raise UserError(
            f"{path}: expected {PICTURES}, the digest of its reconstructions, which every newer "
            "record holds, got none; examine the inverter again"
        )
    if folder is not None:
        split = read_split(published / "splits" / f"{record.dataset}-{record.config['split']}.csv")
        files = list(split)
        actual = sha256(read_reconstructions(folder, [files[place] for place in test]).data)
        if actual != digest:
            raise UserError(
                f"{folder}: expected the reconstructions of the record, digest {digest[:12]}, got "
                f"{actual[:12]}"
            )


def what_to_send(path: Path, record: Record) -> str:
    """What the authors of an entry send, in sentences."""
    elsewhere = record.trained["family"] == "elsewhere"
    source = "its reconstructions" if elsewhere else "the code that makes its reconstructions"
    changed = " It was made by a changed copy of this repository: say how." * record.env["dirty"]
    return (
        f"{path} can enter the leaderboard: every figure was computed from its raw scores again.\n"
        f"Send, as a pull request that adds them to results/entries/inversion: {path.name} and "
        f"{path.with_suffix('.npz').name}. Beside them, name the authors, the paper or the code, "
        f"and where others find {source} (SHA-256 {record.config[PICTURES]}).{changed}"
    )
