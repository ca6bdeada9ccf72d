"""What a drawn face is made from: a subject and what changes from image to image, at random.

Lengths are in frame pixels, from the centre of the face.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from gan_inversion.data.views import FRAME

Colour = tuple[int, int, int]

SKIN = (
    (255, 224, 196),
    (241, 194, 160),
    (224, 172, 128),
    (198, 140, 98),
    (141, 92, 60),
    (92, 60, 42),
)

HAIR = (
    (24, 20, 18),
    (62, 40, 26),
    (110, 72, 40),
    (170, 122, 64),
    (222, 190, 120),
    (150, 58, 30),
    (168, 166, 164),
)

IRIS = ((70, 44, 26), (44, 30, 22), (64, 104, 150), (84, 120, 84), (110, 120, 128), (120, 84, 40))


@dataclass(frozen=True)
class Identity:
    """What stays the same in every image of a subject."""

    head_width: float
    head_height: float
    jaw: float  # 0 round to 0.35 pointed
    skin: Colour
    hair: Colour
    hair_style: int  # 0 bald, 1 short, 2 parted, 3 long, 4 curly
    hair_line: float
    eye_distance: float
    eye_height: float
    eye_size: float
    eye_tilt: float
    iris: Colour
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    brow_gap: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    lip: float
    lip_colour: Colour
    glasses: bool
    beard: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """A random subject."""
        skin = _mix(SKIN, rng)
        hair = HAIR[rng.integers(len(HAIR))]
        red = rng.uniform(0.1, 0.7)
        return cls(
            head_width=rng.uniform(40, 56),
            head_height=rng.uniform(54, 70),
            jaw=rng.uniform(0, 0.35),
            skin=skin,
            hair=hair,
            hair_style=int(rng.choice(5, p=[0.1, 0.3, 0.2, 0.25, 0.15])),
            hair_line=rng.uniform(0.42, 0.72),
            eye_distance=rng.uniform(16, 25),
            eye_height=rng.uniform(-20, -9),
            eye_size=rng.uniform(6.5, 11),
            eye_tilt=rng.uniform(-0.2, 0.25),
            iris=IRIS[rng.integers(len(IRIS))],
            brow_thickness=rng.uniform(1.5, 5),
            brow_arch=rng.uniform(0, 5),
            brow_tilt=rng.uniform(-0.2, 0.2),
            brow_gap=rng.uniform(8, 14),
            nose_length=rng.uniform(16, 30),
            nose_width=rng.uniform(5, 12),
            mouth_width=rng.uniform(12, 24),
            mouth_height=rng.uniform(32, 43),
            lip=rng.uniform(2, 5.5),
            lip_colour=blend(shade(skin, 0.8), (176, 48, 56), red),
            glasses=bool(rng.random() < 0.15),
            beard=bool(rng.random() < 0.15),
        )


@dataclass(frozen=True)
class Nuisance:
    """What changes from image to image of a subject."""

    roll: float  # radians
    yaw: float  # -1 left to 1 right
    pitch: float
    zoom: float
    shift: tuple[float, float]
    smile: float  # -1 to 1
    open_mouth: float  # 0 to 1
    eyelid: float  # 1 open
    brow_raise: float
    gain: float
    light: tuple[float, float]  # brightness gradient across the frame
    warmth: float
    noise: float
    backdrop: tuple[Colour, Colour]
    backdrop_edge: float
    clothes: Colour

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """Random conditions of one image."""
        colours = [_colour(rng) for _ in range(3)]
        return cls(
            roll=rng.normal(0, 0.06),
            yaw=rng.uniform(-1, 1),
            pitch=rng.uniform(-1, 1),
            zoom=rng.uniform(0.93, 1.07),
            shift=(rng.normal(0, 2), rng.normal(0, 2)),
            smile=rng.uniform(-0.6, 1),
            open_mouth=float(rng.random() < 0.35) * rng.uniform(0.2, 1),
            eyelid=rng.uniform(0.5, 1),
            brow_raise=rng.uniform(-2, 4),
            gain=rng.uniform(0.75, 1.15),
            light=(rng.uniform(-0.3, 0.3), rng.uniform(-0.15, 0.15)),
            warmth=rng.uniform(-0.08, 0.08),
            noise=rng.uniform(1, 7),
            backdrop=(colours[0], colours[1]),
            backdrop_edge=rng.uniform(0, FRAME),
            clothes=colours[2],
        )


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(30, 230, 3).tolist()
    return red, green, blue


def _mix(palette: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    """A colour between two neighbours of a palette."""
    first = rng.integers(len(palette) - 1)
    return blend(palette[first], palette[first + 1], rng.random())


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """The first colour with a share, 0 to 1, of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker by a factor below 1, or lighter by one above."""
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue
