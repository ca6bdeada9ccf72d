"""What the tables, charts and pages of audits ask of a record of the `membership` protocol."""

from collections.abc import Mapping, Sequence

from gan_inversion.core.record import Record
from gan_inversion.metrics.catalogue import title

FIT = "fit"  # in names, instead of an attack: mean signals
DEPTH = 3  # slashes in the name of an attack's figure: unit/attack/signal/figure
UNITS = ("image", "subject", "canary")  # what can be a member
TOGETHER = "together"  # in names, instead of a signal: all signals at once
CURVES = ("threshold", "lira_offline_fixed", "rmia_offline")  # attacks whose curves are drawn
LEAKS = ("threshold", "lira_offline_fixed")  # attacks in the overviews: plain and strong


def is_attack(name: str) -> bool:
    """Whether a metric is a figure of an attack."""
    return name.count("/") == DEPTH and name.split("/")[1] != FIT


def strongest(record: Record, figure: str) -> str:
    """Name of a figure of the strong attack on images, on all signals that the study asked for."""
    name = f"image/{LEAKS[1]}/{TOGETHER}/{figure}"
    return name if name in record.metrics else f"image/{LEAKS[1]}/log_mse/{figure}"


def few_of(record: Record) -> list[str]:
    """The numbers of shadow models of each kind that a record has figures for."""
    few = [name.partition("/")[0] for name in record.metrics if name.startswith("few_")]
    return list(dict.fromkeys(name.removeprefix("few_") for name in few))


def attacks_on(record: Record, unit: str, signal: str = "log_mse") -> list[str]:
    """Names of the attacks that were given this signal alone."""
    ends = f"{unit}/", f"/{signal}/auc"
    names = [name for name in record.metrics if name.startswith(ends[0]) and name.endswith(ends[1])]
    return [name.removeprefix(ends[0]).removesuffix(ends[1]) for name in names]


def by_size(groups: Mapping[str, Sequence[Record]]) -> list[str]:
    """Methods by name, then by the number of their members, then by epochs."""

    def place(method: str) -> tuple[str, int, int]:
        members = groups[method][0].config.get("members", {})
        name = groups[method][0].trained["preset"]
        return name, min(members.values(), default=0), epochs_of(groups[method])

    return sorted(groups, key=place)


def base_method(record: Record) -> str:
    """A method's name without its epochs."""
    return str(record.trained["name"])


def epochs_of(group: Sequence[Record]) -> int:
    return int(group[0].config.get("epochs", 0))


def figure_title(figure: str) -> str:
    """What a figure of an attack is called in the header."""
    return title(f"unit/attack/signal/{figure}")
