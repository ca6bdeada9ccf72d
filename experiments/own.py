"""A user's own: inverters and recognisers from a Python file, pictures from a folder with an index.

python -m experiments.inversion --methods mine.py:invert
python -m experiments.inversion --embedder mine.py:embed
python -m experiments.inversion --reconstructions pictures
"""

import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gan_inversion.data.decode import read_image
from gan_inversion.data.listing import read_listing
from gan_inversion.data.views import SIZE
from gan_inversion.embedders import CallableEmbedder, Embedder, load_embedder
from gan_inversion.errors import UserError
from gan_inversion.inverter import Images, check_fit
from gan_inversion.run import Run
from gan_inversion.storage import sha256, sha256_file

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
    module = _load_module(path.resolve())
    if not hasattr(module, name):
        raise UserError(f"{path} defines nothing called {name!r}")
    return getattr(module, name)


@cache
def _load_module(path: Path) -> ModuleType:
    """Run a Python file as a module of its own; its neighbours can be imported by it."""
    name = f"own_{sha256(str(path).encode())[:12]}"  # no module that is installed has it
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: no neighbour hides an installed module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise UserError(
            f"{path} does not run: {type(error).__name__} in line {place.lineno} of "
            f"{place.filename}: {error}"
        ) from error
    return module


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
    with path.open("rb") as file:
        magic = file.read(6)
    if not magic.startswith((b"PK", b"\x93NUMPY")):
        raise UserError(
            f"{path} is not a .npy or .npz file: it begins with {magic!r}; numpy.save writes one"
        )
    try:
        found = np.load(path, allow_pickle=False)
        arrays = {path.stem: found} if isinstance(found, np.ndarray) else dict(found)
    except Exception as error:  # a damaged archive may raise anything
        if "allow_pickle" in str(error):
            raise UserError(f"{path} holds Python objects: expected arrays of numbers") from error
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
    rows = read_listing(index, ("image", "reconstruction"))
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
        found = read_image(path, str(path))
        if found.shape != picture.shape:
            raise UserError(f"{path}: expected {SIZE}x{SIZE} pixels, got {found.shape[:2]}")
        picture[:] = found
    return pictures
