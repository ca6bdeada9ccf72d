"""What every experiment shares: options from a dataclass, errors as sentences, the record's env."""

import contextlib
import dataclasses
import os
import platform
import subprocess
import sys
import threading
from _thread import interrupt_main
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import keras
import tyro

from gan_inversion.data import Dataset
from gan_inversion.embedders import Embedder
from gan_inversion.errors import UserError
from gan_inversion.protocols import Protocol
from gan_inversion.record import Record
from gan_inversion.training.memory import keep_freed_memory

T = TypeVar("T")

ROOT = Path(__file__).parents[1]


def main(options: type[T], body: Callable[[T], None]) -> None:
    """Parse the command line into `options` and run `body`.

    Bad input ends with one sentence and exit code 2, Ctrl-C with exit code 130.
    """
    keep_freed_memory()
    # What a user's Keras settings may say otherwise, and nothing here is written for.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    usual, sys.unraisablehook = sys.unraisablehook, _interrupt_again
    try:
        given = tyro.cli(options)
        check_options(given)
        body(given)
    except UserError as error:
        sys.exit(fail(str(error)))
    except OSError as error:
        sys.exit(fail(f"{error.filename or 'the file system'}: {error.strerror or error}"))
    except KeyboardInterrupt:
        print("\ninterrupted: the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    finally:
        sys.unraisablehook = usual


# Least and largest value of options by these names, whatever the program.
RANGES = {
    "seed": (0, 2**32 - 1),
    "seeds": (0, 2**32 - 1),
    "epochs": (1, 100_000),
    "models": (1, 10_000),
    "workers": (0, 10_000),
    "min_images": (1, 1_000_000),
    "hypotheses": (1, 1_000),
    "port": (1, 65_535),
    "subjects": (2, 900_000),
    "images": (1, 100_000),
    "turns": (1, 10_000),
    "batch_size": (1, 1_000_000),
}


MAY_BE_EMPTY = ("judges",)


def check_options(options: Any) -> None:
    """Raise `UserError` unless numbers are in range and no list of choices is empty.

    Args:
        options: a dataclass; fields by the same name have the same range in every program.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(value, tuple) and not value and field.name not in MAY_BE_EMPTY:
            raise UserError(f"expected one value or more for {name}, got none")
        if field.name not in RANGES:
            continue
        low, high = RANGES[field.name]
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int) and not low <= number <= high:
                raise UserError(f"expected {low} to {high} for {name}, got {number}")


def rehearsed(options: T, rehearsal: Callable[[T], T]) -> T:
    """The options, or with `--smoke` those of a rehearsal; what it overrides is told.

    Args:
        options: with a field `smoke`.
        rehearsal: the options of a rehearsal.
    """
    if not options.smoke:  # type: ignore[attr-defined]
        return options
    found = rehearsal(options)
    for field in dataclasses.fields(options):  # type: ignore[arg-type]
        given, used = (getattr(some, field.name) for some in (options, found))
        if given not in (used, field.default):
            option = f"--{field.name.replace('_', '-')}"
            print(f"--smoke rehearses with {option} {used}, not {given}", file=sys.stderr)
    return found


def _interrupt_again(caught: "sys.UnraisableHookArgs") -> None:
    """Repeat a Ctrl-C that came while an object was being cleaned up, where Python drops it."""
    if caught.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(caught)
        return
    waiting = True
    while waiting:
        try:
            threading.Timer(0.1, interrupt_main).start()
            waiting = False
        except KeyboardInterrupt:  # on a busy machine it came before this was left: dropped too
            continue


def fail(sentence: str) -> int:
    """Print an error sentence; return the exit code for bad input."""
    print(f"error: {sentence}", file=sys.stderr)
    return 2


def make_record(
    protocol: Protocol, method: str, *, dataset: Dataset, embedder: Embedder, **fields: Any
) -> Record:
    """A record with what protocol, dataset, recogniser and surroundings fill in themselves.

    Args:
        protocol: what was done.
        method: by what.
        dataset: on what.
        embedder: with which recogniser.
        fields: the record's remaining fields; `seed` is 0 and `knowledge` None unless given.
    """
    return Record(
        protocol=protocol.name,
        protocol_hash=protocol.hash,
        method=method,
        dataset=dataset.name,
        data_digest=dataset.digest,
        embedder=embedder.name,
        embedder_digest=embedder.digest,
        env=environment(),
        **{"seed": 0, "knowledge": None, **fields},
    )


def recorded(path: Path, **expected: Any) -> bool:
    """Whether a record exists already, so that its run can be skipped.

    Args:
        path: of the record.
        expected: fields of the record, or of its `config`, that must be the same.

    Raises:
        UserError: the record that stands there was made under other conditions.
    """
    if not path.exists():
        return False
    check_record(Record.read(path), path, **expected)
    print(f"{path} exists: skipped")
    return True


def check_record(record: Record, path: Path, **expected: Any) -> None:
    """Raise `UserError` unless a record was made under the expected conditions.

    Args:
        record: read from `path`.
        path: to name it by.
        expected: fields of the record, or of its `config`, that must be the same.
    """
    for name, value in expected.items():
        known = getattr(record, name) if hasattr(record, name) else record.config.get(name)
        if known != value:
            raise UserError(
                f"{path} is of another {name}: expected {value}, got {known}; give another folder "
                "for these records"
            )


def environment() -> dict[str, Any]:
    """The record's `env`: commit, packages and device of this run."""
    # A package that is installed inside another repository is no part of it.
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != ROOT.resolve():
        commit = changes = None
    else:
        commit = _git("rev-parse", "HEAD")
        # What experiments write themselves does not make the code another.
        changes = _git("status", "--porcelain", "--", ".", ":!results", ":!docs")
    packages = ["keras", keras.backend.backend(), "numpy", "pillow", "scipy", "scikit-learn"]
    return {
        "commit": commit,
        "dirty": None if changes is None else bool(changes),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "device": device(),
    }


def peak_memory() -> float | None:
    """Largest resident size of this process so far, in GiB; None where the system does not say."""
    with contextlib.suppress(OSError):
        # Linux hands ru_maxrss of the starting process on to the started one; this counts anew.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**20, 2)
    with contextlib.suppress(ImportError):  # Windows has no such module
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # bytes
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30, 2)
    return None


def device() -> str:
    """What the networks run on: accelerator, or processor and number of cores."""
    if keras.backend.backend() == "jax":
        import jax

        accelerator = jax.devices()[0]
        if accelerator.platform != "cpu":
            return accelerator.device_kind
    elif keras.backend.backend() == "tensorflow":
        import tensorflow

        for gpu in tensorflow.config.list_physical_devices("GPU"):
            return tensorflow.config.experimental.get_device_details(gpu)["device_name"]
    return f"{_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def options_dict(options: Any) -> dict[str, Any]:
    """The options that determine a result: all but the folders."""
    return {
        name: value
        for name, value in dataclasses.asdict(options).items()
        if not isinstance(value, Path)
    }
