"""The tables as pages of the documentation and blocks of the README, from records alone."""

import csv
import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from gan_inversion.core.record import Expected, Selection, read_scores
from gan_inversion.core.storage import write_text
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.metrics import catalogue
from gan_inversion.metrics.catalogue import kinds
from gan_inversion.reporting import charts, speed, tables
from gan_inversion.reporting.balance import balance_chart, price
from gan_inversion.reporting.check import COMPUTE, check_records
from gan_inversion.reporting.glance import badges, findings, glance
from gan_inversion.reporting.inversion import headline, inversion
from gan_inversion.reporting.leaderboard import leaderboard
from gan_inversion.reporting.membership import membership
from gan_inversion.reporting.page import Section, anchor
from gan_inversion.reporting.page import page as html
from gan_inversion.reporting.table import Table, replace_block
from gan_inversion.reporting.tables import LFW
from gan_inversion.reporting.transfer import read_victims, transfer

NEWLINE = "\n"
RATE, BOLD = re.compile(r"(?<!\[)\b(\d+\.\d%)(?!\])"), r"**\1**"  # outside an interval


def write_documented(records: Path, output: Path, chosen: Selection = LFW) -> Path:
    """Write the page of the `documented` protocol."""
    shown = [tables.documented(tables.read_records(records, "documented", chosen))]
    return write_page(output, chosen.page("documented"), "The documented decoders", shown)


def write_inversion(
    records: Path,
    output: Path,
    chosen: Selection = LFW,
    *,
    expected: Collection[tuple[str, int]] = (),
    checked: str = "",
) -> Path:
    """Write the page of the `inversion` protocol.

    Args:
        records: folder of the records.
        output: folder of the page.
        chosen: which records.
        expected: methods and seeds that a note lists if they have no record.
        checked: the note that `check_inversion` returned.
    """
    chosen_records = tables.read_records(records, "inversion", chosen)
    title = "Reconstruction of people never seen"
    scores = {(r.method, r.seed): read_scores(r.path(records)) for r in chosen_records}
    page = [headline(chosen_records, expected=expected)]
    page += inversion(chosen_records, scores=scores, expected=expected)
    noted = [with_note(table, checked) for table in page]
    return write_page(output, chosen.page("inversion"), title, noted)


def write_glance(records: Path, page: Path) -> None:
    """Write the findings and the small table between their markers in a page."""
    inversions = tables.read_records(records, "inversion")
    lines = findings(inversions, tables.read_records(records, "membership"))
    points = [f"- {RATE.sub(BOLD, line)}" for line in lines]
    body = "\n".join(textwrap.fill(point, 100, subsequent_indent="  ") for point in points)
    table = glance(inversions).markdown()
    write_block(page, "glance", f"{body}\n\n{table.rstrip()}\n")


def with_note(table: Table, note: str) -> Table:
    """A table with one more note before its footer."""
    return replace(table, notes=[*table.notes[:-1], note, table.notes[-1]]) if note else table


def check_inversion(records: Path, chosen: Selection = LFW) -> str:
    """Check every figure of the `inversion` records against their raw scores.

    Returns:
        A note for the tables: which figures were checked.

    Raises:
        UserError: a figure or an interval is not what the scores give.
    """
    unknown: set[str] = set()
    for name in check_records(records, "inversion", chosen):
        first, *rest = name.partition("@")[0].split("/")
        kind = first if first in ("swd", "kid") else [first, *rest][-1]
        unknown.add(kind.rstrip("0123456789"))
    names = ", ".join(f"`{name}`" for name in sorted(unknown))
    return (
        "Every figure and interval was computed from the raw scores of its record again when this "
        "table was written. Times and devices are as the records say, and so are the figures that "
        f"older records, which do not hold all scores, cannot give ({names})."
        if names
        else "Every figure and interval was computed from the raw scores of its record again when "
        "this table was written; times and devices are as the records say."
    )


def write_membership(
    records: Path, output: Path, chosen: Selection = LFW, *, expected: Collection[str] = ()
) -> Path:
    """Write the page of the `membership` protocol; a note lists methods that have no record."""
    shown = membership(tables.read_records(records, "membership", chosen), expected)
    return write_page(output, chosen.page("membership"), "Membership inference", shown)


def write_price(records: Path, pictures: Path, readme: Path) -> None:
    """Draw what inverters gain against what they give away, and say so between the marks.

    Args:
        records: folder of the records.
        pictures: folder for the chart.
        readme: the page with the marks.
    """
    leaks = tables.read_records(records, "membership")
    write_text(pictures / "leak.svg", charts.svg(balance_chart(leaks)) + "\n")
    write_block(readme, "price", textwrap.fill(price(leaks), 100) + "\n")


def write_search(records: Path, output: Path, chosen: Selection = LFW) -> Path:
    """Write the page `searches`; the site already has a page called `search`."""
    shown = [tables.search(record) for record in tables.read_records(records, "search", chosen)]
    return write_page(output, chosen.page("searches"), "Searches", shown)


def write_verification(records: Path, output: Path) -> Path:
    """Write the page on the verification of the recognisers."""
    published = tables.read_with_scores(records, "verification")
    title = "Verification of the recognisers"
    return write_page(output, "verification", title, [tables.verification(published)])


def write_transfer(
    records: Path, output: Path, *, expected: Collection[tuple[str, str]] = ()
) -> Path | None:
    """Write the page of the transfer matrix, if two recognisers or more were attacked.

    A note lists those `expected` victims and methods that have no record.
    """
    victims = read_victims(records)
    if len(victims) < 2:
        return None
    return write_page(output, "transfer", "The transfer matrix", [transfer(victims, expected)])


