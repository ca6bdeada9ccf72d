"""A small version of the `inversion` protocol for the demo, without registry and records."""

import numpy as np

from gan_inversion.core.record import Metric, at
from gan_inversion.data import Dataset, Synthetic
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.trained import reconstruct
from gan_inversion.metrics.attack import attack
from gan_inversion.metrics.figures import success
from gan_inversion.protocols.inversion.bench import Bench, Judge
from gan_inversion.protocols.inversion.rules import Inversion
from gan_inversion.protocols.verification.thresholds import thresholds_of
from gan_inversion.recognisers import Compact, Recogniser

FMR = 1e-3  # false match rate at which a face is accepted


def quick_bench(faces: Dataset, recogniser: Recogniser) -> Bench:
    """A bench whose embeddings and thresholds are not written to any file."""
    protocol = Inversion()
    images = faces.view(protocol.view, resample=protocol.resample)
    embeddings = recogniser.embed(np.asarray(images))
    split = protocol.split(faces.files, embeddings)
    thresholds = thresholds_of(recogniser, faces, embeddings, protocol=protocol, split=split)
    judge = Judge(recogniser, embeddings, thresholds)
    return Bench(protocol, faces, images, split, [judge], split.test)


def drawn_bench(subjects: int) -> Bench:
    """A bench of drawn faces, of whom the shipped recogniser and generator saw nobody."""
    return quick_bench(Synthetic(subjects, 2, first=20_000), Compact())


def quick_verdicts(
    inverter: Inverter, bench: Bench
) -> tuple[np.ndarray, np.ndarray, Metric, Metric]:
    """Reconstruct all test images and show them to the recogniser.

    Returns:
        Reconstructions, uint8 (N, 160, 160, 3); their cosines to the inverted embeddings, (N,); and
        the success rates of type I and of type II.
    """
    judge, subjects = bench.victim, bench.subjects
    originals = judge.embeddings[bench.split.test]
    pictures, _ = reconstruct(inverter, originals)
    outcome = attack(judge.recogniser.embed(pictures), originals, subjects)
    threshold, name = judge.accepts_from[FMR], judge.recogniser.name
    least = {FMR: np.inf if threshold is None else threshold}
    rates = success(name, outcome.type1, outcome.type2, subjects, least)
    same, other = (rates[at(f"{name}/sar_type{kind}", fmr=FMR)] for kind in (1, 2))
    return pictures, outcome.type1, same, other
