"""Run what is missing of the published benchmark, or only say what that would cost."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from experiments import published
from experiments.common import main, specs_of
from gan_inversion.core.folders import ROOT
from gan_inversion.core.jobs import Job, missing_of, run_jobs
from gan_inversion.core.storage import cache_dir, data_dir
from gan_inversion.data.views import FILTERS, OF_TEMPLATE, VIEWS
from gan_inversion.protocols.verification.rules import label as label_of

PUBLISHED = ROOT / "results"
PRECISION = {"GAN_INVERSION_PRECISION": "float32"}  # of the published records' recognisers


@dataclass(frozen=True)
class Options:
    """Run every job of the published benchmark that has no record, and write all tables.

    Needs the data of experiments.fetch, and dlib, and takes hours (`--dry-run` says how many).
    Writes to `results`, `docs`, `runs` and README.md in `folder`, and goes on after an interruption
    when it is run again. In an empty folder all of it is run anew. Recognisers compute in float32,
    as for the published records, unless GAN_INVERSION_PRECISION says otherwise.
    """

    folder: Path = ROOT
    """Folder with `results`, `docs` and `runs`, present or to be made. Default: this repository."""

    dry_run: bool = False
    """Only list the missing jobs and their minutes by the published records; run nothing."""


def declared() -> Iterator[Job]:
    """Every job of the benchmark, in the order in which they are run."""
    modern = product(("mobilefacenet", "sface"), ("aligned", *OF_TEMPLATE), ("bilinear",))
    plain = (*product(("facenet",), VIEWS, FILTERS), ("dlib", "aligned", "bilinear"))
    for name, view, resample in (*plain, *modern):
        options = ("--recognisers", name, "--views", view, "--filters", resample)
        yield Job("verification", options, (label_of(name, view, resample),))
    yield Job("faces", (), ("aligned",))
    corrected = [f"{method}_corrected" for method in published.DOCUMENTED]
    for method, seed in [*product(published.DOCUMENTED, published.SEEDS), *product(corrected, [0])]:
        yield Job("documented", _options(method, seed), (method,), seed)
    attacked = [("", *key) for key in published.EXPECTED]
    attacked += [(victim, method, 0) for victim, method in published.TRANSFERRED]
    for victim, method, seed in attacked:
        options = (*_options(method, seed), *(["--victim", victim] if victim else []))
        needed = getattr(specs_of([method])[0].options, "before", ())
        before, judges = needed and (*needed, str(seed)), published.JUDGES
        given = {"victim": victim, "judges": judges, "before": before}
        yield Job("inversion", options, (method,), seed, **given)
    for study in published.STUDIES:
        words = [str(word) for name, values in study.items() for word in (f"--{name}", *values)]
        yield Job("shadows", tuple(words), published.audits(study), protocol="membership")
    for name in published.SEARCHES:
        yield Job("search", ("--searches", name), (f"search_{name}",))


def _options(method: str, seed: int) -> tuple[str, ...]:
    return "--methods", method, "--seeds", str(seed)


def run_all(options: Options) -> None:
    """Print which jobs are missing, run them, and write the tables."""
    results = options.folder / "results"
    missing = missing_of(list(declared()), results, published=PUBLISHED)
    if options.dry_run:
        return
    places = {"GAN_INVERSION_DATA": data_dir(), "GAN_INVERSION_CACHE": cache_dir()}
    resolved = {name: str(path.resolve()) for name, path in places.items()}
    run_jobs(missing, options.folder, PRECISION | os.environ | resolved)

    from gan_inversion.reporting.pages import write_every

    output = options.folder / "docs", options.folder / "README.md"
    write_every(results, *output, expected=published.EVERYTHING)


if __name__ == "__main__":
    main(Options, run_all)
