"""Loads a user's own code, given on the command line as `file.py:name`; no saved file names any."""

import ast
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import manifest_digest, sha256, sha256_file

_BESIDE: dict[str, Path] = {}  # module -> file of it, of all that own files import beside them
OURS = ("gan_inversion", "baselines", "experiments")  # whose version is recorded otherwise


def load_object(spec: str) -> Any:
    """Load the object `name` of a Python file, given as `file.py:name`."""
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
    """Run a Python file as a separate module, which can import the files beside it."""
    name = f"own_{sha256(str(path).encode())[:12]}"  # no installed module has this name
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    _check_neighbours(path)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last, so that it hides no installed module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(f"{path} does not run: {_where(error)}") from error
    return module


def _check_neighbours(path: Path) -> None:
    """Raise `UserError` if a file imports a neighbour of the same name as another file's.

    Python keeps one module of a name: the second file would compute with the first one's.
    """
    for file in sources(path)[1:]:
        module = file.relative_to(path.parent) if file.is_relative_to(path.parent) else file
        known = _BESIDE.setdefault(str(module), file)
        if known != file:
            raise UserError(
                f"{path} imports {file}, but {known} has the same name: give one of them another"
            )


def _where(error: BaseException) -> str:
    """What was raised in a user's file, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    line, file = place.lineno, place.filename
    if isinstance(error, SyntaxError):  # its traceback ends in Python itself
        line, file = error.lineno, error.filename or file
    return f"{type(error).__name__} in line {line} of {file}: {error}"


def is_own(spec: str) -> bool:
    """Whether a method or recogniser is given as a user's file: `file.py:name` or `file.onnx`."""
    return ":" in spec or spec.endswith(".onnx")


def plain_name(spec: str) -> str:
    """The name in a `file.py:name`, fit for records: lower case, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", spec.rpartition(":")[2].lower()).strip("_")


def free_name(spec: str, taken: Callable[[str], bool]) -> str:
    """The same name, after `own_` if the framework has something of that name already."""
    name = plain_name(spec)
    return f"own_{name}" if taken(name) else name


def source_digest(spec: str) -> str:
    """SHA-256 of the file of a `file.py:name`, and of those beside it that it imports.

    What the code reads when it runs, such as weights, is not seen.
    """
    path = Path(spec.rpartition(":")[0]).resolve()
    files = sources(path)
    if len(files) == 1:
        return sha256_file(path)
    names = {str(file.relative_to(path.parent)): sha256_file(file) for file in files}
    return manifest_digest(names)


def sources(path: Path) -> list[Path]:
    """A Python file, and the files below its folder that it and they import; none of ours."""
    known = [path]
    for file in known:  # which grows
        try:
            nodes = [*ast.walk(ast.parse(file.read_bytes()))]
        except (SyntaxError, ValueError):
            continue  # whoever runs it is told
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = f"{getattr(node, 'module', '') or ''}."
                names = [f"{module}{alias.name}".strip(".").split(".") for alias in node.names]
                for parts in [parts for parts in names if parts[0] not in OURS]:
                    known += _files_of(parts, (path.parent, file.parent), known)
    return known


def _files_of(parts: Sequence[str], folders: Sequence[Path], known: Sequence[Path]) -> list[Path]:
    """The files of a module and of the packages around it, those that are not known yet."""
    places = [
        folder.joinpath(*parts[:end]) for folder in folders for end in range(1, 1 + len(parts))
    ]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in dict.fromkeys(files) if file.is_file() and file not in known]
