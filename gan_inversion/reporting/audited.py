"""What the tables, charts and pages of audits ask of a record of the `membership` protocol."""

from collections.abc import Mapping, Sequence

from gan_inversion.core.record import Record
from gan_inversion.metrics.catalogue import title
from gan_inversion.protocols.membership.audit import LOSS, STRONG, TOGETHER
from gan_inversion.reporting.table import Cell, cell

FIT = "fit"  # in names, instead of an attack: mean signals
DEPTH = 3  # slashes in the name of an attack's figure: unit/attack/signal/figure
UNITS = ("image", "subject", "canary")  # what can be a member
CURVES = ("threshold", STRONG, "rmia_offline")  # attacks whose curves are drawn
LEAKS = ("threshold", STRONG)  # attacks in the overviews: plain and strong


def is_attack(name: str) -> bool:
    """Whether a metric is a figure of an attack."""
    return name.count("/") == DEPTH and name.split("/")[1] != FIT


def plural(unit: str) -> str:
    """Several of a unit, as `images` or `canaries`."""
    return f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"


def strongest(record: Record, figure: str) -> str:
    """Name of a figure of the strong attack on images, on all signals that the study asked for."""
    name = f"image/{LEAKS[1]}/{TOGETHER}/{figure}"
    return name if name in record.metrics else f"image/{LEAKS[1]}/{LOSS}/{figure}"


def counts_of(records: Sequence[Record], prefix: str) -> list[int]:
    """The numbers after a prefix, such as `few_` or `usage_`, in names of metrics, ascending."""
    names = [name.partition("/")[0] for record in records for name in record.metrics]
    return sorted({int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)})


def few_lines(
    group: Sequence[Record], unit: str, counts: Sequence[int], signal: str = LOSS
) -> list[list[Cell | str]]:
    """Attack, AUC with so many shadow models of a kind, and with all, for each attack."""
    lines: list[list[Cell | str]] = []
    for attack in attacks_on(group[0], unit, signal):
        names = [f"few_{count}/{unit}/{attack}" for count in counts]
        cells = [cell(group, name, form=".3f") or "n/a" for name in names]
        every = cell(group, f"{unit}/{attack}/{signal}/auc", form=".3f")
        lines.append([attack, *cells, every])
    return lines


def attacks_on(record: Record, unit: str, signal: str = LOSS) -> list[str]:
    """Names of the attacks that were given this signal alone."""
    ends = f"{unit}/", f"/{signal}/auc"
    names = [name for name in record.metrics if name.startswith(ends[0]) and name.endswith(ends[1])]
    return [name.removeprefix(ends[0]).removesuffix(ends[1]) for name in names]


def by_size(groups: Mapping[str, Sequence[Record]]) -> list[str]:
    """Methods by name, then by the number of their members, then by epochs."""

    def place(method: str) -> tuple[str, int, float]:
        members = groups[method][0].config.get("members", {})
        name = groups[method][0].trained["preset"]
        return name, min(members.values(), default=0), epochs_of(groups[method])

    return sorted(groups, key=place)


def base_method(record: Record) -> str:
    """A method's name without its epochs."""
    return str(record.trained["name"])


def epochs_of(group: Sequence[Record]) -> float:
    return group[0].config.get("epochs", 0)


def moment_of(record: Record) -> int:
    """Where an audit stands on TensorBoard's axis: an epoch, or a percentage of the training."""
    return int(record.config.get("share", epochs_of([record])))


def figure_title(figure: str) -> str:
    """What a figure of an attack is called in the header."""
    return title(f"unit/attack/signal/{figure}")
