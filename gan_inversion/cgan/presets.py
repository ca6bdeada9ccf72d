"""Options of the conditional GAN that have a name: presets by budget, and variants.

An ablation is a change of one field; `VARIANTS` are the published ones.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gan_inversion.cgan.options import FAMILY, TERMS, Config

# Synthetic faces have flat colours and few lines: a discriminator of this size tells them from any
# generated image at once, and then forces the same line into every image.
_DRAWN: dict[str, Any] = {
    "identity": 2.0,
    "midlayer": 2.0,
    "dissimilarity": 8.0,
    "adversarial": 0.1,
    "projected": 0.0,
    "noise": 8,
    "corrections": 1,
    "learning_rate": 1e-3,
    "discriminator_learning_rate": 4e-4,
    "precision": "float32",  # so that the shipped weights can be reproduced on any machine
}

# In so few steps a discriminator spoils the faces.
_SHORT: dict[str, Any] = {
    "steps": 500,
    "adversarial": 0.0,
    "projected": 0.0,
    "diversity": 0.0,
    "noise": 0,
    "greyscale": True,
}
PRESETS = {
    "smoke": Config(
        side=64,
        width=4,
        discriminator_width=4,
        batch_size=8,
        steps=6,
        interval=2,
        warmup=2,
        ramp=2,
        surrogate=2,
        corrections=1,
        precision="float32",
    ),
    "tiny": Config(
        side=64,
        width=24,
        discriminator_width=16,
        recogniser_stride=4,
        steps=300,
        warmup=100,
        corrections=0,
    ),
    "demo": Config(
        **_DRAWN,
        side=64,
        width=16,
        discriminator_side=64,
        discriminator_width=8,
        steps=300,
        warmup=240,
        interval=60,
    ),
    "drawn": Config(
        **_DRAWN, side=112, width=16, discriminator_width=16, steps=5000, warmup=4000, interval=500
    ),
    "short": Config(**_SHORT),
    "audited": Config(**_SHORT, corrections=0, interval=50),  # many are trained for an audit
    "cpu": Config(steps=1400, warmup=200),
    "long": Config(steps=5600, warmup=200),
    "gpu": Config(
        width=64,
        discriminator_width=32,
        precision="mixed_bfloat16",
        batch_size=64,
        steps=2000,
        warmup=500,
        interval=500,
    ),
}
PUBLISHED = "long"  # the preset of a method whose name gives none

# Each row of the ablation adds one thing to the row above it, up to the committee.
_MSE: dict[str, Any] = {
    **dict.fromkeys(TERMS, 0.0),
    "l2": 1.0,
    "augment": False,
    "greyscale": False,
    "committee": (),
    "imagined": 0,
    "noise": 0,
    "corrections": 0,
}
_PIXELS = {**_MSE, "l2": 0.0, "l1": Config.l1, "dissimilarity": Config.dissimilarity}
_MIDLAYER = {**_PIXELS, "midlayer": Config.midlayer}
_IDENTITY = {**_MIDLAYER, "identity": Config.identity}
_COMMITTEE = {"committee": ("mobilefacenet=3",)}
ABLATION: dict[str, dict] = {
    "mse": _MSE,
    "l1_ssim": _PIXELS,
    "midlayer": _MIDLAYER,
    "identity": _IDENTITY,
    "augmented": {**_IDENTITY, "augment": True},
    "greyscale": {**_IDENTITY, "augment": True, "greyscale": True},
    "corrected": {},  # the whole configuration
    "committee": _COMMITTEE,
    # Each of these adds one thing to the committee.
    "imagined": {**_COMMITTEE, "imagined": 4},
    "mirrored": {**_COMMITTEE, "mirrored": True},
    "view": {**_COMMITTEE, "target": "view"},
    "whitened": {**_COMMITTEE, "whitening": 1e-3},
}
STEPWISE = tuple(f"{FAMILY}_{name}_short" for name in ABLATION)  # its methods, in order
VARIANTS: dict[str, dict] = ABLATION | {
    "late": {},  # the second generation without a committee: see `SECOND`
    "pixels": {"projected": 0.0},
    "relativistic": {"loss": "relativistic", "gradient_penalty": 1.0},
    "black_box": {"knowledge": "black_box", "corrections": 0},
}


# The second generation, which are `late` and the variants with a committee: the discriminator comes
# when the faces are whole already, and sees no colours.
_LATE: dict[str, Any] = {"greyscale": True, "ramp": 300}
SECOND: dict[str, dict] = {
    "cpu": {**_LATE, "steps": 2800, "warmup": 2000},
    "long": {**_LATE, "steps": 5600, "warmup": 4000},
    "gpu": {**_LATE, "warmup": 1000},
}  # by preset: what the second generation changes


def _named(preset: str, variant: str) -> Config:
    changes = VARIANTS.get(variant, {})
    second = variant == "late" or changes.get("committee")
    late = SECOND.get(preset, {}) if second else {}
    return replace(PRESETS[preset], **late | changes)


def _names() -> Iterator[tuple[str, str, str]]:
    """Every name of a method, `cgan[_<variant>][_<preset>]`, with its variant and its preset."""
    for variant in ("", *VARIANTS):
        for preset in ("", *PRESETS):
            yield "_".join(filter(None, (FAMILY, variant, preset))), variant, preset or PUBLISHED


METHODS = {name: _named(preset, variant) for name, variant, preset in _names()}
REHEARSALS = {name: _named("smoke", variant) for name, variant, _ in _names()}
