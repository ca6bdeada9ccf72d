"""Jobs of a benchmark: calls of programs that write records, what they cost, and running them."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_inversion.core.errors import UserError
from gan_inversion.core.program import fail
from gan_inversion.core.record import Record, read_record, record_path


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
        dataset: of these records.
        judges: recognisers whose figures these records should hold.
        before: a call that must have been made first: program and options.
    """

    program: str
    options: tuple[str, ...]
    methods: tuple[str, ...]
    seed: int = 0
    protocol: str = ""
    victim: str = ""
    dataset: str = "lfw"
    judges: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Protocol and method of each record that it writes."""
        return [(self.protocol or self.program, method) for method in self.methods]

    def records(self, results: Path) -> list[Path]:
        """The files of its records."""
        root, place = results / "records", (self.dataset, self.seed)
        return [record_path(root, *key, *place, victim=self.victim) for key in self.keys]

    def lacking(self, results: Path) -> list[str]:
        """Judges whose figures its records do not hold, because the records are older."""
        held = [read_record(path).config.get("recognisers", {}) for path in self.records(results)]
        return [judge for judge in self.judges if not all(judge in names for names in held)]

    @property
    def command(self) -> list[str]:
        """The call, for a shell."""
        return self.commands[-1]

    @property
    def commands(self) -> list[list[str]]:
        """The call, behind the one that must have been made first, if there is one."""
        calls = filter(None, (self.before, (self.program, *self.options)))
        return [["python", "-m", f"experiments.{name}", *options] for name, *options in calls]


def costs(root: Path) -> dict[tuple[str, str], float]:
    """Seconds that runs took by their records, by protocol and method, for the slowest seed."""
    seconds: dict[tuple[str, str], float] = {}
    for path in root.glob("*/*.json"):
        record = Record.read(path)
        parts = [record.cost.get("train_seconds"), record.cost.get("seconds")]
        parts += record.cost.get("examination_seconds", {}).values()
        key = record.protocol, record.method
        seconds[key] = max(sum(filter(None, parts)), seconds.get(key, 0))
    return {key: spent for key, spent in seconds.items() if spent}


def missing_of(jobs: Sequence[Job], results: Path, *, published: Path) -> list[Job]:
    """The jobs without a record, printed with what they and all jobs cost.

    Args:
        jobs: all jobs.
        results: folder in which records are looked for.
        published: folder of results that say how long jobs take.
    """
    if results.exists() and not results.is_dir():
        raise UserError(f"expected a folder of results, got the file {results}")
    missing = [job for job in jobs if not all(path.exists() for path in job.records(results))]
    print(f"{len(jobs) - len(missing)} of {len(jobs)} jobs are recorded in {results}")
    seconds = costs(published / "records")
    spent = {job: max(seconds.get(key, 0) for key in job.keys) for job in jobs}
    for job in missing:
        cost = f"{spent[job] / 60:.0f} minutes" if spent[job] else "not known"
        print(f"{' '.join(job.command)}: {cost}")
    recorded = [job for job in jobs if job not in missing]
    older = {job: judges for job in recorded if (judges := job.lacking(results))}
    for job, judges in older.items():
        names = ", ".join(path.name for path in job.records(results))
        print(f"{names}: not shown to {', '.join(judges)} yet; removed, it is made anew")
    sums = {"what is missing": missing, "what is older": [*older], "all jobs anew": [*jobs]}
    for name, chosen in sums.items():
        unknown = sum(not spent[job] for job in chosen)
        hours = sum(spent[job] for job in chosen) / 3600
        print(f"{name}: {hours:.1f} hours, and {unknown} jobs whose time no record gives")
    return missing


def run_jobs(jobs: Sequence[Job], folder: Path, environment: Mapping[str, str]) -> None:
    """Run jobs in a folder, one after another.

    Args:
        jobs: jobs to run.
        folder: made if it is missing.
        environment: variables of the programs.

    A job that fails ends this process with its exit code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for place, job in enumerate(jobs, 1):
        for command in job.commands:
            print(f"{place}/{len(jobs)}: {' '.join(command)}", flush=True)
            done = subprocess.run([sys.executable, *command[1:]], cwd=folder, env=environment)
            if done.returncode:
                fail(f"{' '.join(command)} ended with exit code {done.returncode}; see above")
                sys.exit(done.returncode)
