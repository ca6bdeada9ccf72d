"""Options of programs: their values by name, and the range of each name in all programs."""

import dataclasses
import json
from typing import Any, NamedTuple

from gan_inversion.core.errors import UserError

Range = tuple[float, float]  # least and largest value

# Of options by these names, whatever the program. A dataclass of options that has others, or other
# limits, says so in a `RANGES` of its own.
RANGES: dict[str, Range] = {
    "seed": (0, 2**32 - 1),
    "seeds": (0, 2**32 - 1),
    "epochs": (1, 100_000),
    "shares": (1, 99),
    "models": (1, 10_000),
    "workers": (0, 10_000),
    "min_images": (1, 1_000_000),
    "people": (1, 1_000_000),
    "hypotheses": (1, 1_000),
    "port": (1, 65_535),
    "subjects": (2, 900_000),
    "images": (1, 100_000),
    "turns": (1, 10_000),
    "batch_size": (1, 1_000_000),
    "learning_rate": (1e-9, 1e30),
}


MAY_BE_EMPTY = ("judges", "names", "committee", "membership", "labels", "shares")


def plain(options: Any) -> dict[str, Any]:
    """The fields of a dataclass as a JSON file gives them back: a tuple is a list."""
    content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(options)))
    return content


def check_options(options: Any) -> None:
    """Raise `UserError` unless numbers are in range and no list of choices is empty.

    Args:
        options: a dataclass.
    """
    for name, option in leaves(options).items():
        value = option.value
        if isinstance(value, tuple) and not value and name not in MAY_BE_EMPTY:
            raise UserError(f"expected one value or more for {option_name(name)}, got none")
        if option.range is None:
            continue
        low, high = option.range
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not low <= number <= high:
                raise UserError(f"expected {low} to {high} for {option_name(name)}, got {number}")


class Leaf(NamedTuple):
    """One option: its value, its default, and its range if it is a number."""

    value: Any
    default: Any
    range: Range | None


def leaves(options: Any, group: str = "") -> dict[str, Leaf]:
    """Every option by its name on the command line.

    Args:
        options: a dataclass. The fields of a group, a dataclass in it, are options by their own
            names, unless `options` is `PREFIXED`: then the name of the group stands before them.
        group: what stands before the names.
    """
    every: dict[str, Leaf] = {}
    ranges = RANGES | getattr(options, "RANGES", {})
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            prefixed = getattr(options, "PREFIXED", False)
            every |= leaves(value, f"{field.name}." if prefixed else group)
        else:
            every[group + field.name] = Leaf(value, field.default, ranges.get(field.name))
    return every


def option_name(name: str) -> str:
    """An option as it is written on the command line."""
    return f"--{name.replace('_', '-')}"
