"""Pictures of dashboard and report for the documentation, taken in a browser."""

from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from gan_inversion.core.errors import UserError


@dataclass(frozen=True)
class Options:
    """Take a picture of each tab of a dashboard that shows no photographs, and of the report.

    Build both before: `python -m experiments.dashboard --no-serve`, `python -m
    experiments.report --no-faces`. Needs Chromium, and Playwright, which `run.py` installs. Writes
    PNG files to `output`.

    Cost: a minute.
    """

    dashboard: Path = Path("runs/dashboard")
    """Folder of the TensorBoard events that experiments.dashboard wrote."""

    report: Path = Path("runs/report.html")
    """File that experiments.report wrote, HTML."""

    demo: Path | None = None
    """The page of the demo, such as runs/demo/demo.html: take a picture of its faces instead."""

    output: Path = Path("docs/pictures")
    """Folder for the pictures, PNG."""


def run_all(options: Options) -> None:
    """Take the pictures of the dashboard and the report, or of the demo."""
    from gan_inversion.reporting.browser import picture_all, picture_demo

    if options.demo is not None:
        if not options.demo.exists():
            raise UserError(f"expected {options.demo}, found none: python -m experiments.demo")
        picture_demo(options.demo, options.output / "demo.png")
        return
    for path in (options.dashboard, options.report):
        if not path.exists():
            raise UserError(f"expected {path}, found none: see --help for what makes it")
    picture_all(options.dashboard, options.report, options.output)


if __name__ == "__main__":
    main(Options, run_all)
