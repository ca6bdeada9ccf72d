"""At which score a recogniser accepts: thresholds on real impostor pairs, and their registry."""

import math
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.thresholds import Threshold, add_thresholds, read_thresholds
from gan_inversion.data import Dataset
from gan_inversion.metrics.attack import rejected
from gan_inversion.metrics.verification import impostors
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.recognisers import Recogniser


def set_thresholds(
    registry: Path,
    recogniser: Recogniser,
    dataset: Dataset,
    embeddings: np.ndarray,
    *,
    protocol: Inversion,
    part: np.ndarray | None = None,
    split_hash: str = "",
) -> dict[float, Threshold]:
    """Thresholds by false match rate, from the registry, or computed and entered there.

    Args:
        registry: the file.
        recogniser: the recogniser.
        dataset: the faces.
        embeddings: float32 (N, D), of all images, unit norm; NaN in rows of rejected images,
            which are in no pair.
        protocol: defines view, filter and false match rates.
        part: indices of the validation images; None for all images.
        split_hash: of the split that the part belongs to.
    """
    condition = _condition(recogniser, dataset, protocol, part, split_hash)
    registered = {
        line.fmr: line
        for line in read_thresholds(registry)
        if all(getattr(line, name) == value for name, value in condition.items())
    }
    if set(protocol.fmrs) <= set(registered):
        return registered
    lines = thresholds_of(
        recogniser, dataset, embeddings, protocol=protocol, part=part, split_hash=split_hash
    )
    add_thresholds(registry, lines.values())
    return lines


def thresholds_of(
    recogniser: Recogniser,
    dataset: Dataset,
    embeddings: np.ndarray,
    *,
    protocol: Inversion,
    part: np.ndarray | None = None,
    split_hash: str = "",
) -> dict[float, Threshold]:
    """Thresholds by false match rate; arguments as for `set_thresholds`."""
    chosen = np.arange(len(embeddings)) if part is None else part
    chosen = chosen[~rejected(embeddings[chosen])]
    scored = impostors(embeddings[chosen], dataset.subjects[chosen], fmrs=protocol.fmrs)
    condition = _condition(recogniser, dataset, protocol, part, split_hash)
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
    recogniser: Recogniser,
    dataset: Dataset,
    protocol: Inversion,
    part: np.ndarray | None,
    split_hash: str,
) -> dict[str, str]:
    """The fields by which lines of the registry are looked up, without the false match rate."""
    return {
        "recogniser": recogniser.name,
        "recogniser_digest": recogniser.digest,
        "dataset": dataset.name,
        "data_digest": dataset.digest,
        "view": protocol.view,
        "resample": protocol.resample,
        "subjects": "all" if part is None else f"validation of split {split_hash}",
        "precision": recogniser.precision,
    }


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
    wanted = (
        recogniser.name,
        recogniser.digest,
        recogniser.precision,
        protocol.view,
        protocol.resample,
        "all",
    )
    fitting = [
        line
        for line in read_thresholds(registry)
        if (
            line.recogniser,
            line.recogniser_digest,
            line.precision,
            line.view,
            line.resample,
            line.subjects,
        )
        == wanted
        and line.data_digest != dataset.digest
    ]
    lines = {line.fmr: line for line in fitting}
    if not set(protocol.fmrs) <= set(lines) or len(fitting) > len(lines):
        raise UserError(
            f"expected one threshold of {recogniser.name} ({protocol.view}, all subjects of other "
            f"data) at each FMR of the protocol in {registry}, got {len(fitting)} for "
            f"{len(protocol.fmrs)} rates: enter them with `python -m experiments.thresholds`"
        )
    return {fmr: lines[fmr] for fmr in protocol.fmrs}
