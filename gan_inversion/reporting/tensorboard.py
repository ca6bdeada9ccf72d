"""Serve a TensorBoard on this machine, and the addresses of its tabs."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from gan_inversion.core.errors import UserError

# Which runs a tab shows at first: while more than 40 match, TensorBoard draws none of them.
RUNS = {
    "custom_scalars": "^(inversion|membership|training)",
    "images": "^(faces|overview|training)",
    "histograms": "^(inversion|membership|real_pairs/[a-z]+_aligned$)",
    "pr_curves": "^membership",
    "text": "^pages",
}
PATIENCE = 120  # seconds to wait until it listens


def tab_place(tab: str) -> str:
    """The part of the address that opens a tab with its usual runs and without smoothing."""
    chosen = f"&regexInput={quote(RUNS[tab])}" if tab in RUNS else ""
    return f"#{tab}{chosen}&_smoothingWeight=0"


def tabs_of(folder: Path) -> list[str]:
    """The tabs for which a dashboard has something to show."""
    runs = [str(path.parent.relative_to(folder)) for path in folder.rglob("events.*")]
    tabs = [tab for tab, chosen in RUNS.items() if any(re.search(chosen, run) for run in runs)]
    tabs.append("hparams")
    if any(folder.rglob("projector_config.pbtxt")):
        tabs.append("projector")
    return tabs


def serve(folder: Path, port: int) -> None:
    """Serve a folder until Ctrl-C, and print the addresses of its tabs when it can be opened.

    Raises:
        UserError: the port is in use, or TensorBoard does not start.
    """
    with suppress(KeyboardInterrupt), served(folder, port) as (address, server):
        for tab in tabs_of(folder):
            print(f"{tab.replace('_', ' ')}: {address}/{tab_place(tab)}", flush=True)
        print("Ctrl-C ends it", flush=True)
        server.wait()


def free_port(port: int = 0) -> int:
    """The port, or with 0 one that is free.

    Raises:
        UserError: it is in use, or not allowed.
    """
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind(("127.0.0.1", port))
        except OSError as error:
            reason = error.strerror
            raise UserError(f"port {port}: {reason}; give another by --port") from error
        return int(place.getsockname()[1])


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve a folder by TensorBoard, which only this machine can reach.

    Args:
        folder: of the events.
        port: to listen at; 0 for a free one.

    Yields:
        Its address, once it can be opened, and its process.

    Raises:
        UserError: the port is in use, or TensorBoard does not start.
    """
    port = free_port(port)
    address = f"http://127.0.0.1:{port}"
    program = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    program += ["--host", "127.0.0.1", "--port", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(program, stdout=quiet, stderr=quiet)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{address}/data/runs", timeout=5).close()
                break
            except OSError as error:
                if time.monotonic() > end or server.poll() is not None:
                    raise UserError(f"expected TensorBoard at {address}, got none") from error
                time.sleep(0.5)
        yield address, server
    finally:
        server.terminate()
        server.wait()
