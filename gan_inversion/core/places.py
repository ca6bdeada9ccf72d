"""Where a program may write: apart from what it reads, and over nothing that is not its own."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import MADE_BY, draft, write_text

LISTING = ".files"  # in a folder that is replaced: the files that are this package's
BEGIN = 4096  # bytes of a file, among which the name of this package stands if it is its own
MADE = ".made-by-gan-inversion"  # marks a folder that this package writes, and says what for


def real(path: Path) -> Path:
    """An absolute path without links; `Path.resolve` raises on a link that leads to itself."""
    return Path(os.path.realpath(path))


def check_output(output: Path, *inputs: Path | None) -> None:
    """Raise `UserError` if an output, which is replaced, is an input, is inside one or holds one.

    Otherwise the output would overwrite the input, or be read as input the next time.
    """
    check_outside(output, *inputs)
    check_holds_none(output, *inputs)


def check_outside(output: Path, *inputs: Path | None) -> None:
    """Raise `UserError` if an output is an input, or lies inside one."""
    target = real(output)
    for path in inputs:
        if path and real(path) in (target, *target.parents):
            raise _not_apart(output, path)


def check_holds_none(output: Path, *inputs: Path | None) -> None:
    """Raise `UserError` if an output, a folder that is replaced, is an input or holds one."""
    for path in inputs:
        if path and real(output) in (real(path), *real(path).parents):
            raise _not_apart(output, path)


def _not_apart(output: Path, path: Path) -> UserError:
    return UserError(
        f"expected a place of its own to write to, but {output} and {path}, which is read, lie "
        "within each other"
    )


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Raise `UserError`, before the work, if nothing can be written at a path.

    Args:
        path: where to write.
        folder: whether files are to be written inside it.
    """
    place = path.absolute()
    while not os.path.lexists(place):
        place = place.parent
    if (folder or place != path.absolute()) and not place.is_dir():
        raise UserError(f"cannot write {path}: {place} is a file, expected a folder")
    if not os.access(place, os.W_OK):
        raise UserError(f"cannot write {path}: {place} is not writable")


def check_replaceable(*paths: Path) -> None:
    """Raise `UserError` if a file that would be replaced was not written by this package.

    Args:
        paths: of pictures and pages, which bear its name.
    """
    for path in paths:
        if path.is_file():
            with path.open("rb") as file:
                begin = file.read(BEGIN)
            if MADE_BY.encode() not in begin:
                raise UserError(
                    f"expected a new file, or one that this program wrote, in {path}: found "
                    "another, which would be replaced"
                )


def claim_folder(path: Path, content: str) -> None:
    """Mark a folder as one that this package writes to; its files may then be overwritten.

    Args:
        path: the folder, made if it is not there.
        content: what it is for. A folder that holds something else is refused.

    Raises:
        UserError: the folder holds other files or another content, or cannot be written.
    """
    _check_made(path, content)
    write_text(path / MADE, content)


def _check_made(path: Path, content: str) -> None:
    """Raise `UserError` unless a folder is new, empty, or marked as written for this content."""
    if path.exists() and not path.is_dir():
        raise UserError(f"expected a folder to write to in {path}, found a file")
    mark = path / MADE
    if path.is_dir() and any(path.iterdir()) and not mark.exists():
        raise UserError(
            f"expected a new or empty folder, or one written by this program before, in {path}: "
            "it holds other files, which could be overwritten"
        )
    if mark.exists() and (purpose := mark.read_text(encoding="utf-8", errors="replace")) != content:
        raise UserError(
            f"{path} holds {purpose or 'what another program wrote'}, not "
            f"{content or 'what this program writes'}: give another folder"
        )


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder, and move it to `path` if the block succeeds.

    Raises:
        UserError: `path` holds files that this package did not write.
    """
    _check_made(path, "")
    if (listing := path / LISTING).exists():
        known = {LISTING, *listing.read_text("utf-8", errors="replace").splitlines()}
        for own in sorted(_files_of(path) - known):
            raise UserError(
                f"{path} would be replaced, but holds {own}, which this program did not write: "
                "move it away, or give another folder"
            )
    with draft(path) as temporary:
        (temporary / MADE).touch()
        yield temporary
        write_text(temporary / LISTING, "\n".join(sorted(_files_of(temporary))))
        shutil.rmtree(path, ignore_errors=True)
        temporary.rename(path)


def _files_of(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
