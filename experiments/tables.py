"""Write the tables again from the committed records; no training, no data."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from experiments.published import EXPECTED


@dataclass(frozen=True)
class Options:
    """Compile the tables from the records: Markdown pages, LaTeX and CSV.

    Figures of reconstruction are computed from the raw scores again, and compared.

    Cost: half a minute.
    """

    results: Path = Path("results")
    """Folder that holds `records` and the threshold registry."""

    output: Path = Path("docs")
    """Folder for the pages; LaTeX and CSV go to its `tables`."""

    readme: Path = Path("README.md")
    """File whose blocks are filled, where there is one."""


def run_all(options: Options) -> None:
    """Write every table."""
    from gan_inversion.reporting.pages import write_every

    write_every(options.results, options.output, options.readme, expected=EXPECTED)


if __name__ == "__main__":
    main(Options, run_all)
