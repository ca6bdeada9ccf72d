"""Every kind of metric that a record holds: what it is called, its unit, its meaning.

They are listed in one place, `catalogue.csv` beside this file. From it come docs/metrics.md, the
headers and formats of tables, the page in TensorBoard and the report. To add a metric, add a line.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gan_inversion.core.errors import UserError

CONDITIONS = {"fmr": "FMR", "fpr": "FPR"}  # condition after the @ of a metric's name -> its title


@dataclass(frozen=True)
class Kind:
    """One kind of metric: a line of the table.

    Attributes:
        name: of the metric in a record; `<...>` stands for a part that varies, and a condition such
            as `@fmr=1e-3` may follow.
        title: header of its column in a table; `{...}` is replaced by what `<...>` stands for.
        unit: of the figure; empty for a plain number.
        better: which values are good, and for whom.
        meaning: a sentence without its full stop.
        form: number format in tables; `.4f` becomes `.3f` in summary tables.
    """

    name: str
    title: str
    unit: str
    better: str
    meaning: str
    form: str
    table: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the names of such metrics, without their conditions."""
        return re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", self.name))


@cache
def kinds() -> list[Kind]:
    """The table."""
    text = files("gan_inversion.metrics").joinpath("catalogue.csv").read_text(encoding="utf-8")
    return [Kind(**line) for line in csv.DictReader(text.splitlines(), delimiter=";")]


def names_of(table: str) -> list[str]:
    """Names of the metrics, `<...>` standing for many, that are columns of a table."""
    return [kind.name for kind in kinds() if kind.table == table]


@cache
def kind_of(name: str) -> tuple[Kind, dict[str, str]]:
    """The kind of a metric, and what the `<...>` stand for in this name.

    Raises:
        UserError: no kind has such a name.
    """
    base = name.partition("@")[0]
    fitting = [kind for kind in kinds() if kind.pattern.fullmatch(base)]
    if not fitting:
        raise UserError(f"{name!r} is no kind of metric that metrics/catalogue.csv lists")
    # The most specific kind, by its fixed letters: swd/mean rather than swd/<side>.
    kind = max(fitting, key=lambda kind: len(re.sub("<.*?>", "", kind.name)))
    match = kind.pattern.fullmatch(base)
    return kind, match.groupdict() if match else {}


def title(name: str, *, condition: bool = True) -> str:
    """Title of a metric's column, such as `type-I SAR at FMR 0.1 %`.

    Args:
        name: of the metric, with its condition.
        condition: whether the condition is named.
    """
    kind, parts = kind_of(name)
    text = kind.title.format(**parts)
    if condition and "@" in name:
        where, _, value = name.partition("@")[2].partition("=")
        text += f" at {CONDITIONS[where]} {100 * float(value):g} %"
    return text


def form(name: str, *, short: bool = False) -> str:
    """Number format of a metric in tables; with `short`, three decimals instead of four."""
    usual = kind_of(name)[0].form
    return ".3f" if short and usual == ".4f" else usual


def page() -> str:
    """The table as Markdown."""
    lines = ["| metric | column | unit | better | meaning |", "| :-- | :-- | :-- | :-- | :-- |"]
    for kind in kinds():
        column = re.sub(r"{(\w+)}", r"<\1>", kind.title)
        cells = f"`{kind.name}`", f"`{column}`", kind.unit, kind.better, kind.meaning
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