def write_leaderboard(results: Path, output: Path, *, expected: Expected) -> Path:
    """Write the leaderboard of the benchmark's methods and of entries, as Markdown and as HTML.

    A note lists those `expected` methods that have no record.
    """
    victims, entered = read_victims(results / "records"), read_victims(results / "entries")
    (usual,) = (victim for victim in victims if replace(LFW, victim=victim).published)
    shown = leaderboard(
        {victim: [*own, *entered.get(victim, [])] for victim, own in victims.items()},
        entered={record.method for own in entered.values() for record in own},
        expected=[(usual, name) for name, _ in expected.inversion] + [*expected.transfer],
    )
    boards = [Section(table.heading, [table.html()]) for table in shown]
    write_text(output / "leaderboard.html", html("Leaderboard", boards))
    return write_page(output, "leaderboard", "Leaderboard", shown)


def write_thresholds(registry: Path, output: Path) -> Path:
    """Write the page of the threshold registry."""
    lines = read_thresholds(registry)
    return write_page(output, "thresholds", "Thresholds", [tables.thresholds(lines)])


def write_speed(records: Path, output: Path) -> Path:
    """Write the page on the speed of recognisers and of training."""
    timed = tables.read_records(records, "speed", Selection("synthetic"))
    page = []
    for table, figure in (
        (speed.embedding_speed, "ours/images_per_second"),
        (speed.training_speed, "step/images_per_second"),
        (speed.shadow_speed, "together/models_per_hour"),
    ):
        own = [record for record in timed if figure in record.metrics]
        page += [table(own)] if own else []
    return write_page(output, "speed", "Speed", page)


def metrics_page() -> str:
    """A page that explains each metric of a record and each tag in TensorBoard."""
    meanings = {kind.name: f"{kind.meaning}; {kind.better}" for kind in kinds()}
    text = files("gan_inversion.reporting").joinpath("tags.csv").read_text(encoding="utf-8")
    tags = ["| tag | step | meaning |", "| :-- | :-- | :-- |"]
    for line in csv.DictReader(text.splitlines(), delimiter=";"):
        meaning = line["meaning"] or meanings[line["metric"]].removesuffix("; ")
        tags.append(f"| `{line['tag']}` | {line['step']} | {meaning} |")
    return f"""# Metrics

What the figures of a record mean, and what they are called in tables. A part in angle brackets
stands for many; behind `@` stands a condition, such as a false match rate. This page is made by
`python -m experiments.tables` from the list that the tables are made from.

{catalogue.page()}
## Tags in TensorBoard

`/low` and `/high` behind a tag are the ends of its 95 % interval; for `@` and `=` TensorBoard shows
`_`. Metrics of likeness and realism without a slash in their names, such as `ssim`, are tags too,
at step 0. The events of a single run bear the names of the metrics above, after its training.

{NEWLINE.join(tags)}
"""


def write_finding(records: Path, readme: Path) -> None:
    """Write the finding between its markers in the README."""
    sentences = tables.finding(tables.read_records(records, "documented"))
    lines = textwrap.fill(sentences, 100, break_long_words=False, break_on_hyphens=False)
    write_block(readme, "finding", lines + "\n")


def write_block(readme: Path, name: str, body: str) -> None:
    """Put a text between its markers in the README."""
    write_text(readme, replace_block(readme.read_text("utf-8"), name, body))
    print(f"{readme} written")


def write_page(output: Path, name: str, title: str, shown: Sequence[Table]) -> Path:
    """Write tables as one Markdown page, and each as LaTeX and CSV; the path of the page."""
    for table in shown:
        stem = output / "tables" / (table.name + name.removeprefix(name.split("-")[0]))
        write_text(stem.with_suffix(".tex"), table.latex())
        write_text(stem.with_suffix(".csv"), table.csv())
    page = output / f"{name}.md"
    shared = [note for note in shown[0].notes if all(note in table.notes for table in shown)]
    several = len(shown) > 1
    body = [table.markdown(leave_out=shared, under_heading=several) for table in shown]
    links = [f"- [{table.heading}](#{anchor(table.heading)})" for table in shown if several]
    contents = ["\n".join(links) + "\n"] if several else []
    notes = [f"{note}\n" for note in shared]
    write_text(page, "\n".join([f"# {title}\n", *contents, *body, *notes]))
    print(f"{page} written")
    return page


def write_every(results: Path, output: Path, readme: Path, *, expected: Expected) -> None:
    """Write every table of the published benchmark.

    Args:
        results: folder that holds records, splits and the threshold registry.
        output: folder for the pages.
        readme: file whose blocks are filled, where there is one.
        expected: what notes list if there is no record of it.
    """
    records = results / "records"
    checked = check_inversion(records)
    for victim in read_victims(records):
        if not (other := replace(LFW, victim=victim)).published:
            check_inversion(records, other)
    for protocol in sorted(COMPUTE.keys() - {"inversion"}):
        check_records(records, protocol)
    write_documented(records, output)
    write_inversion(records, output, expected=expected.inversion, checked=checked)
    write_transfer(records, output, expected=expected.transfer)
    write_leaderboard(results, output, expected=expected)
    write_verification(records, output)
    write_thresholds(results / "thresholds.json", output)
    write_membership(records, output, expected=expected.membership)
    write_search(records, output)
    write_text(output / "metrics.md", metrics_page())
    if (records / "speed").is_dir():  # depend on machines: no part of the benchmark
        write_speed(records, output)
    for name, picture in badges(len(list(records.glob("*/*.json")))).items():
        write_text(output / "pictures" / f"{name}.svg", picture)
    for page in filter(Path.is_file, (readme, output / "index.md")):
        write_glance(records, page)
    if readme.is_file():
        write_finding(records, readme)
        write_price(records, output / "pictures", readme)
    else:
        print(f"no {readme}, whose blocks would be filled")
