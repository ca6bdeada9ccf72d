"""The command that starts TensorBoard, and the addresses of its tabs."""

import sys
from pathlib import Path
from urllib.parse import quote

# Which runs a tab shows at first: while more than 40 match, TensorBoard draws none of them.
RUNS = {
    "custom_scalars": "^(inversion|membership|training)",
    "images": "^(faces|training)",
    "histograms": "^(inversion|membership|real_pairs/[a-z]+_aligned$)",
    "pr_curves": "^membership",
    "text": "^pages",
}


def tab_place(tab: str) -> str:
    """The part of the address that opens a tab with its usual runs and without smoothing."""
    chosen = f"&regexInput={quote(RUNS[tab])}" if tab in RUNS else ""
    return f"#{tab}{chosen}&_smoothingWeight=0"


def tensorboard(folder: Path, port: int) -> list[str]:
    """Command line of a TensorBoard that shows a folder, on this machine only."""
    program = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    return [*program, "--host", "127.0.0.1", "--port", str(port)]
