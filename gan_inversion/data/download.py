"""Public URLs of the data, and a downloader that resumes and verifies."""

import contextlib
import http.client
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from gan_inversion.core.errors import UserError
from gan_inversion.core.locks import exclusive
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import sha256_file
from gan_inversion.data import lfw, pairs, weights

BLOCK = 1 << 16
TIMEOUT = 30  # seconds without a byte
SLOWEST = 2_000  # bytes a second below which a URL is given up, after PATIENCE seconds
PATIENCE = 60


@dataclass(frozen=True)
class Remote:
    """One file to fetch.

    Attributes:
        path: where it goes in the data folder.
        homes: URLs, tried in order.
        largest: bytes that the file has at most.
        verify: raises `UserError` unless the downloaded file is the right one.
    """

    path: str
    homes: tuple[str, ...]
    largest: int
    verify: Callable[[Path], None]


def _sha256_is(expected: str) -> Callable[[Path], None]:
    def verify(path: Path) -> None:
        if (digest := sha256_file(path)) != expected:
            raise UserError(f"expected SHA-256 {expected[:12]}, got {digest[:12]}")

    return verify


def _is_lfw(path: Path) -> None:
    lfw.LFW(path)  # archives differ in packing, so the content is what is verified


LFW_HOME = "http://vis-www.cs.umass.edu/lfw/"
ARCHIVE_HOME = "https://web.archive.org/web/2020id_/"  # the same pages as they were in 2020
FACENET_PATH = "models/facenet_nhwc/weights/"
FACENET_HOMES = (
    "https://raw.githubusercontent.com/webmachinelearning/test-data/main/" + FACENET_PATH,
    "https://webmachinelearning.github.io/test-data/" + FACENET_PATH,
)


def remotes() -> list[Remote]:
    """Every file of the real data: LFW, its pairs, the 266 FaceNet arrays, and other networks."""
    manifest = files("gan_inversion.data").joinpath("facenet_manifest.txt").read_text()
    arrays = (line.split("  ") for line in manifest.splitlines())
    return [
        Remote(
            f"{lfw.ROOT}.tgz",
            (
                f"{ARCHIVE_HOME}{LFW_HOME}{lfw.ROOT}.tgz",
                f"{LFW_HOME}{lfw.ROOT}.tgz",
            ),
            200_000_000,
            _is_lfw,
        ),
        Remote(
            "pairs.txt",
            (
                "https://ndownloader.figshare.com/files/5976006",  # scikit-learn's copy
                f"{ARCHIVE_HOME}{LFW_HOME}pairs.txt",
                f"{LFW_HOME}pairs.txt",
            ),
            1_000_000,
            _sha256_is(pairs.DIGEST),
        ),
        *(
            Remote(
                f"facenet_nhwc/weights/{name}",
                tuple(home + name for home in FACENET_HOMES),
                20_000_000,
                _sha256_is(digest),
            )
            for digest, name in arrays
        ),
        *(
            Remote(file.path, file.homes, 100_000_000, _sha256_is(file.digest))
            for file in weights.EVERY
        ),
    ]


def fetch(remote: Remote, folder: Path) -> bool:
    """Download one file into the data folder, unless the right one is there.

    Returns:
        Whether anything was downloaded.

    Raises:
        UserError: no URL gave the right file; the sentence says how to get it by hand.
    """
    target = folder / remote.path
    for path in (target, _part(target)):
        if path.exists() and not path.is_file():
            raise UserError(f"expected a file or nothing in {path}, found something else")
    with exclusive(target, wait=True):  # of two processes at once, one downloads
        if target.exists():
            try:
                remote.verify(target)
                return False
            except UserError as error:
                print(f"{target} is not the right file: {error}; it is downloaded", file=sys.stderr)
        return _fetch(remote, target)


