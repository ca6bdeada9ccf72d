"""InsightFace's verification sets (lfw.bin, agedb_30.bin, ...): pairs of aligned faces in a pickle.

A pickle runs what is in it, so it is read by an unpickler that knows lists, numbers, texts, bytes
and NumPy's arrays, and nothing else.
"""

import io
import pickle
import pickletools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import atomic, sha256_file
from gan_inversion.data.dataset import Dataset
from gan_inversion.data.decode import decode_image
from gan_inversion.data.pairs import Pairs, folds_of
from gan_inversion.data.views import ALIGNED

FOLDS = 10
LARGEST = 1_000_000_000  # bytes of a file
MOST = 40_000  # images
FEWEST = 10  # pairs
OPERATIONS = 2_000_000  # of a pickle: lists and numbers take memory that the file does not show
WHOLE = re.compile(r"[|<>=]?(b1|[iu][1248])")  # kinds of truth values and whole numbers
PROTOCOL = 4  # of the pickles that are written; Python 3.4 and later read it


class _Kind:
    """What a pickle says of the numbers in an array; stands for `numpy.dtype`."""

    def __init__(self, code: Any, *_: Any):
        if not isinstance(code, str | bytes) or len(code) > 8:
            raise pickle.UnpicklingError("an array of no known kind")
        self.code = code.decode("latin-1") if isinstance(code, bytes) else code

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like, of which only the order says how numbers are read."""
        if isinstance(state, tuple) and state[1:2] in ((">",), (b">",)):
            self.code = ">" + self.code.lstrip("|=<")

    def read(self, data: Any) -> Any:
        """The values of an array: a list of objects, or bytes and truth values."""
        if isinstance(data, list) and self.code.startswith("O"):
            return data
        if isinstance(data, bytes | bytearray) and WHOLE.fullmatch(self.code):
            return np.frombuffer(data, self.code)
        raise pickle.UnpicklingError(f"arrays of {self.code[:20]!r} are not expected")


class _Array:
    """An array that is being read; stands for `numpy.ndarray`, whose code trusts its pickles."""

    values: Any = ()

    def __setstate__(self, state: Any) -> None:
        *_, kind, _, data = state
        self.values = _read(kind, data)


def _read(kind: Any, data: Any) -> Any:
    if not isinstance(kind, _Kind):
        raise pickle.UnpicklingError("an array of no known kind")
    return kind.read(data)


def _buffered(data: Any, kind: Any, *_: Any) -> _Array:
    array = _Array()
    array.values = _read(kind, data)
    return array


def _scalar(kind: Any, data: Any) -> Any:
    (value,) = _read(kind, data)
    return value


def _encode(text: str, encoding: Any) -> bytes:
    if encoding not in ("latin1", "latin-1", b"latin1"):
        raise pickle.UnpicklingError("only latin1 is expected")
    return text.encode("latin-1")


ALLOWED = {
    ("_codecs", "encode"): _encode,  # how old protocols write bytes
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Kind,
    **{
        (f"{package}.{module}", name): replacement
        for package in ("numpy.core", "numpy._core")
        for module, name, replacement in (
            ("multiarray", "_reconstruct", lambda *_: _Array()),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _buffered),
        )
    },
}


# Opcodes of plain data. Dictionaries and sets are left out: their keys are hashed, which a file can
# make endless, or so deep that the interpreter crashes.
PLAIN = """
MARK STOP POP POP_MARK DUP PROTO FRAME NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE BINUNICODE
SHORT_BINUNICODE BINUNICODE8 EMPTY_LIST APPEND APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BUILD
"""
OPCODES = frozenset(re.findall(r"\w+", PLAIN))
BY_CODE = {opcode.code: opcode for opcode in pickletools.opcodes}


def _check_opcodes(data: bytes) -> None:
    """Raise `UnpicklingError` unless a pickle is of plain data, with a memo of fitting size."""
    file = io.BytesIO(data)
    for place in range(OPERATIONS):
        opcode = BY_CODE.get(file.read(1).decode("latin-1"))
        if opcode is None:
            raise pickle.UnpicklingError("it is no pickle, or is cut off")
        if opcode.name not in OPCODES:
            raise pickle.UnpicklingError(f"it needs the opcode {opcode.name}, which is not allowed")
        # `genops` would read these texts of Python 2 as ASCII, and they hold images.
        value = None
        if opcode.name == "STRING":
            file.readline()
        elif opcode.arg is not None:
            value = opcode.arg.reader(file)
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (value or 0) > place:
            raise pickle.UnpicklingError("its memo is larger than the file")
        if opcode.name == "STOP":
            return
    raise pickle.UnpicklingError(f"it takes more than {OPERATIONS:,} operations")


class _Unpickler(pickle.Unpickler):
    """An unpickler that knows `ALLOWED` only, and reads no byte of the file many times over."""

    def __init__(self, data: bytes):
        super().__init__(io.BytesIO(data), encoding="bytes")
        self.left = 2 * len(data) + 1_000_000  # bytes that functions may be given

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not allowed")
        made = ALLOWED[module, name]

        def call(*arguments: Any) -> Any:  # a new function each time, which a pickle may write on
            sizes = (len(a) for a in arguments if isinstance(a, str | bytes | bytearray))
            self.left -= sum(sizes)
            if self.left < 0:
                raise pickle.UnpicklingError("it uses the same data many times over")
            return made(*arguments)

        return call


def read_bin(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a verification set.

    Args:
        path: a pickle of a list of encoded images, two for each pair, and a list that says of each
            pair whether it shows one person.

    Returns:
        Aligned faces, uint8 (2 P, 112, 112, 3), and genuine, bool (P,).

    Raises:
        UserError: the file is no such set, or names anything but plain data.
    """
    if not path.is_file():
        raise UserError(f"expected a verification set in {path}, found no file")
    if (size := path.stat().st_size) > LARGEST:
        raise UserError(f"{path} has {size:,} bytes, more than {LARGEST:,}")
    try:
        data = path.read_bytes()
        _check_opcodes(data)
        content = _Unpickler(data).load()
    except Exception as error:  # damaged pickles raise anything
        raise UserError(f"{path} is no verification set: {one_line(error)}") from error
    parts = [
        part.values if isinstance(part, _Array) else part
        for part in (content if isinstance(content, list | tuple) else ())
    ]
    if len(parts) != 2 or not all(isinstance(part, list | tuple | np.ndarray) for part in parts):
        raise UserError(f"{path}: expected a list of images and one of pairs, got something else")
    encoded, same = parts
    if len(encoded) != 2 * len(same) or not len(same):
        raise UserError(
            f"{path}: expected two images for each pair, got {len(encoded)} for {len(same)} pairs"
        )
    if len(encoded) > MOST:
        raise UserError(f"{path}: expected at most {MOST:,} images, got {len(encoded):,}")
    if any(not isinstance(v, int | np.integer | np.bool_) or v not in (0, 1) for v in same):
        raise UserError(f"{path}: expected True or False for each pair, got something else")
    images = np.empty((len(encoded), ALIGNED, ALIGNED, 3), "uint8")
    for place, data in enumerate(progress(encoded, desc=path.name, unit="image")):
        images[place] = _decoded(data, f"image {place} of {path}")
    return images, np.array([bool(value) for value in same])


