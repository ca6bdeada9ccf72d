"""Options of programs: their values by name, and the range of each name in all programs."""

import dataclasses
import json
from typing import Any

from gan_inversion.core.errors import UserError

WEIGHT = (0, 1e6)  # of a term in a loss
# Least and largest value of options by these names, whatever the program.
RANGES = {
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
    "steps": (1, 100_000_000),
    "warmup": (0, 100_000_000),
    "interval": (1, 100_000_000),
    "width": (1, 10_000),
    "discriminator_width": (1, 10_000),
    "stages": (1, 3),
    "recogniser_stride": (1, 1_000_000),
    "noise": (0, 100_000),
    "surrogate": (1, 100_000),
    "corrections": (0, 10_000),
    "components": (1, 76_800),
    "ema": (0, 1),
    "whitening": (0, 1),
    **dict.fromkeys(("l1", "l2", "dissimilarity", "midlayer", "identity"), WEIGHT),
    **dict.fromkeys(("adversarial", "projected", "diversity", "gradient_penalty"), WEIGHT),
    "imagined": (0, 1_000_000),
    "ramp": (1, 100_000_000),
    "gain": (0, 100),
    "margin": (0, 2),
    "unseen": (2, 900_000),
    "epsilon": (1e-3, 1e6),
    "delta": (1e-12, 0.5),
    "clipping": (1e-12, 1e6),
    "learning_rate": (1e-9, 1e30),
    "discriminator_learning_rate": (1e-9, 1e30),
}


MAY_BE_EMPTY = ("judges", "names", "committee", "membership", "labels", "shares")


def plain(options: Any) -> dict[str, Any]:
    """The fields of a dataclass as a JSON file gives them back: a tuple is a list."""
    content: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(options)))
    return content


def check_options(options: Any) -> None:
    """Raise `UserError` unless numbers are in range and no list of choices is empty.

    Args:
        options: a dataclass; fields by the same name have the same range in every program.
    """
    for name, (value, _) in leaves(options).items():
        if isinstance(value, tuple) and not value and name not in MAY_BE_EMPTY:
            raise UserError(f"expected one value or more for {option_name(name)}, got none")
        if (kind := name.rpartition(".")[2]) not in RANGES:
            continue
        low, high = RANGES[kind]
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not low <= number <= high:
                raise UserError(f"expected {low} to {high} for {option_name(name)}, got {number}")


def leaves(options: Any, group: str = "") -> dict[str, tuple[Any, Any]]:
    """The value and the default of every option, by its name on the command line.

    Args:
        options: a dataclass. The fields of a group, a dataclass in it, are options by their own
            names, unless `options` is `PREFIXED`: then the name of the group stands before them.
        group: what stands before the names.
    """
    values: dict[str, tuple[Any, Any]] = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if dataclasses.is_dataclass(value):
            prefixed = getattr(options, "PREFIXED", False)
            values |= leaves(value, f"{field.name}." if prefixed else group)
        else:
            values[group + field.name] = value, field.default
    return values


def option_name(name: str) -> str:
    """An option as it is written on the command line."""
    return f"--{name.replace('_', '-')}"
