"""Set a recogniser's thresholds on real impostor pairs, and enter them in the registry."""

import time
from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main, rehearsed
from gan_inversion.data.source import Source
from gan_inversion.protocols import Inversion


@dataclass(frozen=True)
class Options:
    """Set thresholds on all pairs of images of different subjects, and enter them in the registry.

    A threshold is the cosine from which on a recogniser takes two images for one subject, at a
    false match rate of 1 %, 0.1 % or 0.01 %. Needs the data, and the recognisers.
    Writes `registry`, and prints.

    Cost: on LFW's 87 million pairs 15 seconds a recogniser on two CPU cores, once its embeddings
    are cached (facenet: 3 minutes, dlib: 9).
    """

    recognisers: tuple[str, ...] = ("facenet", "dlib")
    """Recognisers: facenet, dlib, compact, or your own as file.py:name."""

    view: str = "aligned"
    """What recognisers see of an image: the whole frame (whole) or the aligned face (aligned)."""

    source: Flat[Source] = Source()

    registry: Path = Path("results/thresholds.json")
    """File that the thresholds are entered in, JSON."""

    smoke: bool = False
    """Rehearse with compact on synthetic faces; the registry is in `runs/smoke`."""


def run_all(options: Options) -> None:
    """Set every recogniser's thresholds on all subjects, and enter them in the registry."""
    registry = Path("runs/smoke/thresholds.json")
    options = rehearsed(options, recognisers=("compact",), registry=registry)

    from gan_inversion.core.device import peak_memory
    from gan_inversion.protocols.verification.thresholds import set_thresholds
    from gan_inversion.recognisers import embed_view, open_recogniser

    protocol, dataset = Inversion(view=options.view), options.source.open()
    for name in options.recognisers:
        recogniser = open_recogniser(name)
        embeddings = embed_view(recogniser, dataset, view=protocol.view, resample=protocol.resample)
        start = time.perf_counter()
        lines = set_thresholds(options.registry, recogniser, dataset, embeddings, protocol=protocol)
        seconds = time.perf_counter() - start
        for fmr, line in sorted(lines.items(), reverse=True):
            print(f"{name} FMR {fmr:g}: {line.threshold} {line.interval}, {line.pairs} pairs")
        print(f"{seconds:.1f} seconds, peak memory {peak_memory()} GiB")
    print(f"{options.registry} written")


if __name__ == "__main__":
    main(Options, run_all)
