"""Run what is missing of the published benchmark, or only say what that would cost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from experiments import published
from experiments.common import fail, main, specs_of
from gan_inversion.core.folders import ROOT
from gan_inversion.core.record import costs, record_path
from gan_inversion.core.storage import cache_dir, data_dir
from gan_inversion.data.views import FILTERS, OF_TEMPLATE, VIEWS
from gan_inversion.protocols.membership.rules import labels
from gan_inversion.protocols.verification.rules import label as label_of

DATASET = "lfw"
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


@dataclass(frozen=True)
class Job:
    """One call of a program.

    Attributes:
        program: module in `experiments`.
        options: its options on the command line.
        methods: methods of the records that it writes, one each.
        seed: seed of these records.
        protocol: protocol of these records; by default that of the program's name.
        victim: recogniser that was attacked, if it is not FaceNet.
    """

    program: str
    options: tuple[str, ...]
    methods: tuple[str, ...]
    seed: int = 0
    protocol: str = ""
    victim: str = ""

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Protocol and method of each record that it writes."""
        return [(self.protocol or self.program, method) for method in self.methods]

    def records(self, results: Path) -> list[Path]:
        """The files of its records."""
        root, place = results / "records", (DATASET, self.seed)
        return [record_path(root, *key, *place, victim=self.victim) for key in self.keys]

    @property
    def command(self) -> list[str]:
        """The call, for a shell."""
        return ["python", "-m", f"experiments.{self.program}", *self.options]


def declared() -> Iterator[Job]:
    """Every job of the benchmark, in the order in which they are run."""
    modern = product(("mobilefacenet", "sface"), ("aligned", *OF_TEMPLATE), ("bilinear",))
    plain = (*product(("facenet",), VIEWS, FILTERS), ("dlib", "aligned", "bilinear"))
    for name, view, resample in (*plain, *modern):
        options = ("--recognisers", name, "--views", view, "--filters", resample)
        yield Job("verification", options, (label_of(name, view, resample),))
    yield Job("faces", (), ("aligned",))
    corrected = [f"{method}_corrected" for method in published.DOCUMENTED]
    documented = [*product(published.DOCUMENTED, published.SEEDS), *product(corrected, [0])]
    for program, runs in (("documented", documented), ("inversion", published.EXPECTED)):
        for method, seed in runs:
            yield Job(program, ("--methods", method, "--seeds", str(seed)), (method,), seed)
    for victim, method in published.TRANSFERRED:
        options = ("--methods", method, "--seeds", "0", "--victim", victim)
        yield Job("inversion", options, (method,), victim=victim)
    for study in published.STUDIES:
        words = [str(word) for name, values in study.items() for word in (f"--{name}", *values)]
        (spec,) = specs_of(study["methods"])
        methods = tuple(labels(spec, study.get("epochs", published.AUDITED)).values())
        yield Job("shadows", tuple(words), methods, protocol="membership")
    for name in published.SEARCHES:
        yield Job("search", ("--searches", name), (f"search_{name}",))


def run_all(options: Options) -> None:
    """Print which jobs are missing, run them, and write the tables."""
    jobs, results = list(declared()), options.folder / "results"
    missing = [job for job in jobs if not all(path.exists() for path in job.records(results))]
    print(f"{len(jobs) - len(missing)} of {len(jobs)} jobs are recorded in {results}")
    seconds = costs(PUBLISHED / "records") if missing else {}
    expected = [max(seconds.get(key, 0) for key in job.keys) for job in missing]
    for job, cost in zip(missing, expected, strict=True):
        print(f"{' '.join(job.command)}: {f'{cost / 60:.0f} minutes' if cost else 'not known'}")
    if missing:
        hours, unknown = sum(expected) / 3600, expected.count(0)
        print(f"in all {hours:.1f} hours, and {unknown} jobs whose time no record gives")
    if options.dry_run:
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    places = {"GAN_INVERSION_DATA": data_dir(), "GAN_INVERSION_CACHE": cache_dir()}
    environment = {name: str(path.resolve()) for name, path in places.items()}
    environment = PRECISION | os.environ | environment
    for place, job in enumerate(missing, 1):
        print(f"{place}/{len(missing)}: {' '.join(job.command)}", flush=True)
        call = [sys.executable, *job.command[1:]]
        done = subprocess.run(call, cwd=options.folder, env=environment)
        if done.returncode:
            fail(f"{' '.join(job.command)} ended with exit code {done.returncode}; see above")
            sys.exit(done.returncode)

    from gan_inversion.reporting.pages import write_every

    output = options.folder / "docs", options.folder / "README.md"
    write_every(results, *output, expected=published.EXPECTED)


if __name__ == "__main__":
    main(Options, run_all)
