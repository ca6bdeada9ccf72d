"""A table and its three forms: Markdown for pages, LaTeX (booktabs) for papers, CSV for programs.

Cells are figures of records; nothing here is typed by hand.
"""

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean, stdev

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record
from gan_inversion.reporting.markup import in_cell, marked

NOT_RESOLVED = "n/a"
MANY = 8  # columns; a table with more may be wider than any page
SPECIAL = re.compile(r"([&%$#_{}])")  # of LaTeX, to be escaped by a backslash
WORDS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


@dataclass(frozen=True)
class Cell:
    """One figure over seeds.

    Attributes:
        values: one for each seed; None where the sample is too small to resolve it.
        interval: low and high; with several seeds means of these bounds; None where there is none.
        n: size of the sample; None where it has no meaning.
        form: format of the numbers shown.
    """

    values: tuple[float | None, ...]
    interval: tuple[float, float] | None = None
    n: int | None = None
    form: str = ".4f"

    @property
    def mean(self) -> float | None:
        """Mean over seeds; None if one of them is not resolved."""
        resolved = [value for value in self.values if value is not None]
        return fmean(resolved) if resolved and len(resolved) == len(self.values) else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation over seeds; None with fewer than two."""
        resolved = [value for value in self.values if value is not None]
        return stdev(resolved) if self.mean is not None and len(resolved) > 1 else None

    def text(self, *, plus_minus: str = "±") -> str:
        """`mean ± deviation [low, high]`."""
        if self.mean is None:
            return NOT_RESOLVED
        text = self._number(self.mean)
        if self.deviation is not None:
            text += f" {plus_minus} {format(self.deviation, self.form.removeprefix('+'))}"
        if self.interval is not None:
            text += f" [{self._number(self.interval[0])}, {self._number(self.interval[1])}]"
        return text

    def _number(self, value: float) -> str:
        return format(value, self.form)


Row = list[Cell | str]  # of a table: a label and cells, or text where no figure belongs


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: name of its files, without the ending.
        caption: one line.
        header: names of the columns; the first is a label.
        rows: a label and cells, or text where no figure belongs.
        notes: Markdown below the table, the footer last.
    """

    name: str
    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if len(set(self.header)) < len(self.header):  # readers of the CSV would lose one
            raise ValueError(f"{self.name}: two columns of one name in {list(self.header)}")

    @property
    def heading(self) -> str:
        """The caption, or what stands before its colon."""
        return self.caption.partition(": ")[0].removesuffix(".")

    def markdown(self, *, leave_out: Collection[str] = (), under_heading: bool = False) -> str:
        """Markdown of caption, table and notes.

        Args:
            leave_out: notes that are left out.
            under_heading: begin with the heading, and leave out a caption that says no more.
        """
        caption = f"{self.caption}\n"
        if under_heading:
            more = "" if self.heading == self.caption.removesuffix(".") else f"\n{caption}"
            caption = f"## {self.heading}\n{more}"
        lines = [
            [in_cell(title) for title in self.header],
            [":--", *["--:"] * (len(self.header) - 1)],
            *(
                [in_cell(cell) if isinstance(cell, str) else _unbroken(cell.text()) for cell in row]
                for row in self.rows
            ),
        ]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return "\n".join(
            [
                caption,
                table,
                *(f"{note}\n" for note in self.notes if note not in leave_out),
            ]
        )

    def html(self) -> str:
        """A `figure` element with caption and notes."""

        def row(line: Sequence[Cell | str], tag: str) -> str:
            texts = [cell if isinstance(cell, str) else cell.text() for cell in line]
            first, *others = map(escape, texts)
            first = first.replace("_", "_<wbr>")  # long names break there, not in a word
            others = [other.replace(" [", "<br>[") for other in others]  # interval below
            return f"<tr>{''.join(f'<{tag}>{text}</{tag}>' for text in (first, *others))}</tr>"

        body = "\n".join(row(line, "td") for line in self.rows)
        hint = "hint many" if len(self.header) > MANY else "hint"
        notes = "".join(f"<p class='note'>{marked(note)}</p>" for note in self.notes)
        return (
            f"<figure class='table'><figcaption>{escape(self.caption)}</figcaption>"
            f"<div class='{hint}'>Scroll the table sideways: it goes on to the right.</div>"
            f"<div class='wide'><table>\n<thead>{row(self.header, 'th')}</thead>\n"
            f"<tbody>{body}</tbody></table></div>{notes}</figure>"
        )

    def latex(self) -> str:
        """A `table` environment for the booktabs package."""

        def plain(text: str) -> str:
            parts = re.split(r"([\\~^])", text.replace("`", ""))
            return "".join(WORDS.get(part) or SPECIAL.sub(r"\\\1", part) for part in parts)

        def form(cell: Cell | str) -> str:
            return plain(cell) if isinstance(cell, str) else cell.text(plus_minus=r"$\pm$")

        rows = [" & ".join(map(form, row)) + r" \\" for row in (self.header, *self.rows)]
        comments = [f"% {line}" for note in self.notes for line in note.splitlines() if line]
        lines = [
            *comments,
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{plain(self.caption)}}}",
            rf"\label{{tab:{self.name}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(self.header) - 1)}}}",
            r"\toprule",
            rows[0],
            r"\midrule",
            *rows[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """One line a row, unrounded; a figure takes five columns: mean, sd, low, high and n."""
        figures = {
            place for row in self.rows for place, cell in enumerate(row) if isinstance(cell, Cell)
        }
        header: list[str] = []
        for place, name in enumerate(self.header):
            parts = ("", " sd", " low", " high", " n") if place in figures else ("",)
            header += [name + part for part in parts]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        for row in self.rows:
            line: list[object] = []
            for place, cell in enumerate(row):
                if isinstance(cell, Cell):
                    line += [cell.mean, cell.deviation, *(cell.interval or (None, None)), cell.n]
                else:
                    line += [cell, *[None] * 4] if place in figures else [cell]
            writer.writerow(line)
        return out.getvalue()


def _unbroken(text: str) -> str:
    """A figure that a page may break before its interval only, or rows grow four lines high."""
    return text.replace(" ± ", "\u00a0±\u00a0").replace(", ", ",\u00a0")


def cell(group: Sequence[Record], name: str, *, form: str = ".4f") -> Cell | str:
    """A metric of the records of one method, one a seed; empty where none has it."""
    figures = [record.metrics[name] for record in group if name in record.metrics]
    if not figures:
        return ""
    bounds = [metric.ci for metric in figures if metric.ci is not None]
    interval = None
    if bounds:
        interval = fmean(low for low, _ in bounds), fmean(high for _, high in bounds)
    values = tuple(metric.value for metric in figures)
    return Cell(values, interval, figures[0].n, form)


def mean_of(group: Sequence[Record], name: str) -> float | None:
    """Mean of a metric over the seeds of one method; None where it is missing or not resolved."""
    figure = cell(group, name)
    return figure.mean if isinstance(figure, Cell) else None


def interval_of(records: Sequence[Record], name: str) -> str:
    """The interval of a rate, in brackets; empty where there is none."""
    figure = cell(records, name)
    if not isinstance(figure, Cell) or figure.interval is None:
        return ""
    low, high = figure.interval
    return f" [{low:.1%}, {high:.1%}]"


def check_same(records: Sequence[Record], *fields: str) -> None:
    """Raise `UserError` unless the records agree in each field."""
    for field in fields:
        values = sorted({getattr(record, field) for record in records})
        if len(values) > 1:
            raise UserError(
                f"a table needs records of one {field}, got {len(values)}: {', '.join(values)}"
            )


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of each method, methods in the order of their first record."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.method, []).append(record)
    return groups


def footer(
    records: Sequence[Record],
    command: str,
    *,
    brackets: str = "the 95 % interval (with several seeds the mean of its bounds)",
) -> str:
    """Where the figures of a table come from, and what its brackets hold."""
    first = records[0]
    hashes = dict.fromkeys(record.protocol_hash for record in records)
    commits = sorted({str(record.env["commit"])[:12] for record in records})
    devices = sorted({record.env["device"] for record in records})
    return (
        "± is the standard deviation over seeds (a figure without it is of one seed), and brackets "
        f"hold {brackets}. Made by "
        f"`python -m experiments.{command}` under the protocol `{first.protocol}` (hash "
        f"{', '.join(hashes)}), from the data {first.dataset} (digest "
        f"{first.data_digest[:12]}), at commit {', '.join(commits)}, on {', '.join(devices)}."
    )


def not_yet(names: Sequence[str], *, mark: str = ", ") -> list[str]:
    """A sentence that names what has no record, or none."""
    return [f"Not yet run: {mark.join(names)}."] if names else []


def replace_block(text: str, name: str, body: str) -> str:
    """`text` with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, opened, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise UserError(f"expected a block between {start.strip()} and {end}, found none")
    return before + start + body + end + after
