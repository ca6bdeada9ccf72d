"""Progress lines for long work: a bar with rate and time left, quiet enough for log files."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress(items: Iterable | None = None, **options: Any) -> tqdm:
    """`tqdm`, redrawn often on a terminal and every 15 seconds in a log file."""
    return tqdm(items, mininterval=0.1 if sys.stderr.isatty() else 15.0, **options)


def advance(bar: tqdm, count: int = 1) -> None:
    """Count what is done; the first that a bar sees is left out of its rate: it was compiled."""
    if bar.n > bar.initial:
        bar.update(count)
    else:
        bar.initial += count
        bar.n += count
        bar.unpause()
        bar.refresh()
