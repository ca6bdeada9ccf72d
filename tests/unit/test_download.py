import contextlib
import http.server
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import sha256
from gan_inversion.data import download
from gan_inversion.data.download import Remote, _sha256_is, fetch, remotes

CONTENT = bytes(range(256)) * 4000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; honours Range; /cut breaks off half-way, /other serves something else."""

    requests: list  # (path, first byte) of each, set by the fixture

    def do_GET(self):
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.requests.append((self.path, start))
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/rude":
            self.send_error(500, "\x1b]0;owned\x07\x1b[2J")
            return
        if self.path in ("/endless", "/slow"):  # neither says how much there is
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(100_000) if self.path == "/endless" else b"x")
                    time.sleep(0 if self.path == "/endless" else 0.05)
            return
        if self.path.startswith("/drip"):  # a byte now and then, but none of the file
            before = {
                "/drip-status": b"",
                "/drip-header": b"HTTP/1.1 200 OK\r\nX: ",
                "/drip-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            }
            with contextlib.suppress(OSError):
                self.wfile.write(before[self.path])
                while True:
                    self.wfile.write(b"1")
                    time.sleep(0.05)
            return
        if self.path == "/nothing":
            self.send_error(416)
            return
        if self.path == "/large":
            self.send_response(200)
            self.send_header("Content-Length", str(1_500_000_000))
            self.end_headers()
            return
        body = b"something else" if self.path == "/other" else CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def home():
    Handler.requests = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def remote(*homes):
    return Remote("sub/file.bin", homes, 2_000_000, _sha256_is(sha256(CONTENT)))


def test_a_download_that_breaks_off_is_resumed(tmp_path, home):
    assert fetch(remote(f"{home}/cut", f"{home}/file"), tmp_path)
    assert (tmp_path / "sub" / "file.bin").read_bytes() == CONTENT
    assert Handler.requests == [("/cut", 0), ("/file", len(CONTENT) // 2)]
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["file.bin"]
    assert not fetch(remote(f"{home}/file"), tmp_path)


def test_the_next_home_serves_when_one_fails(tmp_path, home):
    assert fetch(remote(f"{home}/missing", f"{home}/other", f"{home}/file"), tmp_path)
    assert (tmp_path / "sub" / "file.bin").read_bytes() == CONTENT


def test_the_wrong_content_is_a_sentence_and_leaves_nothing(tmp_path, home):
    with pytest.raises(UserError, match=r"could not download file.bin \(expected SHA-256"):
        fetch(remote(f"{home}/other"), tmp_path)
    assert list((tmp_path / "sub").iterdir()) == []


@pytest.mark.parametrize("path", ["large", "endless"])
def test_more_than_a_file_can_have_is_not_taken(tmp_path, home, path):
    with pytest.raises(UserError, match=r"expected at most 2,000,000 bytes, got"):
        fetch(remote(f"{home}/{path}"), tmp_path)
    assert list((tmp_path / "sub").iterdir()) == []
    assert fetch(remote(f"{home}/{path}", f"{home}/file"), tmp_path)


@pytest.mark.parametrize("path", ["slow", "drip-status", "drip-header", "drip-chunk"])
def test_a_home_that_comes_to_no_end_is_given_up(tmp_path, home, monkeypatch, path):
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    with pytest.raises(UserError, match=r"bytes in .* seconds or more are too few"):
        fetch(remote(f"{home}/{path}"), tmp_path)
    assert fetch(remote(f"{home}/{path}", f"{home}/file"), tmp_path)


def test_a_server_that_has_no_more_is_asked_for_all(tmp_path, home):
    with pytest.raises(UserError, match=r"could not download file\.bin \(Requested Range"):
        fetch(remote(f"{home}/nothing"), tmp_path)
    assert fetch(remote(f"{home}/nothing", f"{home}/file"), tmp_path)


@pytest.mark.parametrize("name", ["file.bin", "part-file.bin"])
def test_a_pipe_in_a_files_place_is_a_sentence(tmp_path, home, name):
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "sub" / name)
    with pytest.raises(UserError, match=f"expected a file or nothing in .*{name}, found"):
        fetch(remote(f"{home}/file"), tmp_path)


def test_what_a_server_says_does_not_steer_the_terminal(tmp_path, home):
    with pytest.raises(UserError) as caught:
        fetch(remote(f"{home}/rude"), tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"half", CONTENT[:-1]])
def test_a_file_that_is_not_the_right_one_is_mended(tmp_path, home, capsys, content):
    target = tmp_path / "sub" / "file.bin"
    target.parent.mkdir()
    target.write_bytes(content)
    assert fetch(remote(f"{home}/file"), tmp_path)
    assert target.read_bytes() == CONTENT
    assert f"{target} is not the right file: expected SHA-256" in capsys.readouterr().err


def test_of_two_at_once_one_downloads(tmp_path, home):
    with ThreadPoolExecutor(4) as pool:
        fetched = list(pool.map(lambda _: fetch(remote(f"{home}/file"), tmp_path), range(4)))
    assert sorted(fetched) == [False, False, False, True]
    assert [path for path, _ in Handler.requests] == ["/file"]


def test_the_first_homes_are_encrypted():
    assert all(entry.homes[0].startswith("https://") for entry in remotes())


def test_without_a_network_the_sentence_says_where_to_put_what(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(UserError, match=rf"get it from {url} .* put it into {tmp_path}/sub"):
            fetch(remote(url), tmp_path)


def test_the_table_names_every_file_once():
    table = remotes()
    assert len({entry.path for entry in table}) == len(table) == 271
    assert all(len(entry.homes) >= 2 for entry in table)
