"""What programs share: groups of options, rehearsals, the methods on a command line."""

import dataclasses
import sys
from typing import Annotated, Any, TypeVar

import tyro

from gan_inversion.core.options import leaves, option_name
from gan_inversion.core.program import main as main
from gan_inversion.data.source import Source
from gan_inversion.inverters.command_line import family_options
from gan_inversion.inverters.command_line import specs_of as specs_of

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name="")]  # options of a group, without the group's name


def rehearsed(options: T, **changes: Any) -> T:
    """The options, or with `--smoke` those of a rehearsal; prints which options that overrides.

    A rehearsal uses synthetic faces and the shipped recogniser, and writes under `runs/smoke`:
    where the options have them, it replaces `source`, `victim` and `folders`.

    Args:
        options: a dataclass with a field `smoke`.
        changes: other options of a rehearsal, with their values; also every other place that the
            program writes to, and every other recogniser that it looks at.
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
    for name, (given, default, _) in before.items():
        used = after[name].value
        if given not in (used, default):
            print(
                f"--smoke rehearses with {option_name(name)} {used}, not {given}", file=sys.stderr
            )
    return small


FamilyOptions: Any = family_options()
