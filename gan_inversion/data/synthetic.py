"""Procedural faces: simple drawn portraits, deterministic in a seed, for runs without any download.

What makes a subject (head, skin, hair, eyes, brows, nose, mouth) is chosen once a subject; what
changes between images (pose, expression, light, background, noise) once an image. The geometry
follows LFW's deep-funneled frame: eyes near (105, 112) and (145, 112), face within the central
140x140 pixels. Lengths are in frame pixels, from the centre of the face.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

import numpy as np
from PIL import Image, ImageDraw

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import sha256
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.views import FRAME

VERSION = 1  # add 1 whenever the same seed gives other pixels
SCALE = 2  # supersampling: polygons have no smooth edges otherwise

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
CIRCLE = np.linspace(0, 2 * np.pi, 48, endpoint=False)
COS, SIN = np.cos(CIRCLE), np.sin(CIRCLE)


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
            lip_colour=_blend(_shade(skin, 0.8), (176, 48, 56), red),
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


class Synthetic(Dataset):
    """Procedural faces.

    Args:
        subjects: number of subjects.
        images: number of images of each subject.
        seed: of all random choices.
        first: number of the first subject; disjoint ranges give disjoint people.
    """

    name = "synthetic"

    def __init__(self, subjects: int = 100, images: int = 8, *, seed: int = 0, first: int = 0):
        if subjects < 1 or images < 1:
            raise UserError(f"expected at least 1 subject and 1 image, got {subjects} and {images}")
        self.seed = seed
        self.files = [
            f"subject_{subject:05d}/{image:04d}.png"
            for subject in range(first, first + subjects)
            for image in range(images)
        ]
        declared = [VERSION, subjects, images, seed, first]
        self.digest = sha256(json.dumps(["synthetic", *declared]).encode())

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        for index in range(len(self)):
            yield index, self.frame(index)

    def frame(self, index: int) -> np.ndarray:
        """Draw one image: uint8 (250, 250, 3)."""
        subject, image = (int(part) for part in self.files[index][8:-4].split("/"))
        return draw_face(*factors(self.seed, subject, image))


class Drawn(Synthetic):
    """Enough procedural faces to train a generator on: 2,500 subjects, 6 images each.

    The shipped recogniser was trained on other subjects (`experiments.train_compact`).
    """

    name = "drawn"

    def __init__(self) -> None:
        super().__init__(2500, 6, first=10_000)


def factors(seed: int, subject: int, image: int) -> tuple[Identity, Nuisance]:
    """The identity and the nuisance of one image."""
    nuisance = Nuisance.draw(stream(seed, "synthetic", "nuisance", subject, image))
    return _identity(seed, subject), nuisance


@lru_cache  # a subject's images are drawn one after the other
def _identity(seed: int, subject: int) -> Identity:
    return Identity.draw(stream(seed, "synthetic", "identity", subject))


def draw_face(who: Identity, how: Nuisance) -> np.ndarray:
    """Draw one face.

    Returns:
        uint8 (250, 250, 3).
    """
    canvas = Image.new("RGB", (FRAME * SCALE, FRAME * SCALE), how.backdrop[0])
    pen = _Pen(ImageDraw.Draw(canvas), how)
    pen.pen.rectangle((int(how.backdrop_edge * SCALE), 0, *canvas.size), fill=how.backdrop[1])
    _shoulders(pen, who, how)
    _hair_behind(pen, who)
    _head(pen, who)
    _hair_front(pen, who)
    _eyes(pen, who, how)
    _nose(pen, who)
    _mouth(pen, who, how)
    if who.glasses:
        _glasses(pen, who)
    return _light(np.asarray(canvas.reduce(SCALE)), how)


class _Pen:
    """Draws polygons given in face coordinates, posed: zoomed, turned and shifted."""

    def __init__(self, pen: ImageDraw.ImageDraw, how: Nuisance):
        self.pen = pen
        self.how = how
        self.turn = (
            how.zoom
            * SCALE
            * np.array(
                [[np.cos(how.roll), -np.sin(how.roll)], [np.sin(how.roll), np.cos(how.roll)]]
            )
        )
        self.centre = SCALE * (FRAME / 2 + np.array(how.shift))

    def points(self, x: np.ndarray, y: np.ndarray, depth: float) -> list[float]:
        # Yaw and pitch shift what is nearer to the camera (nose) more than what is not (ears).
        moved = np.array([x + 7 * self.how.yaw * depth, y + 3 * self.how.pitch * depth])
        return ((self.turn @ moved).T + self.centre).ravel().tolist()

    def shape(self, x: np.ndarray, y: np.ndarray, colour: Colour, depth: float) -> None:
        self.pen.polygon(self.points(x, y, depth), fill=colour)

    def oval(
        self, x: float, y: float, a: float, b: float, colour: Colour, depth: float, tilt: float = 0
    ) -> None:
        dx, dy = a * COS, b * SIN
        c, s = math.cos(tilt), math.sin(tilt)
        self.shape(x + c * dx - s * dy, y + s * dx + c * dy, colour, depth)

    def line(
        self, x: np.ndarray, y: np.ndarray, colour: Colour, width: float, depth: float
    ) -> None:
        width = max(1, round(width * SCALE))
        self.pen.line(self.points(x, y, depth), fill=colour, width=width, joint="curve")


def _outline(who: Identity, grow: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    narrow = 1 - who.jaw * np.clip(SIN, 0, 1) ** 2
    return (who.head_width + grow) * COS * narrow, (who.head_height + grow) * SIN


def _shoulders(pen: _Pen, who: Identity, how: Nuisance) -> None:
    neck = _shade(who.skin, 0.82)
    half = who.head_width * 0.55
    x = np.array([-half, half, half + 4, -half - 4])
    pen.shape(x, np.array([30.0, 30, 92, 92]), neck, 0)
    x = np.array([-half - 8, 0, half + 8, 92, 110, -110, -92])
    pen.shape(x, np.array([80.0, 96, 80, 96, 190, 190, 96]), how.clothes, 0)


def _hair_behind(pen: _Pen, who: Identity) -> None:
    if who.hair_style == 3:
        x = (who.head_width + 10) * np.sign(COS) * np.abs(COS) ** 0.6
        y = np.where(SIN > 0, 88 * SIN, (who.head_height + 10) * SIN)
        pen.shape(x, y, who.hair, 0)
    elif who.hair_style == 4:
        for angle in np.linspace(np.pi * 0.95, np.pi * 2.05, 11):
            x, y = who.head_width * np.cos(angle), who.head_height * np.sin(angle)
            pen.oval(x, y, 16, 16, who.hair, 0)
    elif who.hair_style:
        x, y = _outline(who, 7)
        pen.shape(x, np.minimum(y, -4), who.hair, 0)


def _head(pen: _Pen, who: Identity) -> None:
    ear = _shade(who.skin, 0.9)
    for side in (-1, 1):
        pen.oval(side * (who.head_width + 1), -2, 7, 12, ear, -0.2)
    pen.shape(*_outline(who), who.skin, 0.2)
    if who.beard:
        x, y = _outline(who, -0.5)
        keep = y > 14
        pen.shape(x[keep], y[keep], _blend(who.skin, who.hair, 0.75), 0.2)
    for side in (-1, 1):
        cheek = _blend(who.skin, (214, 96, 84), 0.12)
        pen.oval(side * who.head_width * 0.55, 14, 10, 8, cheek, 0.5)


def _hair_front(pen: _Pen, who: Identity) -> None:
    if who.hair_style == 0:
        return
    x, y = _outline(who, 2)
    line = -who.hair_line * who.head_height
    above = y < line + 6
    x, y = x[above], y[above]
    order = np.argsort(x)
    x, y = x[order], y[order]
    span = np.linspace(x[-1], x[0], 12)
    if who.hair_style == 2:  # parted: the fringe falls to one side
        fringe = line + 14 * (span / who.head_width + 0.4) ** 2
    elif who.hair_style == 4:
        fringe = line + 3 * np.cos(np.arange(12) * np.pi)
    else:
        fringe = line + 6 * (span / who.head_width) ** 2
    pen.shape(np.concatenate([x, span]), np.concatenate([y, fringe]), who.hair, 0.3)


def _eyes(pen: _Pen, who: Identity, how: Nuisance) -> None:
    lash = _shade(who.hair if who.hair_style else who.skin, 0.45)
    for side in (-1, 1):
        x, y, size = side * who.eye_distance, who.eye_height, who.eye_size
        tall = size * 0.6 * how.eyelid
        tilt = -side * who.eye_tilt
        pen.oval(x, y - 1, size + 2, tall + 2.2, _shade(who.skin, 0.78), 0.6, tilt)
        pen.oval(x, y, size, tall, (246, 244, 240), 0.6, tilt)
        iris = min(size * 0.55, tall)
        gaze = x + 1.5 * how.yaw
        pen.oval(gaze, y, iris, iris, who.iris, 0.6)
        pen.oval(gaze, y, iris * 0.5, iris * 0.5, (12, 10, 10), 0.6)
        pen.oval(gaze + 1.3, y - 1.3, 1, 1, (255, 255, 255), 0.6)
        arc = np.linspace(-1, 1, 9)
        lid = y - tall * np.sqrt(1 - 0.9 * arc**2) - side * who.eye_tilt * arc * size
        pen.line(x + arc * size, lid, lash, 1.2, 0.6)
        brow = y - who.brow_gap - how.brow_raise - who.brow_arch * (1 - arc**2)
        brow = brow + side * who.brow_tilt * arc * 10
        pen.line(x + arc * (size + 4), brow, _shade(who.hair, 0.8), who.brow_thickness, 0.6)


def _nose(pen: _Pen, who: Identity) -> None:
    top, tip = who.eye_height + 4, who.eye_height + 4 + who.nose_length
    dark, w = _shade(who.skin, 0.78), who.nose_width
    pen.shape(
        np.array([-2.0, 2, w * 0.8, -w * 0.8]),
        np.array([top, top, tip, tip]),
        _shade(who.skin, 0.93),
        0.9,
    )
    pen.oval(0, tip, w, w * 0.45, _shade(who.skin, 0.9), 1)
    for side in (-1, 1):
        pen.oval(side * w * 0.5, tip + 1.5, w * 0.22, w * 0.16, _shade(dark, 0.6), 1)
    bridge = np.array([w * 0.25, w * 0.9])
    pen.line(bridge, np.array([top + 2, tip]), dark, 1, 0.95)


def _mouth(pen: _Pen, who: Identity, how: Nuisance) -> None:
    arc = np.linspace(-1, 1, 15)
    x = arc * who.mouth_width * (1 + 0.15 * how.smile)
    middle = who.mouth_height - how.smile * 5 * arc**2 + how.smile * 2
    gap = how.open_mouth * 9 * (1 - arc**2)
    bow = 1 - arc**2
    upper = middle - who.lip * bow * (1 - 0.35 * np.exp(-((arc / 0.18) ** 2)))
    lower = middle + gap + who.lip * 1.25 * bow
    around = np.concatenate([x, x[::-1]])
    pen.shape(around, np.concatenate([upper, lower[::-1]]), who.lip_colour, 0.7)
    if how.open_mouth:
        inside = np.concatenate([middle, (middle + gap)[::-1]])
        pen.shape(around, inside, (70, 20, 24), 0.7)
        teeth = np.concatenate([middle, (middle + gap * 0.4)[::-1]])
        pen.shape(around * 0.8, teeth, (240, 236, 226), 0.7)
    else:
        pen.line(x, middle, _shade(who.lip_colour, 0.55), 1, 0.7)


def _glasses(pen: _Pen, who: Identity) -> None:
    frame, size = (30, 28, 32), who.eye_size + 5
    for side in (-1, 1):
        x, y = side * who.eye_distance + size * COS, who.eye_height + 0.85 * size * SIN
        pen.line(np.append(x, x[0]), np.append(y, y[0]), frame, 1.6, 0.8)
    inner = who.eye_distance - size
    pen.line(np.array([-inner, inner]), np.full(2, who.eye_height), frame, 1.6, 0.9)


@cache
def _fields() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in [-1, 1] along one side, and a noise field that images take windows of."""
    noise = stream(0, "synthetic", "noise").standard_normal((2 * FRAME, 6 * FRAME), "float32")
    return np.linspace(-1, 1, FRAME, dtype="float32"), noise


