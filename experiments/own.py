"""A user's own: inverters and recognisers from a Python file, pictures from a folder with an index.

python -m experiments.inversion --methods mine.py:invert
python -m experiments.inversion --embedder mine.py:embed
python -m experiments.inversion --reconstructions pictures
"""

import csv
import importlib.util
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from gan_inversion.data.decode import decode_image
from gan_inversion.data.views import SIZE
from gan_inversion.embedders import CallableEmbedder, Embedder, load_embedder
from gan_inversion.errors import UserError
from gan_inversion.inverter import Images, check_fit
from gan_inversion.run import Run
from gan_inversion.storage import sha256_file

INDEX = "index.csv"


class CallableInverter:
    """An inverter given as a function; what it learned, it learned elsewhere.

    Args:
        name: for records.
        function: float32 (N, D) -> (N, 160, 160, 3), float in [0, 1] or uint8.
    """

    knowledge = "black_box"

    def __init__(self, name: str, function: Callable[[np.ndarray], Any]):
        self.name, self._function = name, function

    def fit(
        self, embeddings: np.ndarray, images: Images, *, seed: int, run: Run | None = None
    ) -> None:
        check_fit(embeddings, images)

    def invert(self, embeddings: np.ndarray) -> np.ndarray:
        return np.asarray(self._function(embeddings))


def load_object(spec: str) -> Any:
    """What stands under a name in a Python file, given as `file.py:name`."""
    file, _, name = spec.rpartition(":")
    path = Path(file)
    if not path.is_file() or not name.isidentifier():
        raise UserError(f"expected file.py:name with an existing file, got {spec!r}")
    module_spec = importlib.util.spec_from_file_location(path.stem, path)
    if module_spec is None or module_spec.loader is None:
        raise UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    if not hasattr(module, name):
        raise UserError(f"{path} defines nothing called {name!r}")
    return getattr(module, name)


def is_own(spec: str) -> bool:
    """Whether a method or recogniser is given as `file.py:name`."""
    return ":" in spec


def plain_name(spec: str) -> str:
    """The name in a `file.py:name`, fit for records: lower case, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", spec.rpartition(":")[2].lower()).strip("_")


def source_digest(spec: str) -> str:
    """SHA-256 of the file of a `file.py:name`."""
    return sha256_file(Path(spec.rpartition(":")[0]))


def open_inverter(spec: str):
    """The inverter in `file.py:name`: a class with `fit` and `invert`, one of it, or a function."""
    found = load_object(spec)
    inverter = found() if isinstance(found, type) else found
    if all(hasattr(inverter, part) for part in ("fit", "invert")):
        return inverter
    if not callable(inverter):
        raise UserError(f"expected a function or an inverter in {spec}, got {inverter!r}")
    return CallableInverter(plain_name(spec), inverter)


def open_embedder(spec: str) -> Embedder:
    """A recogniser by name, or the one in `file.py:name`: an `Embedder`, its class, a function."""
    if not is_own(spec):
        return load_embedder(spec)
    found = load_object(spec)
    embedder = found() if isinstance(found, type) else found
    if isinstance(embedder, Embedder):
        return embedder
    if not callable(embedder):
        raise UserError(f"expected a function or an Embedder in {spec}, got {embedder!r}")
    return CallableEmbedder(plain_name(spec), source_digest(spec), embedder)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file, or that of an .npy file under the file's name.

    Raises:
        UserError: no such file, another format, or no arrays in it.
    """
    if not path.is_file():
        raise UserError(f"expected an .npz or .npy file in {path}, found none")
    try:
        found = np.load(path, allow_pickle=False)
        arrays = {path.stem: found} if isinstance(found, np.ndarray) else dict(found)
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise UserError(f"{path} is not a readable .npy or .npz file: {error}") from error
    if not arrays:
        raise UserError(f"expected arrays in {path}, found none")
    return arrays


def read_reconstructions(folder: Path, files: Sequence[str]) -> np.ndarray:
    """Read pictures made elsewhere.

    Args:
        folder: holds `index.csv` with the columns `image` (as in `files`) and `reconstruction` (a
            picture of 160x160 pixels, relative to the folder).
        files: the images whose reconstructions are wanted, `subject/image`.

    Returns:
        uint8 (N, 160, 160, 3), in the order of `files`.

    Raises:
        UserError: no index, a picture is missing, not a picture or of another size.
    """
    index = folder / INDEX
    if not index.is_file():
        raise UserError(f"expected an index with the columns image,reconstruction in {index}")
    with index.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if not {"image", "reconstruction"} <= set(rows.fieldnames or ()):
            raise UserError(f"{index}: expected the columns image,reconstruction")
        place = {row["image"]: row["reconstruction"] for row in rows}
    missing = [file for file in files if file not in place]
    if missing:
        raise UserError(
            f"{index}: expected all {len(files)} test images, but {len(missing)} are missing, "
            f"{missing[0]} first"
        )
    pictures = np.empty((len(files), SIZE, SIZE, 3), "uint8")
    for picture, name in zip(pictures, files, strict=True):
        path = folder / place[name]
        if not path.is_file():
            raise UserError(f"{index}: {place[name]} is not there")
        found = decode_image(path.read_bytes(), str(path))
        if found.shape != picture.shape:
            raise UserError(f"{path}: expected {SIZE}x{SIZE} pixels, got {found.shape[:2]}")
        picture[:] = found
    return pictures
