"""Records of schema 2, in which the method's name alone says what was made: read into today's form.

Nothing else takes a name apart. What such names were made of stands here, and is not added to.
"""

import re
from collections.abc import Mapping
from typing import Any

FAMILIES = {"cgan": "cgan", "documented": "documented", "augmented": "documented"}
FAMILIES |= {"private": "private"}  # by the first word of a name; others are their own


def older_spec(method: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The `spec` of a record that has none.

    Args:
        method: the record's.
        config: the record's.

    Returns:
        Name without epochs, family, preset, options and training images, as in newer records.
    """
    name, images = re.sub(r"_e\d+$", "", method), None
    if config.get("source_digest") or config.get("pictures_digest"):
        name, family, preset = method, "own", "own"
    else:
        found = re.fullmatch(r"(.+)_n([1-9]\d*)", name)
        preset, images = (found[1], int(found[2])) if found else (name, None)
        family = FAMILIES.get(preset.split("_")[0], preset)
    options = config.get("inverter", config)
    return {
        "name": name,
        "family": family,
        "preset": preset,
        "options": {key: value for key, value in options.items() if not isinstance(value, dict)},
        "training_images": images,
    }