def _light(picture: np.ndarray, how: Nuisance) -> np.ndarray:
    axis, field = _fields()
    across = 1 + how.light[0] * np.repeat(axis, 3)
    down = how.light[1] * axis[:, None]
    tint = np.array([1 + how.warmth, 1, 1 - how.warmth], "float32") * np.float32(how.gain)
    tints = np.tile(tint, FRAME)
    top, left = (int(abs(value) * 7919) % FRAME for value in (how.noise, how.backdrop_edge))
    noise = field[top : top + FRAME, 3 * left : 3 * (left + FRAME)]
    lit = np.empty_like(picture).reshape(FRAME, -1)
    # A few rows at a time fit in the processor's cache: twice as fast as all rows at once.
    for start in range(0, FRAME, 25):
        rows = slice(start, start + 25)
        light = picture.reshape(FRAME, -1)[rows] * (across + down[rows])
        light *= tints
        light += noise[rows] * np.float32(how.noise)
        lit[rows] = light.clip(0, 255, out=light)
    return lit.reshape(picture.shape)


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(30, 230, 3).tolist()
    return red, green, blue


def _mix(palette: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    """A colour between two neighbours of a palette."""
    first = rng.integers(len(palette) - 1)
    return _blend(palette[first], palette[first + 1], rng.random())


def _blend(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue
