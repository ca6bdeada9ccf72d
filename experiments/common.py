"""What programs share: groups of options, rehearsals, the methods on a command line."""

import dataclasses
import sys
import typing
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import tyro

from gan_inversion.core.options import leaves, option_name
from gan_inversion.core.own import is_own
from gan_inversion.core.program import main as main
from gan_inversion.data.source import Source
from gan_inversion.inverters.families import FAMILIES, Family, MethodSpec, described, specified

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name="")]  # options of a group, without the group's name


def rehearsed(options: T, **changes: Any) -> T:
    """The options, or with `--smoke` those of a rehearsal; prints which options that overrides.

    A rehearsal uses synthetic faces and the shipped recogniser, and writes under `runs/smoke`.

    Args:
        options: a dataclass with a field `smoke`.
        changes: other options of a rehearsal, with their values.
    """
    if not options.smoke:  # type: ignore[attr-defined]
        return options
    usual: dict[str, Any] = {"source": Source("synthetic"), "victim": "compact"}
    if folders := getattr(options, "folders", None):
        usual["folders"] = folders.inside("smoke")
    field_names = {field.name for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    usual = {name: value for name, value in usual.items() if name in field_names}
    small = dataclasses.replace(options, **(usual | changes))  # type: ignore[type-var]
    before, after = leaves(options), leaves(small)
    for name, (given, default) in before.items():
        used = after[name][0]
        if given not in (used, default):
            print(
                f"--smoke rehearses with {option_name(name)} {used}, not {given}", file=sys.stderr
            )
    return small


HINT = "(default: the preset's)"


def _group(family: Family) -> type:
    """A dataclass of a family's options for the command line; None means the preset's value."""
    kinds, texts = typing.get_type_hints(family.options), described(family.options)
    options = [
        (name, Annotated[kind | None, tyro.conf.arg(help=texts[name], help_behavior_hint=HINT)],
         None)
        for name, kind in kinds.items()
    ]  # fmt: skip
    return dataclasses.make_dataclass(family.name, options, frozen=True)


FamilyOptions: Any = dataclasses.make_dataclass(
    "FamilyOptions",
    [
        (family.name, kind := _group(family), kind())
        for family in FAMILIES.values()
        if family.presets and dataclasses.fields(family.options)
    ],
    namespace={"PREFIXED": True},  # --cgan.steps, not --steps
    frozen=True,
)


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
        families: options that differ from the presets', a `FamilyOptions`.
        epochs: of families that have this option and were not given it; None: the preset's.
        knowledge: what a user's own method knows of the attacked recogniser.

    Raises:
        UserError: no such method.
    """
    changes = {}
    for family, options in dataclasses.asdict(families or FamilyOptions()).items():
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
