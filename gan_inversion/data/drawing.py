"""Draws a face: polygons for each part, back to front, then light and noise.

Lengths are in frame pixels, from the centre of the face.
"""

import math
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from gan_inversion.core.seeding import stream
from gan_inversion.data.factors import Colour, Identity, Nuisance, blend, shade
from gan_inversion.data.views import FRAME

SCALE = 2  # supersampling: polygons have no smooth edges otherwise
CIRCLE = np.linspace(0, 2 * np.pi, 48, endpoint=False)
COS, SIN = np.cos(CIRCLE), np.sin(CIRCLE)


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
    neck = shade(who.skin, 0.82)
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
    ear = shade(who.skin, 0.9)
    for side in (-1, 1):
        pen.oval(side * (who.head_width + 1), -2, 7, 12, ear, -0.2)
    pen.shape(*_outline(who), who.skin, 0.2)
    if who.beard:
        x, y = _outline(who, -0.5)
        keep = y > 14
        pen.shape(x[keep], y[keep], blend(who.skin, who.hair, 0.75), 0.2)
    for side in (-1, 1):
        cheek = blend(who.skin, (214, 96, 84), 0.12)
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
    lash = shade(who.hair if who.hair_style else who.skin, 0.45)
    for side in (-1, 1):
        x, y, size = side * who.eye_distance, who.eye_height, who.eye_size
        tall = size * 0.6 * how.eyelid
        tilt = -side * who.eye_tilt
        pen.oval(x, y - 1, size + 2, tall + 2.2, shade(who.skin, 0.78), 0.6, tilt)
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
        pen.line(x + arc * (size + 4), brow, shade(who.hair, 0.8), who.brow_thickness, 0.6)


def _nose(pen: _Pen, who: Identity) -> None:
    top, tip = who.eye_height + 4, who.eye_height + 4 + who.nose_length
    dark, w = shade(who.skin, 0.78), who.nose_width
    pen.shape(
        np.array([-2.0, 2, w * 0.8, -w * 0.8]),
        np.array([top, top, tip, tip]),
        shade(who.skin, 0.93),
        0.9,
    )
    pen.oval(0, tip, w, w * 0.45, shade(who.skin, 0.9), 1)
    for side in (-1, 1):
        pen.oval(side * w * 0.5, tip + 1.5, w * 0.22, w * 0.16, shade(dark, 0.6), 1)
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
        pen.line(x, middle, shade(who.lip_colour, 0.55), 1, 0.7)


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
