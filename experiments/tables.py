"""Write the tables again from the committed records; no training, no data."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from experiments.published import EVERYTHING


@dataclass(frozen=True)
class Options:
    """Compile the tables from the records: Markdown pages, LaTeX and CSV.

    Figures and intervals are computed again from the raw scores beside the records, and compared
    with those recorded. Needs no data, and trains nothing.

    Cost: five minutes; half a minute while the records have not changed.
    """

    results: Path = Path("results")
    """Folder that holds `records` and the threshold registry."""

    output: Path = Path("docs")
    """Folder for the Markdown pages; LaTeX and CSV go to `tables` inside it."""

    readme: Path = Path("README.md")
    """Markdown file whose marked blocks are filled with figures, if it exists."""


def run_all(options: Options) -> None:
    """Write every table."""
    from gan_inversion.reporting.pages import write_every

    write_every(options.results, options.output, options.readme, expected=EVERYTHING)


if __name__ == "__main__":
    main(Options, run_all)
