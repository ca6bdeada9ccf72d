"""Writes TensorBoard events at once, in the thread that adds them.

tensorboardX writes events in a background thread. On a full disk that thread dies silently, and
the program waits for ever at the next event. Without the thread the error reaches the program.
"""

from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.event_file_writer import EventFileWriter, EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import directory_check
from tensorboardX.writer import FileWriter

from gan_inversion.core.errors import UserError


class Events(SummaryWriter):
    """tensorboardX's writer, without its thread.

    Args:
        folder: where the events are written.
        purge_step: TensorBoard hides what earlier writers wrote at this step or later.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """

    def __init__(self, folder: Path, *, purge_step: int | None = None):
        super().__init__(str(folder), purge_step=purge_step)

    def _get_file_writer(self) -> FileWriter:
        if getattr(self, "file_writer", None) is None:
            self.file_writer = _Direct(self.logdir)
            self.all_writers = {self.logdir: self.file_writer}
            if self.purge_step is not None:
                for fields in (
                    {"file_version": "brain.Event:2"},
                    {"session_log": SessionLog(status=SessionLog.START)},
                ):
                    self.file_writer.add_event(Event(step=self.purge_step, **fields))
        return self.file_writer


class _Direct(FileWriter):
    def __init__(self, logdir: str):
        self.event_writer = _File(logdir)
        self._default_metadata: dict[str, Any] = {}


class _File(EventFileWriter):
    def __init__(self, logdir: str):
        self._logdir, self._closed = logdir, False
        try:
            directory_check(logdir)
            self._ev_writer = EventsWriter(str(Path(logdir) / "events"))
        except OSError as error:
            raise UserError(f"cannot write events to {logdir}: {error.strerror}") from error

    def add_event(self, event: Event) -> None:
        try:
            self._ev_writer.write_event(event)
            self._ev_writer._py_recordio_writer._writer.flush()  # to the system, not yet to disk
        except OSError as error:
            raise UserError(f"cannot write events to {self._logdir}: {error.strerror}") from error

    def flush(self) -> None:
        """Do nothing: every event is written when it is added."""

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._ev_writer._py_recordio_writer.close()
