"""Where a program puts what it makes."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]  # of the repository, where the package lies in one


@dataclass(frozen=True)
class Folders:
    """The folders of an experiment."""

    runs: Path = Path("runs")
    """Folder for logs, TensorBoard events, pictures, checkpoints and trained inverters."""

    records: Path = Path("results/records")
    """Folder for records; beside it stand the threshold registry, thresholds.json, and the split
    of the subjects, in splits."""

    tables: Path = Path("docs")
    """Folder for the tables."""

    @property
    def results(self) -> Path:
        """What holds records, splits and thresholds."""
        return self.records.parent

    def inside(self, name: str) -> "Folders":
        """All of them in a folder of that name under `runs`, for a rehearsal or a choice."""
        folder = self.runs / name
        return Folders(runs=folder, records=folder / "records", tables=folder)
