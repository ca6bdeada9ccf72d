"""One run's folder: its options, JSON-lines log, TensorBoard events, pictures and checkpoint.

A run is resumed by opening its folder again with the same options; one process at a
time may open it.
TensorBoard tags are the names given to `log` (`train_loss`, `seconds`, ...), `curve`, `histogram`
and `draw`; `reconstructions` are the strips of `show`: originals above, reconstructions below,
eight fixed images and one chosen at random each time.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.events import Events
from gan_inversion.core.locks import exclusive
from gan_inversion.core.older import todays_run
from gan_inversion.core.seeding import stream
from gan_inversion.core.storage import (
    read_file,
    read_json,
    remove_unfinished,
    write_png,
    write_text,
)

FIXED = 8  # images of a preview that stay the same


@dataclass(frozen=True)
class Preview:
    """Unseen images that `Run.show` reconstructs.

    Attributes:
        embeddings: float32 (N, D).
        images: uint8 (N, 160, 160, 3), anything indexable by an integer array.
        seed: for the choice of images.
    """

    embeddings: np.ndarray
    images: Any
    seed: int

    def pick(self, step: int) -> np.ndarray:
        """Indices of the fixed images, followed by the one chosen for this step."""
        count = len(self.embeddings)
        fixed = stream(self.seed, "preview").permutation(count)[:FIXED]
        return np.append(fixed, stream(self.seed, "preview", step).integers(count))


class Run:
    """A run's folder, open for writing.

    Args:
        folder: created if absent.
        config: the options that determine the result, JSON-serialisable.
        preview: images to reconstruct in `show`.
        after: functions to call when training reaches a step of the log, before its checkpoint.

    Raises:
        UserError: the folder holds a run with other options, another process has it open, or it
            cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        preview: Preview | None = None,
        after: Mapping[int, Callable[[], None]] = MappingProxyType({}),
    ):
        self.folder, self.preview, self.after = folder, preview, after
        self.checkpoint = folder / "checkpoint.npz"
        self._log = folder / "log.jsonl"
        config_file = folder / "config.json"
        text = json.dumps(config, indent=2, sort_keys=True, default=str) + "\n"
        with ExitStack() as stack:
            stack.enter_context(exclusive(folder, wait=False))
            remove_unfinished(folder)
            if not config_file.exists():
                write_text(config_file, text)
            elif todays_run(read_json(config_file, dict)) != todays_run(json.loads(text)):
                raise UserError(
                    f"{folder} holds a run with other options than these (see {config_file.name} "
                    "there): give another folder, or remove that one"
                )
            last = max((int(line["step"]) for line in self.history()), default=0)
            self._writer = stack.enter_context(Events(folder, purge_step=last + 1))
            self._worker = ThreadPoolExecutor(1)
            self._pending: list[Future[None]] = []
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._open:
            self._worker.shutdown()
            self.settle()  # an error while writing a picture surfaces here

    def log(self, step: int, **values: float) -> None:
        """Append one line to the log and one point to each TensorBoard curve."""
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def curve(self, name: str, values: Iterable[float]) -> None:
        """Draw a curve over 1, 2, ... in TensorBoard; it is not written to the log of steps."""
        for place, value in enumerate(values, 1):
            self._writer.add_scalar(name, float(value), place)

    def histogram(self, name: str, step: int, values: np.ndarray) -> None:
        """Show how values are distributed in TensorBoard."""
        self._writer.add_histogram(name, values, step, bins="auto")

    def history(self) -> list[dict[str, float]]:
        """The complete lines of the log."""
        return history(self._log)

    def last(self, name: str) -> float:
        """The value in the last line of the log that has this figure; NaN if no line has it."""
        return next((line[name] for line in reversed(self.history()) if name in line), math.nan)

    def rewind(self, step: int) -> None:
        """Remove log lines after `step`, from whose checkpoint training resumes."""
        kept = [line for line in self.history() if line["step"] <= step]
        write_text(self._log, "".join(json.dumps(line) + "\n" for line in kept))

    def reach(self, step: int) -> None:
        """Call the function that was given for this step, if any."""
        if step in self.after:
            self.after[step]()

    def show(self, step: int, invert: Callable[[np.ndarray], np.ndarray]) -> None:
        """Reconstruct the preview; encode and write the strip in the background."""
        if self.preview is None:
            return
        chosen = self.preview.pick(step)
        originals = np.asarray(self.preview.images[chosen])
        reconstructions = invert(self.preview.embeddings[chosen])
        self.draw("reconstructions", step, originals, to_uint8(reconstructions))

    def settle(self) -> None:
        """Wait until all pictures are written."""
        while self._pending:
            self._pending.pop(0).result()

    def draw(self, name: str, step: int, above: np.ndarray, below: np.ndarray) -> None:
        """Write a strip of two rows, uint8 (B, H, W, 3) each, in the background."""
        self._pending.append(self._worker.submit(self._write_strip, name, step, above, below))

    def _write_strip(self, name: str, step: int, above: np.ndarray, below: np.ndarray) -> None:
        rows = np.stack([above, below])  # (2, B, H, W, C)
        strip = rows.transpose(0, 2, 1, 3, 4).reshape(2 * rows.shape[2], -1, 3)
        write_png(self.folder / "strips" / f"{name}-{step:03d}.png", strip)
        self._writer.add_image(name, strip, step, dataformats="HWC")


def history(log: Path) -> list[dict[str, float]]:
    """The complete lines of a log; a line cut short by a kill is dropped.

    Raises:
        UserError: a line is not readable.
    """
    if not log.exists():
        return []
    entries = []
    lines = read_file(log).decode(errors="replace").splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if line.endswith("\n"):
            try:
                values = json.loads(line)
                values["step"] = int(values["step"])
            except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
                raise UserError(
                    f"{log}: line {number} is damaged: remove the folder, and its run starts anew"
                ) from error
            entries.append(values)
    return entries


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Round float images in [0, 1] to uint8."""
    return np.clip(np.rint(np.asarray(images) * 255), 0, 255).astype(np.uint8)
