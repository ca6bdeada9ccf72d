"""Verify ten folds of pairs by each recogniser, view and filter, and set thresholds."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import Flat, main, rehearsed
from gan_inversion.core.folders import Folders
from gan_inversion.data.source import Source
from gan_inversion.data.views import VIEWS


@dataclass(frozen=True)
class Options:
    """Measure how well recognisers tell if two images show one subject, on ten folds of pairs.

    LFW has its own 6,000 pairs; from other data one genuine and one impostor pair a subject are
    drawn. Thresholds are set on all impostor pairs of the same images. Needs LFW and
    FaceNet (experiments.fetch), unless `dataset` and `recognisers` name others. Writes a record per
    recogniser, view and filter.

    Cost: 80 seconds a view and filter for facenet on two CPU cores, 5 minutes for dlib.
    Expected: 0.992 for facenet on the aligned view, 0.967 on the whole frame.
    """

    recognisers: tuple[str, ...] = ("facenet",)
    """Recognisers: facenet, dlib, sface, mobilefacenet, model.onnx:card or file.py:name."""

    views: tuple[str, ...] = tuple(VIEWS)
    """What recognisers see of an image: the whole frame (whole), the central crop that holds the
    face (aligned), or the face moved to ArcFace's template: by its landmarks (aligned112), or as
    faces usually lie (fixed112)."""

    filters: tuple[str, ...] = ("bilinear",)
    """Filters that resize whole and aligned to 160 pixels: bilinear, bicubic, area, lanczos."""

    pairs: Path | None = None
    """A list of pairs of your images: lines `path1 path2 1` or `1 path1 path2`, where 0 stands for
    two people, or as in LFW's pairs.txt. Default: those of the data set, else drawn ones."""

    bin: Path | None = None
    """Also write the pairs, aligned, as a verification set of InsightFace's, to this file."""

    source: Flat[Source] = Source()

    folders: Flat[Folders] = Folders()

    smoke: bool = False
    """Rehearse with compact on synthetic faces; everything is written under `runs`/smoke."""


def run_all(options: Options) -> None:
    """Measure every recogniser on every view and filter."""
    options = rehearsed(options, recognisers=("compact",))

    from gan_inversion.protocols.verification import run

    run.run_all(
        options.recognisers,
        options.views,
        options.filters,
        source=options.source,
        folders=options.folders,
        listed=options.pairs,
        output=options.bin,
    )


if __name__ == "__main__":
    main(Options, run_all)
