"""Converts records, runs and saved inverters of older versions into today's form.

No other module parses the name of a method or knows an older word. Of the tables below only `ADDED`
grows: with each new option of an inverter that takes long to train.
"""

import re
from collections.abc import Mapping
from typing import Any

SCHEMA = 3  # of today's records
FAMILIES = {"cgan": "cgan", "documented": "documented", "augmented": "documented"}
FAMILIES |= {"private": "private"}  # by a name's first word; others name themselves
FIELDS = {"embedder": "victim", "embedder_digest": "victim_digest"}
OPTIONS = {
    "alone": "warmup",
    "memory": "ema",
    "recognised": "recogniser_stride",
    "judge_width": "discriminator_width",
    "judge_learning_rate": "discriminator_learning_rate",
}
ADDED: dict[str, dict[str, Any]] = {
    "cgan": {
        "committee": [],
        "discriminator_side": 160,
        "greyscale": False,
        "imagined": 0,
        "mirrored": False,
        "target": "embedding",
        "whitening": 0.0,
    },
    "private": {"clipped": True, "learning_rate": 1e-3},
}  # by family: options that a run may not know yet, with the values that change nothing
TRAINED = ("documented", "inversion", "membership", "search")  # protocols that train inverters


def todays_record(content: Any) -> Any:
    """Convert the content of a record of schema 2.

    There only the name of the method says what was trained. Any other content is returned as it
    is: validation says what is wrong with it.
    """
    if not isinstance(content, dict) or content.get("schema") != 2:
        return content
    content = _renamed(content, FIELDS) | {"schema": SCHEMA}
    config = content.get("config")
    if isinstance(config, dict):
        config = content["config"] = todays_options(config)
        if isinstance(config.get("inverter"), dict):
            config["inverter"] = todays_options(config["inverter"])
        if content.get("protocol") in TRAINED and isinstance(content.get("method"), str):
            content["spec"] = older_spec(content["method"], config)
    return content


def todays_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an inverter under today's names."""
    return _renamed(options, OPTIONS)


def todays_run(config: Mapping[str, Any]) -> dict[str, Any]:
    """The options in a run's `config.json` under today's names, with the inverter's family.

    Those that are `ADDED` and change nothing are left out, as a run may not know them.
    """
    config = _renamed(config, FIELDS | OPTIONS)
    if "family" not in config and isinstance(config.get("method"), str):
        own = ":" in config["method"]
        config["family"] = "own" if own else older_spec(config["method"], config)["family"]
    return older_options(str(config.get("family")), config)


def older_options(family: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an inverter without those that are `ADDED` and change nothing."""
    added = ADDED.get(family, {})
    return {
        name: value for name, value in options.items() if name not in added or value != added[name]
    }


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def older_spec(method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The `spec` of a record that has none.

    Args:
        method: name of the method in the record.
        config: options in the record.

    Returns:
        Name (without the epochs), family, preset, options and training images, as in newer records.
    """
    name, images = re.sub(r"_e\d+$", "", method), None
    if config.get("source_digest") or config.get("pictures_digest"):
        name, family, preset = method, "own", "own"
    else:
        sized = re.fullmatch(r"(.+)_n([1-9]\d*)", name)
        preset, images = (sized[1], int(sized[2])) if sized else (name, None)
        family = FAMILIES.get(preset.split("_")[0], preset)
    options = config.get("inverter")
    options = options if isinstance(options, dict) else config
    return {
        "name": name,
        "family": family,
        "preset": preset,
        "options": {key: value for key, value in options.items() if not isinstance(value, dict)},
        "training_images": images,
    }