def _fetch(remote: Remote, target: Path) -> bool:
    part = _part(target)
    reason = ""
    homes = list(remote.homes)
    while homes:
        begun = part.exists()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _download(homes[0], part, remote.largest)
            remote.verify(part)
            part.replace(target)
            return True
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            reason = str(getattr(error, "reason", error))  # the part stays: the next try resumes
        except (ConnectionError, ValueError) as error:  # ValueError: of what a server sends
            reason = str(error)
        except UserError as error:
            reason = str(error)
            part.unlink(missing_ok=True)
            if begun:  # the older part may be of another URL: try again from the start
                continue
        except OSError as error:
            raise UserError(f"cannot write {target}: {error.strerror}") from error
        homes.pop(0)
    raise UserError(
        f"could not download {target.name} ({_readable(reason)}): get it from {remote.homes[0]} "
        f"by other means and put it into {target.parent}"
    )


def _part(target: Path) -> Path:
    """The file of what has come so far; it keeps the ending, which `verify` may need."""
    return target.with_name(f"part-{target.name}")


def _readable(text: str) -> str:
    """A server's answer without characters that control a terminal."""
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in text)[:200]


class Watch:
    """Ends a download that is too slow, wherever it waits.

    A socket's own timeout begins anew with each byte, be it of a header or between two blocks.

    Attributes:
        came: bytes of the file so far.
    """

    def __init__(self) -> None:
        self.came = 0
        self._sockets: list[socket.socket] = []
        self._begun = time.monotonic()
        self._done = threading.Event()
        self._slow = False
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._done.set()
        self._thread.join()
        if self._slow:
            raise TimeoutError(f"{self.came:,} bytes in {PATIENCE} seconds or more are too few")

    def open(self, request: urllib.request.Request) -> Any:
        """The response to a request, whose sockets are closed if it is too slow."""
        handlers = [
            _watched(urllib.request.HTTPHandler, http.client.HTTPConnection, self._sockets),
            _watched(urllib.request.HTTPSHandler, http.client.HTTPSConnection, self._sockets),
        ]
        return urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT)

    def _look(self) -> None:
        while not self._done.wait(min(1, PATIENCE / 4)):
            seconds = time.monotonic() - self._begun
            if seconds > PATIENCE and self.came < SLOWEST * seconds:
                self._slow = True
                for connected in self._sockets:
                    with contextlib.suppress(OSError):  # closed already
                        connected.shutdown(socket.SHUT_RDWR)


def _watched(handler: Any, connection: Any, sockets: list[socket.socket]) -> Any:
    """A handler of urllib whose connections add their sockets to a list."""

    class Connection(connection):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    class Handler(handler):
        def do_open(self, http_class: Any, request: Any, **options: Any) -> Any:
            return super().do_open(Connection, request, **options)

    return Handler


def _download(url: str, part: Path, largest: int) -> None:
    """Append what is missing of `url` to `part`.

    Raises:
        UserError: the file is larger than `largest`.
        TimeoutError: the download is too slow.
    """
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with Watch() as watch:
        try:
            response = watch.open(request)
        except urllib.error.HTTPError as error:
            if have and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # complete already
            raise
        _receive(response, part, have=have, largest=largest, watch=watch)


def _receive(response: Any, part: Path, *, have: int, largest: int, watch: Watch) -> None:
    """Write what a server sends to `part`, which has `have` bytes; as `_download`."""
    with response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        start = have if resumed else 0
        left = response.headers.get("Content-Length")
        total = start + int(left) if left and left.isdigit() else None
        if total is not None and total > largest:
            raise UserError(f"expected at most {largest:,} bytes, got {total:,}")
        with (
            part.open("ab" if resumed else "wb") as file,
            progress(
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                desc=part.name.removeprefix("part-"),
                leave=bool(total and total > 1 << 24),
            ) as bar,
        ):
            # read1 returns what has arrived; read would wait until a whole block has.
            while block := response.read1(BLOCK):
                watch.came += len(block)
                if start + watch.came > largest:
                    raise UserError(f"expected at most {largest:,} bytes, got more")
                file.write(block)
                bar.update(len(block))
        if total is not None and part.stat().st_size < total:
            raise http.client.IncompleteRead(b"", total - part.stat().st_size)
