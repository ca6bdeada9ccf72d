"""Checks of a run: is it done already, does it repeat its record, are its images shifted?"""

from pathlib import Path
from typing import Any

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.own import is_own
from gan_inversion.core.record import Record, at, entry_name, read_scores
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.data import Dataset
from gan_inversion.inverters.families import MethodSpec
from gan_inversion.inverters.own import Own
from gan_inversion.inverters.trained import RECORD
from gan_inversion.metrics.attack import other_images, subject_mean
from gan_inversion.metrics.intervals import bootstrap_mean
from gan_inversion.metrics.reconstruction import PER_IMAGE
from gan_inversion.protocols.inversion.bench import Setting
from gan_inversion.protocols.inversion.examination import Examination
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.protocols.records import check_options, check_record, check_thresholds
from gan_inversion.recognisers import name_of, open_recogniser


def run_folder(name: str, seed: int, folders: Folders, dataset: str, victim: str) -> Path:
    """The folder of a run of this protocol."""
    return folders.runs / Inversion().name / entry_name(name, dataset, seed, victim=victim)


def is_done(
    spec: MethodSpec, seed: int, *, setting: Setting, folders: Folders, dataset: Dataset
) -> bool:
    """Whether a run can be skipped: its inverter was trained and examined with these options.

    No embedding is computed to decide this. A published record without its trained inverter is not
    enough: the inverter is trained, and compared with the record.

    Raises:
        UserError: a record was made under other conditions.
    """
    chosen = setting.selection
    path = chosen.path(folders.records, Inversion().name, spec.name, seed)
    own = run_folder(spec.name, seed, folders, dataset.name, chosen.victim) / RECORD
    inverter = spec.make()
    wanted = dict(inverter.config)
    if wanted.get("precision") == "auto":
        del wanted["precision"]  # the machine chooses it
    condition = {"protocol_hash": Inversion().hash, "data_digest": dataset.digest}
    if isinstance(spec.options, Own):
        condition |= {name: getattr(spec.options, name) for name in ("source_digest", "knowledge")}
    if is_own(setting.victim):
        condition["victim_digest"] = open_recogniser(setting.victim).digest
    records = {file: Record.read(file) for file in (path, own) if file.exists()}
    for file, record in records.items():
        check_record(record, file, **condition)
        if record.part != setting.part:
            raise UserError(f"{file} is of the {record.part} part: expected {setting.part}")
        # Older records hold fewer options of an inverter.
        check_options(record, file, {n: v for n, v in wanted.items() if n in record.config})
        check_thresholds(record, file, _thresholds(record, setting.thresholds, dataset))
    asked = list(map(name_of, (setting.victim, *setting.judges)))
    if own in records and path not in records:
        if set(asked) != set(records[own].config["recognisers"]):
            return False  # examined by other recognisers
        if PER_IMAGE.keys() - records[own].metrics.keys():
            return False  # examined before there was this metric
        records[own].write_to(path, read_scores(own))
        print(f"{path} written from its run")
    elif path not in records or (own not in records and inverter.saves):
        return False
    else:
        lacking = [n for n in asked if n not in records[path].config["recognisers"]]
        more = f" (without {', '.join(lacking)}: remove it, and it is made anew)" if lacking else ""
        print(f"{path} exists: skipped{more}")
    return True


def _thresholds(
    record: Record, registry: Path | None, dataset: Dataset
) -> dict[str, dict[str, Any]]:
    """What the recognisers of a record must declare of their thresholds, for `check_thresholds`.

    Args:
        record: of this protocol.
        registry: of thresholds set on other data; None for thresholds set on this data.
        dataset: the faces.
    """
    names = record.config["recognisers"]
    if registry is None:
        own = f"validation of split {record.config['split']}, {dataset.name} {dataset.digest[:12]}"
        return {name: {"impostors": own} for name in names}
    protocol = Inversion()
    lines = [
        line
        for line in read_thresholds(registry)
        if (line.view, line.resample) == (protocol.view, protocol.resample)
        and line.fmr in protocol.fmrs
        and line.data_digest != dataset.digest
    ]
    return {
        name: {
            "thresholds": {
                f"{line.fmr:g}": line.threshold for line in lines if line.recogniser == name
            }
        }
        for name in names
    }


def compared(published: Record, own: Record) -> str:
    """A sentence that compares a repeated training with its published record."""
    name = own.victim
    figures = {
        f"type-{kind} success rate at FMR 0.1 %": at(f"{name}/sar_type{number}", fmr=1e-3)
        for number, kind in enumerate(("I", "II"), 1)
    } | {"cosine": f"{name}/cosine_mean"}
    parts = []
    for words, figure in figures.items():
        values = [
            record.metrics[figure].value for record in (published, own) if figure in record.metrics
        ]
        texts = ["n/a" if value is None else f"{value:.3f}" for value in values]
        parts += [f"{words} published {texts[0]}, yours {texts[1]}"] if len(texts) == 2 else []
    return f"{own.method}, seed {own.seed}: {'; '.join(parts)}; the published record stays"


def looks_shifted(examination: Examination, name: str, subjects: np.ndarray) -> str | None:
    """A warning if reconstructions are less like their own image than like others of the subject.

    Args:
        examination: with the scores of the reconstructions.
        name: name of the attacked recogniser.
        subjects: (N,), subject of each inverted image.
    """
    if f"{name}/type2" not in examination.scores:
        return None
    first, second = examination.scores[f"{name}/type1"], examination.scores[f"{name}/type2"]
    inverted, _ = other_images(subjects)
    images, means = subject_mean(second, inverted)
    more = first[images] - means
    if bootstrap_mean(more, subjects[images])[1] >= 0:
        return None
    return (
        f"reconstructions are less similar to the images whose embeddings were inverted (mean "
        f"cosine {first[images].mean():.3f}) than to other images of the same people "
        f"({means.mean():.3f}): are the rows of the index shifted?"
    )
