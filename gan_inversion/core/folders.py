"""The folders that a program writes to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]  # of the repository, if the package lies in one


@dataclass(frozen=True)
class Written:
    """The folders of a program that trains nothing."""

    records: Path = Path("results/records")
    """Folder for the records, the results as JSON. Beside it lie the registry of thresholds,
    thresholds.json, and the split of the subjects into training, validation and test, in splits."""

    tables: Path = Path("docs")
    """Folder for the tables, which are compiled from all the records."""

    def inside(self, name: str) -> Self:
        """The same folders inside `<runs>/<name>`, for a rehearsal or for the validation part."""
        folder = getattr(self, "runs", Path("runs")) / name
        runs = {"runs": folder} if hasattr(self, "runs") else {}
        return type(self)(records=folder / "records", tables=folder, **runs)


@dataclass(frozen=True)
class Folders(Written):
    """The folders of a program that trains."""

    runs: Path = Path("runs")
    """Folder for the runs: logs, TensorBoard events, images, checkpoints, trained inverters."""

    @property
    def results(self) -> Path:
        """The folder that holds records, splits and thresholds."""
        return self.records.parent
