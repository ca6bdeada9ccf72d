"""The card of an ONNX recogniser: what its file does not say of the images that it takes."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from gan_inversion.core.errors import UserError
from gan_inversion.core.schema import once
from gan_inversion.core.storage import read_file

COLOURS = ("RGB", "BGR")
ALIGNMENTS = ("arcface", "none")
ENDINGS = (".toml", ".json")  # of a card beside a model


@dataclass(frozen=True, kw_only=True)
class Card:
    """How images become the input of a network: (pixels - mean) / deviation.

    Attributes:
        colours: order of the colours, `RGB` or `BGR`.
        mean: of pixels in [0, 255]; one number, or three in the order of `colours`.
        deviation: likewise.
        alignment: `arcface`: the network takes faces that were moved to ArcFace's template by five
            landmarks; `none`: it takes the view `aligned`, resized.
        accuracy: accuracy on LFW's ten folds that the network is said to reach; 0 if unknown.
    """

    colours: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    alignment: str = "arcface"
    accuracy: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any], source: str) -> Self:
        """Make a card from values, which may be texts.

        Args:
            values: by the names of the fields; `mean` and `deviation` as a number, three numbers
                or a text of these with spaces between them.
            source: what to call them in an error.

        Raises:
            UserError: a value is missing, unknown or of the wrong kind.
        """
        names = [field.name for field in fields(cls)]
        unknown = [name for name in values if name not in names]
        missing = [name for name in names[:3] if name not in values]
        if unknown or missing:
            which = f"unknown {', '.join(unknown)}" if unknown else f"no {', '.join(missing)}"
            raise UserError(f"{source}: expected {', '.join(names)}, got {which}")
        card = dict(values)
        for name in ("mean", "deviation"):
            card[name] = _numbers(values[name], f"{source}: {name}")
        if not all(card["deviation"]):
            raise UserError(f"{source}: expected a deviation other than 0")
        for name, known in (("colours", COLOURS), ("alignment", ALIGNMENTS)):
            if name in card and card[name] not in known:
                raise UserError(f"{source}: expected {name} {' or '.join(known)}, got {card[name]}")
        (accuracy,) = _numbers(values.get("accuracy", 0.0), f"{source}: accuracy", counts=(1,))
        if not 0 <= accuracy <= 1:
            raise UserError(f"{source}: expected an accuracy from 0 to 1, got {accuracy}")
        return cls(**{**card, "accuracy": accuracy})


def _numbers(value: Any, source: str, counts: tuple[int, ...] = (1, 3)) -> tuple[float, ...]:
    parts = value.split() if isinstance(value, str) else value
    parts = parts if isinstance(parts, list | tuple) else [parts]
    try:
        numbers = tuple(float(part) for part in parts)
        if len(numbers) in counts and all(abs(number) < 1e6 for number in numbers):
            return numbers
    except (TypeError, ValueError, OverflowError):
        pass
    wanted = " or ".join(map(str, counts))
    raise UserError(f"{source}: expected {wanted} numbers, got {str(value)[:60]!r}")


def ready() -> list[str]:
    """Names of the cards that come with the package."""
    folder = files("gan_inversion.recognisers").joinpath("cards")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir())


def read_card(model: Path, given: str = "") -> Card:
    """The card of a model.

    Args:
        model: the ONNX file.
        given: name of a ready card; or values, as `colours=BGR,mean=127.5,deviation=127.5`; or
            nothing: then the card is the file beside the model of its name, with one of `ENDINGS`.

    Raises:
        UserError: there is no such card, or it is wrong.
    """
    if "=" in given:
        pairs = [part.partition("=") for part in given.split(",")]
        return Card.of({name.strip(): value.strip() for name, _, value in pairs}, given)
    if given:
        if given not in ready():
            raise UserError(f"expected a card of {', '.join(ready())}, got {given!r}")
        file = files("gan_inversion.recognisers").joinpath("cards", f"{given}.toml")
        return Card.of(tomllib.loads(file.read_text(encoding="utf-8")), given)
    for path in (model.with_suffix(ending) for ending in ENDINGS):
        if path.is_file():
            return Card.of(_parsed(path), str(path))
    raise UserError(
        f"expected a card beside {model}, as {model.with_suffix('.toml').name}, or its name behind "
        f"a colon, such as {model.name}:insightface (one of {', '.join(ready())})"
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = read_file(path).decode("utf-8-sig")  # Windows writes a mark
        values = (
            tomllib.loads(text)
            if path.suffix == ".toml"
            else json.loads(text, object_pairs_hook=once)
        )
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a readable card: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} is not a card: expected names with values")
    return values
