"""Procedural faces: simple drawn portraits, deterministic in a seed, for runs without any download.

What makes a subject (head, skin, hair, eyes, brows, nose, mouth) is chosen once a subject; what
changes between images (pose, expression, light, background, noise) once an image. The geometry
follows LFW's deep-funneled frame: eyes near (105, 112) and (145, 112), face within the central
140x140 pixels. Lengths are in frame pixels, from the centre of the face.
"""

import json
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import sha256
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.drawing import draw_face
from gan_inversion.data.factors import Identity, Nuisance

VERSION = 1  # add 1 whenever the same seed gives other pixels


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