def _decoded(data: Any, name: str) -> np.ndarray:
    if isinstance(data, _Array) and isinstance(data.values, np.ndarray):
        data = data.values.tobytes()
    if not isinstance(data, bytes):
        raise UserError(f"{name}: expected an encoded image, got {type(data).__name__}")
    return decode_image(data, name, size=(ALIGNED, ALIGNED))


def write_bin(path: Path, images: np.ndarray, pairs: Pairs) -> None:
    """Write the pairs as a verification set, with the images as PNG.

    Args:
        path: file to write, which no file is yet.
        images: uint8 (N, 112, 112, 3), aligned faces.
        pairs: indices into them.

    Raises:
        UserError: no face was found in one of the images, or the file exists with another content,
            or cannot be written.
    """
    order = np.stack([pairs.first, pairs.second], axis=1).ravel()
    encoded = []
    for index in progress(order, desc=path.name, unit="image"):
        if not images[index].any():
            raise UserError(f"expected a face in every image of the pairs, image {index} has none")
        data = io.BytesIO()
        Image.fromarray(images[index]).save(data, "PNG")
        encoded.append(data.getvalue())
    content = pickle.dumps((encoded, pairs.genuine.tolist()), protocol=PROTOCOL)
    if path.exists() and path.read_bytes() != content:
        raise UserError(f"{path} exists: expected another name for the verification set")
    with atomic(path) as temporary:
        temporary.write_bytes(content)


class VerificationSet(Dataset):
    """A verification set of InsightFace's, whose images are aligned and whose people have no names.

    Args:
        path: the file; its name is that of the data set.
    """

    anonymous = True

    def __init__(self, path: Path | None):
        if path is None:
            raise UserError("expected a verification set such as agedb_30.bin as --data, got none")
        self._images, genuine = read_bin(path)
        if len(genuine) < FEWEST or genuine.all() or not genuine.any():
            raise UserError(
                f"{path}: expected {FEWEST} pairs or more, of one person and of two, got "
                f"{len(genuine)}, {int(genuine.sum())} of them of one"
            )
        # The ending tells InsightFace's lfw.bin from LFW, whose records have other rules.
        self.name = re.sub(r"[^a-z0-9]+", "_", f"{path.stem.lower()}_bin").strip("_")
        self.digest = sha256_file(path)
        self.files = [f"{place:06d}" for place in range(len(self._images))]
        numbers = np.arange(len(genuine))
        self.pairs = Pairs(2 * numbers, 2 * numbers + 1, genuine, folds_of(genuine, FOLDS))

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        raise UserError(f"{self.name} holds aligned faces, no frames: expected the view aligned112")

    def view(self, view: str, *, resample: str = "bilinear") -> np.ndarray:
        if view != "aligned112":
            raise UserError(
                f"{self.name} holds aligned faces: expected the view aligned112, got {view}"
            )
        return self._images
