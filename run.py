"""Set up and go: `python3 run.py demo` or `python3 run.py test`, with nothing but Python 3.11+.

The first call makes a virtual environment in `.venv` and installs the package with the versions of
constraints.txt; later calls reuse it until pyproject.toml or constraints.txt change.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")

COMMANDS = {
    "demo": [["python", "-m", "experiments.demo"]],
    "test": [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["lint-imports"],
        ["python", "-m", "pytest", "--numprocesses", "2", "--dist", "loadfile"],
    ],
}


def install() -> None:
    """Make `.venv` and install the package in it, unless it is up to date."""
    sources = [ROOT / "pyproject.toml", ROOT / "constraints.txt"]
    state = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text() == state:
        return
    print(f"installing into {VENV} (once, some minutes)", flush=True)
    venv.create(VENV, with_pip=True, clear=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["-c", "constraints.txt", "-e", ".[dev,dlib,jax,onnx,private,ray,tables]"]
    subprocess.run(pip, cwd=ROOT, check=True)
    stamp.write_text(state)


def main() -> int:
    """Install, then run the command's steps; the first that fails gives the exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one file that older versions may run
        print(f"error: expected Python 3.11 or newer, got {sys.version.split()[0]}")
        return 2
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(f"error: expected one of: {', '.join(COMMANDS)}")
        return 2
    try:
        install()
    except subprocess.CalledProcessError as error:
        print(f"error: the installation failed with exit code {error.returncode}, see above")
        return 2
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    # Threads of NumPy's products wait busily for each other where all cores are at work already.
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    for step in COMMANDS[sys.argv[1]]:
        program = [str(BIN / step[0]), *step[1:]]
        if step == COMMANDS[sys.argv[1]][-1]:
            program += sys.argv[2:]
        code = subprocess.run(program, cwd=ROOT, env=environment).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
