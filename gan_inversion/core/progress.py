"""Progress lines for long work: a bar with rate and time left, quiet enough for log files."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(items: Iterable[Any] | None = None, **options: Any) -> tqdm:
    """`tqdm`, redrawn often on a terminal and every 15 seconds in a log file."""
    return tqdm(items, mininterval=0.1 if sys.stderr.isatty() else 15.0, **options)


def leave_out_first(bar: tqdm) -> None:
    """Count the first item as done, but not in the rate: its time includes compiling."""
    if bar.disable:  # as by TQDM_DISABLE=1; it then has nothing to count
        return
    bar.initial += 1
    bar.n += 1
    bar.unpause()
    bar.refresh()
