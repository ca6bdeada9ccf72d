import errno
import os

import numpy as np
import pytest

from gan_inversion.errors import UserError
from gan_inversion.storage import atomic, cached_array, manifest_digest, sha256, write_text


def test_atomic_leaves_nothing_behind_when_the_block_fails(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_atomic_keeps_the_old_file_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with atomic(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError, match=r"cannot write .*file/child"):
        write_text(tmp_path / "file" / "child", "text")


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match=r"cannot write .*array.npy: No space left on device"):
        cached_array(tmp_path / "array.npy", (2, 2), "uint8", lambda array: None)
    assert list(tmp_path.iterdir()) == []


def test_a_cached_array_is_filled_once_and_mapped_read_only(tmp_path):
    calls = []

    def fill(array):
        calls.append(1)
        array[:] = 7

    for _ in range(2):
        array = cached_array(tmp_path / "array.npy", (3, 2), "uint8", fill)
        assert isinstance(array, np.memmap) and (array == 7).all()
        with pytest.raises(ValueError):
            array[0] = 1
    assert len(calls) == 1


def test_the_manifest_digest_is_over_sorted_lines():
    files = {"b": sha256(b"2"), "a": sha256(b"1"), "B": sha256(b"3")}
    lines = "".join(f"{files[name]}  {name}\n" for name in ("B", "a", "b"))
    assert manifest_digest(files) == sha256(lines.encode())
