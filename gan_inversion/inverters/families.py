"""Families of inverters, and `MethodSpec`: a method as plain data.

A family declares its options, its presets (options that have a name) and the class that is trained
with them. A new family is added with `register`, as `experiments.families` does for the existing
ones. All other code takes a `MethodSpec` and never looks at names.
"""

import ast
import hashlib
import importlib
import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from gan_inversion.core.errors import UserError
from gan_inversion.core.older import older_options
from gan_inversion.core.options import plain
from gan_inversion.core.own import free_name

SHORT = {"epochs": "e"}  # option -> its abbreviation in the name of a method


@dataclass(frozen=True)
class Family:
    """A kind of inverter.

    Attributes:
        name: e.g. `cgan`.
        presets: name of a method -> its options, a frozen dataclass; the most used ones first.
        rehearsals: the same names -> options for a rehearsal; if None, those of `presets`.
        place: `module:class` of the inverter, which is imported when it is needed.
        together: `module:function` that trains many inverters of the family at once, as
            `baselines.together.train_specs` does.
        group: what the dashboard's list of runs has it under; if empty, its name.
    """

    name: str
    presets: Mapping[str, Any]
    place: str
    rehearsals: Mapping[str, Any] | None = None
    together: str = ""
    group: str = ""

    @property
    def trainer(self) -> Any:
        """The function that trains many inverters at once; None if they are trained one by one."""
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
    """Import the object `module:name`."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


FAMILIES: dict[str, Family] = {}


def register(family: Family) -> None:
    """Add a family to `FAMILIES`."""
    FAMILIES[family.name] = family


def group_of(family: str) -> str:
    """What the dashboard's list of runs has a family under; it may be one that nobody trains."""
    return (family in FAMILIES and FAMILIES[family].group) or family


@dataclass(frozen=True)
class MethodSpec:
    """What is trained, as plain data: made once, hashed and stored in the record.

    Attributes:
        name: for people, files and tables; generated from the other fields, and never parsed.
        family: a key of `FAMILIES`.
        options: of the family, a frozen dataclass.
        training_images: number of images, chosen at random, to train on; None for all.
        preset: name of the preset that the options were made from.
    """

    name: str
    family: str
    options: Any
    training_images: int | None = None
    preset: str = ""

    @property
    def content(self) -> dict[str, Any]:
        """All fields as plain data, for a record."""
        return {
            "name": self.name,
            "family": self.family,
            "preset": self.preset,
            "options": plain(self.options),
            "training_images": self.training_images,
        }

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of family, options and training images.

        Options that change nothing, and that older versions did not have, leave it as it was.
        """
        options = older_options(self.family, plain(self.options))
        content = [self.family, options, self.training_images]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def make(self, *, recogniser: Any = None) -> Any:
        """Make the inverter, not yet fitted.

        Args:
            recogniser: the victim; some inverters are trained through it.
        """
        return FAMILIES[self.family].kind.made(self.options, name=self.name, recogniser=recogniser)

    def rehearsed(self, **changes: Any) -> "MethodSpec":
        """A smaller version for a rehearsal; name and options that differ from the preset stay.

        Args:
            changes: further options for the rehearsal, for families that have them.
        """
        family = FAMILIES[self.family]
        if self.preset not in family.presets:
            return self
        own = different(family.presets[self.preset], self.options)
        small = changed((family.rehearsals or family.presets)[self.preset], changes)
        return replace(self, options=replace(small, **own))


def changed(options: Any, changes: Mapping[str, Any]) -> Any:
    """Options with the changes applied; changes that have no field are ignored."""
    names = {field.name for field in fields(options)}
    return replace(options, **{name: value for name, value in changes.items() if name in names})


def specified(
    method: str, changes: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> MethodSpec:
    """The spec that a short name on a command line stands for.

    Args:
        method: name of a preset; `_n500` at its end means 500 training images.
        changes: family -> options that differ from the preset's.

    Raises:
        UserError: no family has such a preset, or its options contradict each other.
    """
    base, size = parted(method)
    for family in FAMILIES.values():
        if base in family.presets:
            usual = family.presets[base]
            options = replace(usual, **changes.get(family.name, {}))
            name = base + (f"_n{size}" if size else "") + differences(usual, options)
            return MethodSpec(name, family.name, options, size, base)
    presets = [name for family in FAMILIES.values() for name in family.presets]
    shown = [name for family in FAMILIES.values() for name in list(family.presets)[:3]]
    near = get_close_matches(base, presets)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    raise UserError(
        f"expected a method such as {', '.join(shown)}, or file.py:name, got {method!r}{meant}"
    )


def parted(method: str) -> tuple[str, int | None]:
    """Name of the preset in the short name of a method, and the training images it asks for."""
    head, mark, digits = method.rpartition("_n")
    if mark and digits.isascii() and digits.isdigit() and int(digits) > 0:
        return head, int(digits)
    return method, None


def own_name(source: str) -> str:
    """Name, for records, of a user's `file.py:name`: after `own_` if a family has such a method."""
    families = FAMILIES.values()
    return free_name(source, lambda name: any(parted(name)[0] in f.presets for f in families))


def different(usual: Any, options: Any) -> dict[str, Any]:
    """The options that differ from the usual ones: name -> value."""
    pairs = ((field.name, getattr(options, field.name)) for field in fields(options))
    return {name: value for name, value in pairs if value != getattr(usual, name)}


def differences(usual: Any, options: Any) -> str:
    """Suffix of a method's name for options that differ from the preset's, as `_identity5`."""
    parts = []
    for name, value in different(usual, options).items():
        words = "_".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
        last = words.lower().rpartition("/")[2]  # of a path the name of the file
        text = re.sub("[^a-z0-9]", "p", last)  # 0.5 becomes 0p5, fit for a file name
        parts.append(f"_{SHORT.get(name, name)}{text}")
    return "".join(parts)


def described(options: type) -> dict[str, str]:
    """The strings below the fields of a dataclass, which describe them: field -> text."""
    texts = {}
    for kind in reversed(options.__mro__[:-1]):
        (body,) = ast.parse(inspect.cleandoc(inspect.getsource(kind))).body
        lines = body.body  # type: ignore[attr-defined]
        for line, after in pairwise(lines):
            if isinstance(line, ast.AnnAssign) and isinstance(after, ast.Expr):
                texts[line.target.id] = " ".join(after.value.value.split())  # type: ignore
    return texts
