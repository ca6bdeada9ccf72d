"""How every program begins and ends: options from a dataclass, errors as sentences."""

import io
import os
import sys
import threading
from _thread import interrupt_main
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import tyro

from gan_inversion.core.backend import load_backend
from gan_inversion.core.errors import UserError, visible
from gan_inversion.core.memory import keep_freed_memory
from gan_inversion.core.options import check_options, leaves
from gan_inversion.core.places import check_outside, check_replaceable, check_writable

T = TypeVar("T")
# Options that say in which folder to write, but for those of a program's `READS`.
FOLDERS = ("records", "tables", "runs")
# Options that say what is read, beside those of `READS`: nothing is written over it or inside it.
INPUTS = ("data", "input", "model", "reconstructions", "signals", "pairs", "bin", "results")


def main(options: type[T], body: Callable[[T], None]) -> None:
    """Parse the command line into `options` and run `body`.

    Bad input ends with one sentence and exit code 2, Ctrl-C with exit code 130.
    """
    _open_streams()
    usual, sys.unraisablehook = sys.unraisablehook, _interrupt_again
    try:
        given = tyro.cli(options)
        check_options(given)
        check_places(given)
        load_backend()  # after parsing, so that --help answers at once
        from gan_inversion.core.device import remember_code

        remember_code()
        keep_freed_memory()
        body(given)
    except UserError as error:
        sys.exit(fail(str(error)))
    except BrokenPipeError:  # a reader such as head has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush
        sys.exit(1)
    except OSError as error:
        sys.exit(fail(f"{error.filename or 'the file system'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        print(
            "\ninterrupted: what is complete was kept; the same command goes on from there",
            file=sys.stderr,
        )
        sys.exit(130)
    finally:
        sys.unraisablehook = usual


def _open_streams() -> None:
    """Give a program all three streams, and those that it writes to all letters."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:  # closed: a file opened next would get what is written there
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nothing, "w" if number else "r"))
    for stream in (sys.stdout, sys.stderr):  # a terminal may lack the letters of a file's name
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def check_places(options: Any) -> None:
    """Raise `UserError` unless a program can write where its options say, apart from its inputs."""
    every = leaves(options)
    given = [leaf.value for name, leaf in every.items() if name in INPUTS]
    each = (one for value in given for one in (value if isinstance(value, tuple) else (value,)))
    inputs = [path for path in each if isinstance(path, Path)]  # some signals are names
    for name, (value, default, _) in every.items():
        if value is None or name in getattr(options, "READS", ()):
            continue
        if name in FOLDERS:
            check_writable(value, folder=True)
        elif name == "output" and value != default:
            check_writable(value)
        if name in (*FOLDERS, "output"):
            check_outside(value, *inputs)
        if name == "output" and value != default:
            check_replaceable(value)


def fail(sentence: str) -> int:
    """Print an error sentence; return the exit code for bad input."""
    print(f"error: {visible(sentence)}", file=sys.stderr)
    return 2


def _interrupt_again(caught: "sys.UnraisableHookArgs") -> None:
    """Repeat a Ctrl-C that came while an object was being cleaned up: Python drops those."""
    if caught.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(caught)
        return
    waiting = True
    while waiting:
        try:
            threading.Timer(0.1, interrupt_main).start()
            waiting = False
        except KeyboardInterrupt:  # on a busy machine it comes before this block ends
            continue
