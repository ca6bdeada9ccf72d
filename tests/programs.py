"""The real programs, called: in this process where that is enough, else in their own."""

import importlib
import io
import os
import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import partial
from unittest.mock import patch

from gan_inversion.core.program import main
from tests.conftest import ROOT

SMALL = ("-m", "tests.few")  # programs that rehearse on few faces
WITHOUT_TENSORFLOW = """
import runpy, sys
from gan_inversion import data
from tests.few import faces_of

data.Synthetic = faces_of(sys.argv[1])

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tf_keras"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
assert "tensorflow" not in sys.modules
"""


def call(folder, program, *arguments, code=0):
    """Run a program as `python -m` would in a folder; what it printed.

    In this process: to load TensorFlow again costs more than most rehearsals.
    """
    module, printed, status = importlib.import_module(program), io.StringIO(), 0
    command = [program, *map(str, arguments)]
    places = {"PYTHONPATH": str(ROOT)}  # for processes that it starts
    with (
        chdir(folder),
        patch.object(sys, "argv", command),
        patch.dict(os.environ, places),
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        try:
            main(module.Options, module.run_all)
        except SystemExit as end:
            status = end.code
    assert status == code, printed.getvalue()
    return printed.getvalue()


def start(folder, *arguments, program=("-m",), **environment):
    """Start a program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell lets its background jobs ignore Ctrl-C, and children inherit that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def finish(process, *, code=0):
    """Wait for a process that `start` started; what it printed."""
    output, _ = process.communicate(timeout=500)
    assert process.returncode == code, output
    return output
