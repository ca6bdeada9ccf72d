"""Any network from the image of a face to a vector, as an ONNX file run by onnxruntime.

A file is only computed with: it can name no other file, and no operator that is not built in.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_inversion.core.errors import UserError, one_line, optional
from gan_inversion.core.storage import sha256
from gan_inversion.data.dataset import Images
from gan_inversion.data.views import SIZE
from gan_inversion.data.weights import YUNET
from gan_inversion.recognisers.aligned import AlignedRecogniser
from gan_inversion.recognisers.base import check_images
from gan_inversion.recognisers.card import Card

ENDLESS = ("Loop", "Scan")  # operators that repeat a part of the network
WIDEST = 65_536  # components of an embedding
BUILT_IN = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")  # domains of operators
LARGEST = 2_000_000_000  # bytes of a file; protocol buffers allow no more
SIDES = range(32, 513)  # pixels
UNLISTED = 4  # from this version of ONNX on, weights need not be listed as inputs
BATCH = 16  # images in each call, where the file allows several
FLOATS = {1: "float32", 10: "float16"}  # element types of an input, by their number in ONNX


class OnnxRecogniser(AlignedRecogniser):
    """A recogniser in an ONNX file.

    Size and layout of the input are read from the file, the rest from its card. The file may take
    one image a call, or any number.

    Args:
        path: the file.
        card: what the file does not say.
        name: short name for records.
        digest: SHA-256 that names what it computes. Default: of file, card and detector.

    Raises:
        UserError: the file is no ONNX network from one image to one vector, or leans on other files
            or operators, or the `onnx` extra is not installed.
    """

    def __init__(self, path: Path, card: Card, *, name: str, digest: str = ""):
        data = _read(path)
        self.name, self.card, self.promised = name, card, card.accuracy
        self.details = {"file_digest": sha256(data), "card": asdict(card)}
        aligned = {"detector": YUNET.digest} if card.alignment == "arcface" else {}
        named = json.dumps({**self.details, **aligned}, sort_keys=True)
        self.digest = digest or sha256(named.encode())
        model = _checked(path, data)
        (given,) = _inputs(model)
        self.side, self._channels_first, several = _shape(path, given)
        self._type = FLOATS[given.type.tensor_type.elem_type]
        self._session = _session(path, _frozen(model))
        self._input = given.name
        noise = np.random.default_rng(0).integers(0, 256, (2, self.side, self.side, 3), "uint8")
        noise //= np.array([1, 2, 4, 4, 2, 1], "uint8").reshape(2, 1, 1, 3)  # of other colours each
        first = self._run(path, noise[:1])
        self.dimension = first.shape[1]
        alone = np.concatenate([first, self._run(path, noise[1:])])
        if not np.isfinite(alone).all():
            raise UserError(f"{path} gives no finite vector, not even of noise")
        self._batch = BATCH if several and self._takes_several(path, noise, alone) else 1

    def _takes_several(self, path: Path, images: np.ndarray, alone: np.ndarray) -> bool:
        """Whether images give the same vectors together as alone, as not all files that promise it.

        Some reshape all to one vector, others mix the images of a batch, or scale them by it.
        """
        try:
            together = self._run(path, images)
        except UserError:
            return False
        return np.allclose(together, alone, rtol=0, atol=1e-3 * np.abs(alone).max())

    def faces(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.card.alignment == "arcface":
            return super().faces(images)
        check_images(images)
        every = np.ones(len(images), bool)
        if self.side == SIZE or not len(images):
            return images, every
        resized = [np.asarray(Image.fromarray(i).resize((self.side,) * 2)) for i in images]
        return np.stack(resized), every

    def undetected(self, images: Images, vectors: np.ndarray) -> np.ndarray | None:
        return super().undetected(images, vectors) if self.card.alignment == "arcface" else None

    def describe(self, faces: np.ndarray) -> np.ndarray:
        batches = [faces[i : i + self._batch] for i in range(0, len(faces), self._batch)]
        # A session computes outside the interpreter lock: two calls side by side take less time
        # than one call by two threads.
        with ThreadPoolExecutor() as pool:
            parts = list(pool.map(partial(self._run, self.name), batches))
        return np.concatenate([np.empty((0, self.dimension), "float32"), *parts])

    def _run(self, source: object, faces: np.ndarray) -> np.ndarray:
        """The vectors of faces, float32 (N, D), in one call.

        Raises:
            UserError: the network fails, or gives something else.
        """
        pixels = faces[..., ::-1] if self.card.colours == "BGR" else faces
        inputs = (pixels.astype("float32") - self.card.mean) / self.card.deviation
        if self._channels_first:
            inputs = inputs.transpose(0, 3, 1, 2)
        try:
            outputs = self._session.run(None, {self._input: inputs.astype(self._type)})
        except Exception as error:  # of a library in C++
            raise UserError(f"{source} cannot be computed: {one_line(error)}") from error
        (vectors,) = outputs
        sizes = vectors.shape if isinstance(vectors, np.ndarray) else ()
        if len(sizes) not in (2, 4) or len(vectors) != len(faces) or not vectors.size:
            raise UserError(f"{source}: expected a vector for each image, got {sizes or 'another'}")
        vectors = vectors.reshape(len(faces), -1)
        if not 2 <= vectors.shape[1] <= WIDEST or vectors.dtype.kind != "f":
            raise UserError(
                f"{source}: expected a vector of 2 to {WIDEST:,} numbers, got {vectors.dtype} "
                f"{sizes}"
            )
        if getattr(self, "dimension", vectors.shape[1]) != vectors.shape[1]:
            raise UserError(f"{source}: the length of its vectors hangs on the image")
        return vectors.astype("float32")


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"expected an ONNX file in {path}, found none")
    if (size := path.stat().st_size) > LARGEST:
        raise UserError(f"{path} has {size:,} bytes, more than {LARGEST:,}")
    return path.read_bytes()


def _checked(path: Path, data: bytes) -> Any:
    """The parsed file.

    Raises:
        UserError: it is no ONNX, or leans on other files or operators.
    """
    onnx = optional("onnx", "onnx")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # of a library in C++
        raise UserError(f"{path} is no ONNX file: {one_line(error)}") from error
    if not model.graph.node:
        raise UserError(f"{path} is no ONNX file: it holds no network")
    if model.functions:
        raise UserError(f"{path} defines functions of its own: expected built-in operators only")
    for graph in _graphs(model.graph):
        attributes = [a for node in graph.node for a in node.attribute]
        tensors = [*graph.initializer]
        for a in attributes:
            tensors += [a.t, *a.tensors]
        if graph.sparse_initializer or any(a.HasField("sparse_tensor") for a in attributes):
            raise UserError(f"{path} holds sparse tensors: expected plain ones")
        if any(t.data_location == onnx.TensorProto.EXTERNAL for t in tensors):
            raise UserError(
                f"{path} keeps weights in other files: expected one file that holds everything "
                "(onnx.save writes it from onnx.load)"
            )
        for node in graph.node:
            if node.op_type in ENDLESS:
                raise UserError(f"{path} needs the operator {node.op_type}, which may never end")
            if node.domain not in BUILT_IN:
                raise UserError(
                    f"{path} needs the operator {node.op_type} of {node.domain}: expected built-in "
                    "operators only"
                )
    count = len(_inputs(model)), len(model.graph.output)
    if count != (1, 1):
        raise UserError(f"{path}: expected one input and one output, got {count[0]} and {count[1]}")
    return model


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph, and those inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer:
                    yield from _graphs(inner)


def _inputs(model: Any) -> list[Any]:
    """Inputs without those that older files list for their weights."""
    weights = {array.name for array in model.graph.initializer}
    return [given for given in model.graph.input if given.name not in weights]


def _frozen(model: Any) -> bytes:
    """The network whose weights are constants, so that the runtime may join layers."""
    given = _inputs(model)
    del model.graph.input[:]
    model.graph.input.extend(given)
    model.ir_version = max(model.ir_version, UNLISTED)
    return bytes(model.SerializeToString())


def _shape(path: Path, given: Any) -> tuple[int, bool, bool]:
    """Side of the images, whether channels come first, and whether several images can be given."""
    kind = given.type.tensor_type
    sizes = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    text = "x".join(str(size or "?") for size in sizes)
    if len(sizes) != 4 or kind.elem_type not in FLOATS or sizes[0] not in (0, 1):
        raise UserError(
            f"{path}: expected an input of floats, images x channels x height x width, for one "
            f"image or any number, got {text or 'no shape'}"
        )
    for first, (channels, height, width) in (
        (True, sizes[1:]), (False, (sizes[3], *sizes[1:3]))
    ):  # fmt: skip
        if channels == 3 and height == width and height in SIDES:
            return height, first, sizes[0] == 0
    raise UserError(
        f"{path}: expected square images of fixed size, {SIDES[0]} to {SIDES[-1]} pixels, with 3 "
        f"channels, got {text}"
    )


def _session(path: Path, data: bytes) -> Any:
    runtime = optional("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
    options.intra_op_num_threads = 1
    try:
        return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of a library in C++
        raise UserError(f"{path} cannot be run: {one_line(error)}") from error
