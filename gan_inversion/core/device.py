"""The environment of a run: its device, memory, packages, and the commit of the code."""

import contextlib
import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from gan_inversion.core.folders import ROOT

# What a figure depends on; files that a user or an experiment writes elsewhere change none.
CODE = ("gan_inversion", "experiments", "baselines", "pyproject.toml", "constraints.txt")


def remember_code() -> None:
    """Note which code this is. A record names that commit, though others follow during the run."""
    _code_at_start(ROOT)


def environment() -> dict[str, Any]:
    """The record's `env`: commit, packages and device of this run."""
    commit, changes = _code_at_start(ROOT)
    if commit:  # modules that are imported late are the changed ones
        changes = changes or _git("diff", "--name-only", commit, "--", *CODE) or _changes()
    packages = ["keras", keras.backend.backend(), "numpy", "pillow", "scipy", "scikit-learn"]
    return {
        "commit": commit,
        "dirty": bool(changes) if commit else None,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "device": device(),
    }


@cache
def _code_at_start(root: Path) -> tuple[str | None, str | None]:
    """Commit and changes, when first asked; where the package is no repository's own, no commit."""
    top = _git("rev-parse", "--show-toplevel")
    # Installed into a repository that ignores it, the package is none of it.
    if top is None or Path(top).resolve() != root.resolve() or not _git("ls-files", "--", *CODE):
        return None, None
    return _git("rev-parse", "HEAD"), _changes()


def _changes() -> str | None:
    """Files of code that are not as in the last commit."""
    return _git("status", "--porcelain", "--", *CODE)


def _git(*arguments: str) -> str | None:
    # A hook of git names another repository by variables.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, env=own
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def device() -> str:
    """What the networks run on: accelerator, or processor and number of cores.

    Of letters, digits and few marks, as the schema of records has it.
    """
    return re.sub(r"[^\w .,:()@/+-]", "", _device()).strip()[:200] or "unknown"


def _device() -> str:
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
    return _described().get("model name") or platform.processor() or platform.machine()


def processor() -> str:
    """The processor with its instruction sets: machines of one name may differ in them."""
    return f"{_processor()} {_described().get('flags', '')}"


@cache
def _described() -> dict[str, str]:
    """What Linux says of the first core."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (x.partition(":") for x in lines)}


def peak_memory() -> float | None:
    """Largest resident size of this process so far, in GiB; None where the system does not say."""
    with contextlib.suppress(OSError):
        # On Linux a process inherits ru_maxrss from the one that started it, but not VmHWM.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 2**20, 2)
    with contextlib.suppress(ImportError):  # Windows has no such module
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # bytes
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30, 2)
    return None
