"""Measure brightness and pose of the photographs, by which the report groups reconstructions."""

from pathlib import Path

import numpy as np

from gan_inversion.core.progress import progress
from gan_inversion.core.record import metric
from gan_inversion.data import landmarks
from gan_inversion.data.source import Source
from gan_inversion.protocols.faces.rules import Faces
from gan_inversion.protocols.records import Entry
from gan_inversion.recognisers import open_recogniser
from gan_inversion.recognisers.dlib import USUAL_FACE

BLOCK = 256  # images read at once


def turned(image: np.ndarray) -> float:
    """How far a head is turned: the nose's distance from the middle of the eyes, along their axis.

    Args:
        image: uint8 (160, 160, 3), an aligned face.

    Returns:
        In units of the distance between the eyes' outer corners; 0 for a face seen from the front.
    """
    image = np.ascontiguousarray(image)
    box = landmarks.largest_face(image) or landmarks.dlib().rectangle(*USUAL_FACE)
    corners = landmarks.points(landmarks.landmarks(image, box))
    first, second, nose = corners[0], corners[2], corners[4]
    axis = second - first
    return float(abs((nose - (first + second) / 2) @ axis) / (axis @ axis))


def run_all(source: Source, records: Path) -> None:
    """Measure all photographs and write the record, unless it exists."""
    protocol, dataset = Faces(), source.open()
    entry = Entry(records, protocol, protocol.view, dataset, open_recogniser("dlib"))
    if entry.exists():
        return
    images = dataset.view(protocol.view, resample=protocol.resample)
    brightness, pose = [], []
    with progress(total=len(images), unit="image", desc="faces") as bar:
        for start in range(0, len(images), BLOCK):
            block = np.asarray(images[start : start + BLOCK])
            brightness.append(block.mean(axis=(1, 2, 3)) / 255)
            pose += [turned(image) for image in block]
            bar.update(len(block))
    scores = {
        "brightness": np.concatenate(brightness).astype("float32"),
        "pose": np.array(pose, "float32"),
    }
    means = {name: metric(values.mean(), n=len(values)) for name, values in scores.items()}
    print(entry.write(scores, config={}, metrics=means))
