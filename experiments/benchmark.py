"""The published benchmark: what it consists of, what is missing of it, and what that would cost."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.common import fail, main, specs_of
from experiments.published import AUDITED, DOCUMENTED, EXPECTED, SEARCHES, SEEDS, STUDIES
from gan_inversion.core.folders import ROOT
from gan_inversion.core.record import Record
from gan_inversion.core.storage import cache_dir, data_dir
from gan_inversion.data.views import FILTERS, VIEWS
from gan_inversion.protocols.membership.rules import labels
from gan_inversion.protocols.verification.rules import label as label_of

DATASET = "lfw"
PUBLISHED = ROOT / "results"
PRECISION = {"GAN_INVERSION_PRECISION": "float32"}  # of the published records' recognisers


@dataclass(frozen=True)
class Options:
    """Run what is missing of the benchmark, one program at a time, and write all tables.

    Whatever is interrupted goes on when the same command is given again. In an empty folder all of
    it is run anew, and what is published stays as it is. Recognisers compute in float32, as for
    the published records, unless GAN_INVERSION_PRECISION says otherwise.
    """

    folder: Path = ROOT
    """Where `results`, `docs` and `runs` are, or shall be. Default: this repository."""

    dry_run: bool = False
    """Only say what is missing, and what it would cost by the published records of the method."""


@dataclass(frozen=True)
class Job:
    """One call of a program.

    Attributes:
        program: module in `experiments`, and unless `protocol` is given the protocol's name.
        options: of its command line.
        methods: in the names of the records that it writes.
        seed: in the same.
    """

    program: str
    options: tuple[str, ...]
    methods: tuple[str, ...]
    seed: int = 0
    protocol: str | None = None

    @property
    def held_by(self) -> str:
        """Name of the protocol, and of the folder of its records."""
        return self.protocol or self.program

    def records(self, results: Path) -> list[Path]:
        """The records that it writes."""
        folder = results / "records" / self.held_by
        return [folder / f"{method}-{DATASET}-s{self.seed}.json" for method in self.methods]

    @property
    def command(self) -> list[str]:
        """The call, for a shell."""
        return ["python", "-m", f"experiments.{self.program}", *self.options]


def declared() -> Iterator[Job]:
    """Every job of the benchmark, in the order in which they are run."""
    for view in VIEWS:
        for name in FILTERS:
            method = label_of("facenet", view, name)
            yield Job("verification", ("--views", view, "--filters", name), (method,))
    dlib = ("--embedders", "dlib", "--views", "aligned")
    yield Job("verification", dlib, ("dlib_aligned",))
    yield Job("faces", (), ("aligned",))
    for seed in SEEDS:
        for method in DOCUMENTED:
            yield _one("documented", method, seed)
    for method in DOCUMENTED:
        yield _one("documented", f"{method}_corrected", 0)
    for method, seed in EXPECTED:
        yield _one("inversion", method, seed)
    for options in STUDIES:
        yield _study(options)
    for name in SEARCHES:
        yield Job("search", ("--searches", name), (f"search_{name}",))


def _one(program: str, method: str, seed: int) -> Job:
    return Job(program, ("--methods", method, "--seeds", str(seed)), (method,), seed)


def _study(options: Mapping[str, Any]) -> Job:
    given = [str(word) for name, some in options.items() for word in (f"--{name}", *some)]
    (spec,) = specs_of(options["methods"])
    methods = tuple(labels(spec, options.get("epochs", AUDITED)).values())
    return Job("shadows", tuple(given), methods, protocol="membership")


def costs() -> dict[tuple[str, str], float]:
    """Seconds of each published protocol and method that says so, those of the slowest seed."""
    spent: dict[tuple[str, str], float] = {}
    for path in (PUBLISHED / "records").glob("*/*.json"):
        record = Record.read(path)
        examined = record.cost.get("examination_seconds", {}).values()
        told = [record.cost.get("train_seconds"), record.cost.get("seconds"), *examined]
        key = record.protocol, record.method
        spent[key] = max(sum(filter(None, told)), spent.get(key, 0))
    return {key: seconds for key, seconds in spent.items() if seconds}


def run_all(options: Options) -> None:
    """Say what is missing, run it, write the tables."""
    jobs, results = list(declared()), options.folder / "results"
    missing = [job for job in jobs if not all(path.exists() for path in job.records(results))]
    print(f"{len(jobs) - len(missing)} of {len(jobs)} jobs are recorded in {results}")
    published = costs() if missing else {}
    known = {
        job: max(published.get((job.held_by, name), 0) for name in job.methods) for job in missing
    }
    for job, seconds in known.items():
        told = f"{seconds / 60:.0f} minutes" if seconds else "not known"
        print(f"{' '.join(job.command)}: {told}")
    if missing:
        unknown = sum(not seconds for seconds in known.values())
        print(
            f"in all {sum(known.values()) / 3600:.1f} hours, "
            f"and {unknown} jobs of which no record says it"
        )
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
    readme = options.folder / "README.md"

    from gan_inversion.reporting.pages import write_every

    write_every(results, options.folder / "docs", readme, expected=EXPECTED)


if __name__ == "__main__":
    main(Options, run_all)
