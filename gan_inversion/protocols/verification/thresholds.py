"""At which score a recogniser accepts: thresholds on real impostor pairs, and their registry."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.thresholds import Threshold, add_thresholds, read_thresholds
from gan_inversion.data import Dataset
from gan_inversion.metrics.attack import rejected
from gan_inversion.metrics.verification import impostors
from gan_inversion.protocols.inversion.rules import Inversion, Split
from gan_inversion.recognisers import Recogniser


def set_thresholds(
    registry: Path,
    recogniser: Recogniser,
    dataset: Dataset,
    embeddings: np.ndarray,
    *,
    protocol: Inversion,
    split: Split | None = None,
) -> dict[float, Threshold]:
    """Thresholds by false match rate, from the registry, or computed and entered there.

    Args:
        registry: the file.
        recogniser: the recogniser.
        dataset: the faces.
        embeddings: float32 (N, D), of all images, unit norm; NaN in rows of rejected images,
            which are in no pair.
        protocol: defines view, filter and false match rates.
        split: whose validation images are used; None for all images.
    """
    condition = _condition(recogniser, dataset, protocol, split)
    registered = {line.fmr: line for line in read_thresholds(registry) if _fits(line, condition)}
    if set(protocol.fmrs) <= set(registered):
        return registered
    lines = thresholds_of(recogniser, dataset, embeddings, protocol=protocol, split=split)
    add_thresholds(registry, lines.values())
    return lines


def thresholds_of(
    recogniser: Recogniser,
    dataset: Dataset,
    embeddings: np.ndarray,
    *,
    protocol: Inversion,
    split: Split | None = None,
) -> dict[float, Threshold]:
    """Thresholds by false match rate; arguments as for `set_thresholds`."""
    chosen = np.arange(len(embeddings)) if split is None else split.validation
    chosen = chosen[~rejected(embeddings[chosen])]
    scored = impostors(embeddings[chosen], dataset.subjects[chosen], fmrs=protocol.fmrs)
    condition = _condition(recogniser, dataset, protocol, split)
    return {
        fmr: Threshold(
            **condition,
            fmr=fmr,
            threshold=None if math.isnan(threshold) else threshold,
            interval=scored.intervals.get(fmr),
            pairs=scored.count,
        )
        for fmr, threshold in scored.thresholds.items()
    }


def _condition(
    recogniser: Recogniser, dataset: Dataset, protocol: Inversion, split: Split | None
) -> dict[str, str]:
    """The fields by which lines of the registry are looked up, without the false match rate."""
    return {
        "recogniser": recogniser.name,
        "recogniser_digest": recogniser.digest,
        "dataset": dataset.name,
        "data_digest": dataset.digest,
        "view": protocol.view,
        "resample": protocol.resample,
        "subjects": "all" if split is None else f"validation of split {split.hash}",
        "precision": recogniser.precision,
    }


def _fits(line: Threshold, condition: Mapping[str, str]) -> bool:
    return all(getattr(line, name) == value for name, value in condition.items())


def borrowed_thresholds(
    registry: Path, recogniser: Recogniser, dataset: Dataset, *, protocol: Inversion
) -> dict[float, Threshold]:
    """Thresholds by false match rate that a registry holds for a recogniser on other data.

    Args:
        registry: the file.
        recogniser: the recogniser.
        dataset: the faces; lines that were set on them are ignored: they include test subjects.
        protocol: defines view, filter and false match rates.

    Raises:
        UserError: it has none for this recogniser, view and filter, or those of several data sets.
    """
    wanted = _condition(recogniser, dataset, protocol, None)
    del wanted["dataset"], wanted["data_digest"]
    fitting = [
        line
        for line in read_thresholds(registry)
        if _fits(line, wanted) and line.data_digest != dataset.digest
    ]
    lines = {line.fmr: line for line in fitting}
    if not set(protocol.fmrs) <= set(lines) or len(fitting) > len(lines):
        raise UserError(
            f"expected one threshold of {recogniser.name} ({protocol.view}, all subjects of other "
            f"data) at each FMR of the protocol in {registry}, got {len(fitting)} for "
            f"{len(protocol.fmrs)} rates: enter them with `python -m experiments.thresholds`"
        )
    return {fmr: lines[fmr] for fmr in protocol.fmrs}
