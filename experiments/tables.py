"""Write the tables again from the committed records; no training, no data."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from experiments.common import main
from gan_inversion.reports import tables
from gan_inversion.storage import write_text


@dataclass(frozen=True)
class Options:
    """Compile the tables of `docs` from `results/records`."""

    records: Path = Path("results/records")
    """Folder of records."""

    output: Path = Path("docs")
    """Folder for the pages."""

    readme: Path = Path("README.md")
    """File whose `finding` block is filled."""


def write_documented(records: Path, output: Path, *, dataset: str = "lfw") -> Path:
    """The table of the documented protocol on one dataset, as a page of its own."""
    found = tables.read_records(records, "documented", dataset=dataset)
    name = "documented" if dataset == "lfw" else f"documented-{dataset}"
    return _write(output / f"{name}.md", "The documented decoders", tables.documented(found))


def write_verification(records: Path, output: Path) -> Path:
    """The table of the recognisers on real pairs, as a page."""
    found = tables.read_records(records, "verification", dataset="lfw")
    body = tables.verification(found)
    return _write(output / "verification.md", "Verification of the recognisers", body)


def write_speed(records: Path, output: Path) -> Path:
    """The table of FaceNet's speed, as a page."""
    found = tables.read_records(records, "speed", dataset="synthetic")
    return _write(output / "speed.md", "Speed of FaceNet", tables.speed(found))


def write_finding(records: Path, readme: Path) -> None:
    """The finding, between its markers in the README."""
    found = tables.finding(tables.read_records(records, "documented", dataset="lfw"))
    lines = textwrap.fill(found, 100, break_long_words=False, break_on_hyphens=False)
    write_text(readme, tables.replace_block(readme.read_text("utf-8"), "finding", lines + "\n"))
    print(f"{readme} written")


def _write(path: Path, title: str, body: str) -> Path:
    write_text(path, f"# {title}\n\n{body}")
    print(f"{path} written")
    return path


def run_all(options: Options) -> None:
    """Write every table."""
    write_documented(options.records, options.output)
    write_verification(options.records, options.output)
    write_speed(options.records, options.output)
    write_finding(options.records, options.readme)


if __name__ == "__main__":
    main(Options, run_all)
