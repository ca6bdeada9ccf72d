import http.server
import socket
import threading

import pytest

from gan_inversion.data.download import Remote, _sha256_is, fetch, remotes
from gan_inversion.errors import UserError
from gan_inversion.storage import sha256

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
    return Remote("sub/file.bin", homes, _sha256_is(sha256(CONTENT)))


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


def test_without_a_network_the_sentence_says_where_to_put_what(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(UserError, match=rf"get it from {url} .* put it into {tmp_path}/sub"):
            fetch(remote(url), tmp_path)


def test_the_table_names_every_file_once():
    table = remotes()
    assert len({entry.path for entry in table}) == len(table) == 268
    assert all(len(entry.homes) >= 2 for entry in table)
