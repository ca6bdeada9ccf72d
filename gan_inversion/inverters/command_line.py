"""Methods on a command line: the options of all families, and the specs that they give."""

import dataclasses
import typing
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from gan_inversion.core.own import is_own
from gan_inversion.inverters.families import FAMILIES, Family, MethodSpec, described, specified

HINT = "(default: the preset's)"


def family_options() -> Any:
    """A dataclass with a field for each registered family that has options: `--cgan.steps`."""
    groups = [
        (family.name, kind := _group(family), kind())
        for family in FAMILIES.values()
        if family.presets and dataclasses.fields(family.options)
    ]
    # PREFIXED: --cgan.steps, not --steps
    return dataclasses.make_dataclass(
        "FamilyOptions", groups, namespace={"PREFIXED": True}, frozen=True
    )


def _group(family: Family) -> type:
    """A dataclass of a family's options for the command line; None means the preset's value."""
    kinds = typing.get_type_hints(family.options)
    options = [
        (name, Annotated[kinds[name] | None, tyro.conf.arg(help=text, help_behavior_hint=HINT)],
         None)
        for name, text in described(family.options).items()
    ]  # fmt: skip
    ranges = {"RANGES": getattr(family.options, "RANGES", {})}
    return dataclasses.make_dataclass(family.name, options, namespace=ranges, frozen=True)


def specs_of(
    methods: Sequence[str],
    families: Any = None,
    *,
    epochs: int | None = None,
    knowledge: str = "black_box",
) -> list[MethodSpec]:
    """The specs of the methods on a command line.

    Args:
        methods: presets of families, or `file.py:name`.
        families: options that differ from the presets', made by `family_options`.
        epochs: of families that have this option and were not given it; None: the preset's.
        knowledge: what a user's own method knows of the attacked recogniser.

    Raises:
        UserError: no such method.
    """
    changes = {}
    for family, options in dataclasses.asdict(families or family_options()()).items():
        if options.get("epochs", ...) is None:  # the family has epochs, and was given none
            options["epochs"] = epochs
        changes[family] = {name: value for name, value in options.items() if value is not None}
    specs = []
    for method in methods:
        if is_own(method):
            from gan_inversion.inverters.own import own_spec

            specs.append(own_spec(method, knowledge=knowledge))
        else:
            specs.append(specified(method, changes))
    return specs
