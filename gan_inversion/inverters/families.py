"""Families of inverters, and what a method is: data.

A family says which options it has, which of them have names of their own, and which class is
trained with them. Whoever wants a family in the framework registers it (`experiments.families`
does for those that are there); everything else takes a `MethodSpec` and asks for no name.
"""

import ast
import hashlib
import importlib
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from gan_inversion.core.errors import UserError

SHORT = {"epochs": "e"}  # what an option is called in a name, where its own would be long


@dataclass(frozen=True)
class Family:
    """A kind of inverter.

    Attributes:
        name: e.g. `cgan`.
        presets: name of a method -> its options, a frozen dataclass; the first are the usual ones.
        rehearsals: the same names -> options for a rehearsal; where there are none, the same.
        place: `module:class` of the inverter, which is imported when it is needed.
        together: `module:function` that trains many inverters of it at once, as
            `baselines.farm.train_specs` does.
    """

    name: str
    presets: Mapping[str, Any]
    place: str
    rehearsals: Mapping[str, Any] | None = None
    together: str = ""

    @property
    def trainer(self) -> Any:
        """What trains many at once, epoch by epoch; None where they are trained one by one."""
        return _at(self.together) if self.together else None

    @property
    def kind(self) -> Any:
        """The inverter's class, a subclass of `inverters.base.Inverter`."""
        return _at(self.place)

    @property
    def options(self) -> type:
        """The dataclass of its options."""
        return type(next(iter(self.presets.values())))


def _at(place: str) -> Any:
    """What stands at `module:name`."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


FAMILIES: dict[str, Family] = {}


def register(family: Family) -> None:
    """Make a family known by its name."""
    FAMILIES[family.name] = family


@dataclass(frozen=True)
class MethodSpec:
    """What is trained: made once, hashed, stored in the record, and its name never parsed again.

    Attributes:
        name: for people, files and tables; generated from the rest.
        family: a key of `FAMILIES`.
        options: of the family, a frozen dataclass.
        training_images: images drawn at random to train on; None for all of them.
        preset: name of the options that these were made from.
    """

    name: str
    family: str
    options: Any
    training_images: int | None = None
    preset: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """All of it as plain data, for a record."""
        return {
            "name": self.name,
            "family": self.family,
            "preset": self.preset,
            "options": asdict(self.options),
            "training_images": self.training_images,
        }

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of family, options and training images."""
        content = [self.family, asdict(self.options), self.training_images]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def make(self, *, recogniser: Any = None) -> Any:
        """The inverter, to be fitted.

        Args:
            recogniser: the attacked one, which some are trained through.
        """
        return FAMILIES[self.family].kind.made(self.options, name=self.name, recogniser=recogniser)

    def rehearsed(self, **changes: Any) -> "MethodSpec":
        """The same in small, under the same name; what differs from the preset stays.

        Args:
            changes: options for a rehearsal, of families that have them.
        """
        family = FAMILIES[self.family]
        if self.preset not in family.presets:
            return self
        own = different(family.presets[self.preset], self.options)
        small = changed((family.rehearsals or family.presets)[self.preset], changes)
        return replace(self, options=replace(small, **own))


def changed(options: Any, changes: Mapping[str, Any]) -> Any:
    """Options with those changes that they have a field for."""
    known = {field.name for field in fields(options)}
    return replace(options, **{name: value for name, value in changes.items() if name in known})


def specified(
    method: str, changes: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> MethodSpec:
    """The spec that a short name on a command line stands for.

    Args:
        method: a preset of a family, `_n500` at its end for so many training images.
        changes: family -> options that differ from the preset's.

    Raises:
        UserError: no family has such a preset, or its options contradict each other.
    """
    base, size = method, None
    head, mark, digits = method.rpartition("_n")
    if mark and digits.isascii() and digits.isdigit() and int(digits) > 0:
        base, size = head, int(digits)
    for family in FAMILIES.values():
        if base in family.presets:
            usual = family.presets[base]
            options = replace(usual, **changes.get(family.name, {}))
            name = base + (f"_n{size}" if size else "") + differences(usual, options)
            return MethodSpec(name, family.name, options, size, base)
    known = [name for family in FAMILIES.values() for name in family.presets]
    shown = [name for family in FAMILIES.values() for name in list(family.presets)[:3]]
    near = get_close_matches(base, known)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    raise UserError(
        f"expected a method such as {', '.join(shown)}, or file.py:name, got {method!r}{meant}"
    )


def different(usual: Any, options: Any) -> dict[str, Any]:
    """The options that are not as usual."""
    pairs = ((field.name, getattr(options, field.name)) for field in fields(options))
    return {name: value for name, value in pairs if value != getattr(usual, name)}


def differences(usual: Any, options: Any) -> str:
    """What tells options from a preset's, for a name: `_e30`, `_identity5`."""
    parts = []
    for name, value in different(usual, options).items():
        said = re.sub("[^a-z0-9]", "p", f"{value}".lower())  # 0.5 is 0p5: fit for records
        parts.append(f"_{SHORT.get(name, name)}{said}")
    return "".join(parts)


def described(options: type) -> dict[str, str]:
    """What the strings below the fields of a dataclass say: field -> text."""
    found = {}
    for kind in reversed(options.__mro__[:-1]):
        (body,) = ast.parse(inspect.cleandoc(inspect.getsource(kind))).body
        lines = body.body  # type: ignore[attr-defined]
        for line, after in pairwise(lines):
            if isinstance(line, ast.AnnAssign) and isinstance(after, ast.Expr):
                found[line.target.id] = " ".join(after.value.value.split())  # type: ignore
    return found
