"""Set a recogniser's thresholds on real impostor pairs, and enter them in the registry."""

import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from experiments.common import main, peak_memory, rehearsed
from experiments.own import open_embedder
from gan_inversion.data import Align, Dataset, DatasetName, open_dataset
from gan_inversion.embedders import Embedder, embed_cached
from gan_inversion.errors import UserError
from gan_inversion.evaluation.attack import rejected
from gan_inversion.evaluation.verification import impostors
from gan_inversion.protocols import Inversion
from gan_inversion.thresholds import Threshold, add_thresholds, read_thresholds


@dataclass(frozen=True)
class Options:
    """Score every pair of images of different subjects, and enter the thresholds in the registry.

    Cost: on LFW's 87 million pairs 15 seconds a recogniser on two CPU cores, once its embeddings
    are cached (facenet: 3 minutes, dlib: 9).
    """

    embedders: tuple[str, ...] = ("facenet", "dlib")
    """Recognisers: facenet, dlib, compact, or your own as file.py:function."""

    view: str = "aligned"
    """View of the frame: whole or aligned."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    registry: Path = Path("results/thresholds.json")
    """The registry."""

    smoke: bool = False
    """A rehearsal with compact on synthetic faces, registry under `runs`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    registry = Path("runs/smoke/thresholds.json")
    return replace(options, dataset="synthetic", embedders=("compact",), registry=registry)


def embed_view(embedder: Embedder, dataset: Dataset, *, view: str, resample: str) -> np.ndarray:
    """Embeddings of a whole dataset, cached: float32 (N, D), NaN in rows of rejected pictures.

    Raises:
        UserError: the recogniser rejects every picture.
    """
    images = dataset.view(view, resample=resample)
    key = f"{dataset.digest[:16]}-{view}-{resample}"
    embeddings = embed_cached(embedder, images, key=key)
    missing = np.flatnonzero(rejected(embeddings))
    if len(missing) == len(images):
        raise UserError(f"{embedder.name} rejects all {len(images)} real images")
    if len(missing):
        print(
            f"{embedder.name} rejects {len(missing)} of {len(images)} real images, "
            f"{dataset.files[missing[0]]} first",
            file=sys.stderr,
        )
    return embeddings


def set_thresholds(
    registry: Path,
    embedder: Embedder,
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
        embedder: the recogniser.
        dataset: the faces.
        embeddings: float32 (N, D), of all of them, unit norm; NaN where rejected, which make no
            pairs.
        protocol: says view, filter and rates.
        part: indices of the validation images; None for all images.
        split_hash: of the split that the part belongs to.
    """
    condition = _condition(embedder, dataset, protocol, part, split_hash)
    known = {
        line.fmr: line
        for line in read_thresholds(registry)
        if all(getattr(line, name) == value for name, value in condition.items())
    }
    if set(protocol.fmrs) <= set(known):
        return known
    found = thresholds_of(
        embedder, dataset, embeddings, protocol=protocol, part=part, split_hash=split_hash
    )
    add_thresholds(registry, found.values())
    return found


def thresholds_of(
    embedder: Embedder,
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
    found = impostors(embeddings[chosen], dataset.subjects[chosen], fmrs=protocol.fmrs)
    condition = _condition(embedder, dataset, protocol, part, split_hash)
    return {
        fmr: Threshold(
            **condition,
            fmr=fmr,
            threshold=None if math.isnan(threshold) else threshold,
            interval=found.intervals.get(fmr),
            pairs=found.count,
        )
        for fmr, threshold in found.thresholds.items()
    }


def _condition(
    embedder: Embedder,
    dataset: Dataset,
    protocol: Inversion,
    part: np.ndarray | None,
    split_hash: str,
) -> dict[str, str]:
    """What a line of the registry is looked up by, but for the rate."""
    return {
        "recogniser": embedder.name,
        "recogniser_digest": embedder.digest,
        "dataset": dataset.name,
        "data_digest": dataset.digest,
        "view": protocol.view,
        "resample": protocol.resample,
        "subjects": "all" if part is None else f"validation of split {split_hash}",
        "precision": embedder.precision,
    }


def borrowed_thresholds(
    registry: Path, embedder: Embedder, dataset: Dataset, *, protocol: Inversion
) -> dict[float, Threshold]:
    """Thresholds by false match rate that a registry holds for a recogniser on other data.

    Args:
        registry: the file.
        embedder: the recogniser.
        dataset: the faces, whose own lines do not count: they know the test subjects.
        protocol: says view, filter and rates.

    Raises:
        UserError: it has none for this recogniser, view and filter, or some of several data sets.
    """
    wanted = (
        embedder.name,
        embedder.digest,
        embedder.precision,
        protocol.view,
        protocol.resample,
        "all",
    )
    found = [
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
    lines = {line.fmr: line for line in found}
    if not set(protocol.fmrs) <= set(lines) or len(found) > len(lines):
        raise UserError(
            f"expected one threshold of {embedder.name} ({protocol.view}, all subjects of other "
            f"data) at each FMR of the protocol in {registry}, got {len(found)} for "
            f"{len(protocol.fmrs)} rates: enter them with `python -m experiments.thresholds`"
        )
    return {fmr: lines[fmr] for fmr in protocol.fmrs}


def run_all(options: Options) -> None:
    """Enter the thresholds of every recogniser on all subjects."""
    options = rehearsed(options, rehearsal)
    protocol = Inversion(view=options.view)
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    for name in options.embedders:
        embedder = open_embedder(name)
        embeddings = embed_view(embedder, dataset, view=protocol.view, resample=protocol.resample)
        start = time.perf_counter()
        found = set_thresholds(options.registry, embedder, dataset, embeddings, protocol=protocol)
        seconds = time.perf_counter() - start
        for fmr, line in sorted(found.items(), reverse=True):
            print(f"{name} FMR {fmr:g}: {line.threshold} {line.interval}, {line.pairs} pairs")
        print(f"{seconds:.1f} seconds, peak memory {peak_memory()} GiB")
    print(f"{options.registry} written")


if __name__ == "__main__":
    main(Options, run_all)
