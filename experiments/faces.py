"""Measure the photographs themselves: what the report slices reconstructions by."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from experiments.common import main, make_record, recorded, rehearsed
from experiments.own import open_embedder
from gan_inversion import landmarks
from gan_inversion.data import Align, DatasetName, open_dataset
from gan_inversion.embedders.dlib import USUAL_FACE
from gan_inversion.progress import progress
from gan_inversion.protocols import Faces
from gan_inversion.record import metric

BLOCK = 256  # images read at once


@dataclass(frozen=True)
class Options:
    """Brightness and pose of every photograph, as a record.

    Cost: 4 minutes for LFW on two CPU cores.
    """

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    records: Path = Path("results/records")
    """Folder for the record."""

    smoke: bool = False
    """A rehearsal on drawn faces, everything under `runs/smoke`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    return replace(options, dataset="synthetic", records=Path("runs/smoke/records"))


def turned(image: np.ndarray) -> float:
    """How far a head is turned: the nose's distance from the middle of the eyes, along their axis.

    Args:
        image: uint8 (160, 160, 3), an aligned face.

    Returns:
        In distances between the eyes' outer corners; 0 for a face seen from the front.
    """
    image = np.ascontiguousarray(image)
    box = landmarks.largest_face(image) or landmarks.dlib().rectangle(*USUAL_FACE)
    corners = landmarks.points(landmarks.landmarks(image, box))
    first, second, nose = corners[0], corners[2], corners[4]
    axis = second - first
    return float(abs((nose - (first + second) / 2) @ axis) / (axis @ axis))


def run_all(options: Options) -> None:
    """Measure and record."""
    options = rehearsed(options, rehearsal)
    protocol = Faces()
    dataset = open_dataset(
        options.dataset, options.data, min_images=options.min_images, align=options.align
    )
    file = f"{protocol.view}-{dataset.name}-s0.json"
    found = {"protocol_hash": protocol.hash, "data_digest": dataset.digest}
    if recorded(options.records / protocol.name / file, **found):
        return
    images = dataset.view(protocol.view, resample=protocol.resample)
    brightness, pose = [], []
    with progress(total=len(images), unit="image", desc="faces") as bar:
        for start in range(0, len(images), BLOCK):
            some = np.asarray(images[start : start + BLOCK])
            brightness.append(some.mean(axis=(1, 2, 3)) / 255)
            pose += [turned(image) for image in some]
            bar.update(len(some))
    scores = {
        "brightness": np.concatenate(brightness).astype("float32"),
        "pose": np.array(pose, "float32"),
    }
    record = make_record(
        protocol,
        protocol.view,
        dataset=dataset,
        embedder=open_embedder("dlib"),
        config={"protocol": asdict(protocol)},
        metrics={name: metric(values.mean(), n=len(values)) for name, values in scores.items()},
    )
    print(record.write(options.records, scores))


if __name__ == "__main__":
    main(Options, run_all)
