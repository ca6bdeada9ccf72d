import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from gan_inversion.core.cache import cached_array, cached_json, cached_result
from gan_inversion.core.errors import UserError
from gan_inversion.core.events import Events
from gan_inversion.core.locks import exclusive
from gan_inversion.core.places import (
    LISTING,
    MADE,
    check_replaceable,
    claim_folder,
    replaced_folder,
)
from gan_inversion.core.run import Run
from gan_inversion.core.storage import (
    atomic,
    cache_dir,
    manifest_digest,
    read_json,
    sha256,
    write_png,
    write_text,
)
from gan_inversion.reporting.page import page


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


SLOW_FILL = """
import os, sys, time
from pathlib import Path
os.getpid = lambda: 1  # as in two containers
from gan_inversion.core.cache import cached_array

def fill(array):
    print("fills", flush=True)
    time.sleep(0.5)
    array[:] = 7

assert (cached_array(Path(sys.argv[1]), (20, 3), "uint8", fill) == 7).all()
"""


def test_of_several_processes_one_fills_a_cached_array(tmp_path):
    path = tmp_path / "array.npy"
    command = [sys.executable, "-c", SLOW_FILL, str(path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(said) == ["", "fills\n"]
    assert {file.name for file in tmp_path.iterdir()} == {"array.npy", "array.npy.sha256"}


def test_threads_fill_a_cached_array_once(tmp_path):
    calls = []

    def fill(array):
        calls.append(1)
        array[:] = 7

    def one(_):
        return cached_array(tmp_path / "array.npy", (20, 3), "uint8", fill)

    with ThreadPoolExecutor(8) as pool:
        assert all((array == 7).all() for array in pool.map(one, range(8)))
    assert len(calls) == 1


HOLD = """
import sys, time
from pathlib import Path
from gan_inversion.core.storage import atomic
with atomic(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(bytes(1000))
    print("writes", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_writer_left_is_removed_and_what_another_writes_is_kept(tmp_path):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path / name], stdout=subprocess.PIPE, text=True
        )
        for name in ("killed.npy", "living.npy")
    ]
    assert [process.stdout.readline() for process in both] == ["writes\n"] * 2
    both[0].kill()
    both[0].wait()
    assert len([*tmp_path.glob(".writing-*")]) == 2
    cached_array(tmp_path / "array.npy", (4, 3), "uint8", seven)
    assert [path.name for path in tmp_path.glob(".writing-*/*")] == ["living.npy"]
    both[1].kill()
    both[1].wait()


def test_a_draft_that_becomes_the_folder_is_not_left(tmp_path):
    for content in "ab":
        with replaced_folder(tmp_path / "made") as folder:
            (folder / "file").write_text(content)
    assert (tmp_path / "made" / "file").read_text() == "b"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_full_disk_is_named_with_the_file(tmp_path):
    def full(array):
        raise OSError("1000 requested and 0 written")

    with pytest.raises(UserError, match=r"cannot write .*array\.npy: the disk is full"):
        cached_array(tmp_path / "array.npy", (4, 3), "uint8", full)


def seven(array):
    array[:] = 7


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "zeros at the end": lambda path: path.write_bytes(path.read_bytes()[:-5] + bytes(5)),
    "another header": lambda path: np.save(path, np.zeros((3, 3))),
    "pickled": lambda path: np.save(path, np.array([{}]), allow_pickle=True),
    "without its digest": lambda path: path.with_name(path.name + ".sha256").unlink(),
    "an empty digest": lambda path: path.with_name(path.name + ".sha256").write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_anew(tmp_path, damage):
    path = tmp_path / "array.npy"
    cached_array(path, (40, 3), "uint8", seven)
    DAMAGES[damage](path)
    assert (cached_array(path, (40, 3), "uint8", seven) == 7).all()
    path = tmp_path / "result.npy"
    cached_result(path, 40, lambda: np.full((40, 3), 7.0))
    DAMAGES[damage](path)
    assert (cached_result(path, 40, lambda: np.full((40, 3), 7.0)) == 7).all()


def test_a_cached_array_is_read_once_for_each_state_of_its_file(tmp_path):
    cached_array(tmp_path / "array.npy", (40, 3), "uint8", seven)
    with patch("gan_inversion.core.storage.sha256_file") as read:
        cached_array(tmp_path / "array.npy", (40, 3), "uint8", seven)
    assert not read.called


@pytest.mark.parametrize("content", ["", "{", "[1, 2", "\0" * 20, "[" * 200_000, '{"a": 1}'])
def test_damaged_json_of_the_cache_is_made_anew_and_elsewhere_a_sentence(tmp_path, content):
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"list.json"):
        read_json(path, list)
    assert cached_json(path, list, lambda: [1, 2]) == [1, 2] == read_json(path, list)


def test_what_is_known_is_read_without_a_lock(tmp_path):
    """As from a cache that may only be read."""
    assert cached_json(tmp_path / "list.json", list, lambda: [1]) == [1]
    with patch("gan_inversion.core.cache.exclusive", side_effect=AssertionError("locked")):
        assert cached_json(tmp_path / "list.json", list, lambda: [2]) == [1]


@pytest.mark.parametrize("name", ["config.json", "log.jsonl"])
def test_a_damaged_run_is_a_sentence(tmp_path, name):
    with Run(tmp_path / "run", {"a": 1}) as run:
        run.log(1, loss=0.5)
    (tmp_path / "run" / name).write_text("\0\0\0\n")
    with pytest.raises(UserError, match=name):
        Run(tmp_path / "run", {"a": 1})
    assert not list(tmp_path.glob(".*.lock"))


def test_a_run_is_had_by_one_process_at_a_time(tmp_path):
    with Run(tmp_path / "run", {"a": 1}):
        with pytest.raises(UserError, match=r"another process is writing .*run: wait"):
            Run(tmp_path / "run", {"a": 1})
        left = tmp_path / "run" / "inverter" / ".writing-0123" / "checkpoint.npz"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")
    with Run(tmp_path / "run", {"a": 1}):
        assert not left.exists()  # what a killed writer left


def test_a_lock_is_free_when_its_holder_is_killed(tmp_path):
    held = """
import sys, time
from pathlib import Path
from gan_inversion.core.locks import exclusive
with exclusive(Path(sys.argv[1]), wait=False):
    print("held", flush=True)
    time.sleep(60)
"""
    command = [sys.executable, "-c", held, str(tmp_path / "file")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UserError), exclusive(tmp_path / "file", wait=False):
            pass
        process.kill()
        process.wait()
    with exclusive(tmp_path / "file", wait=False):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_others_is_not_replaced(tmp_path):
    folder = tmp_path / "records"
    folder.mkdir()
    with replaced_folder(folder) as new:  # empty: nothing is lost
        (new / "one").write_text("1")
    with replaced_folder(folder) as new:
        (new / "two").write_text("2")
    assert {path.name for path in folder.iterdir()} == {MADE, LISTING, "two"}
    (folder / "mine").mkdir()
    (folder / "mine" / "diary").write_text("dear diary")
    with pytest.raises(UserError, match="holds mine/diary, which this"), replaced_folder(folder):
        pass
    assert (folder / "mine" / "diary").exists()
    (folder / MADE).unlink()
    with pytest.raises(UserError, match="it holds other files"), replaced_folder(folder):
        pass
    with pytest.raises(UserError, match="found a file"), replaced_folder(folder / "two"):
        pass
    assert (folder / "two").read_text() == "2"


def test_files_of_others_are_not_overwritten(tmp_path):
    claim_folder(tmp_path / "out", "faces")
    (tmp_path / "out" / "0.png").write_text("mine")
    claim_folder(tmp_path / "out", "faces")
    with pytest.raises(UserError, match="holds faces, not numbers: give another folder"):
        claim_folder(tmp_path / "out", "numbers")
    with (
        pytest.raises(UserError, match="holds faces, not what this program writes"),
        replaced_folder(tmp_path / "out"),  # as a dashboard would
    ):
        pass
    assert (tmp_path / "out" / "0.png").read_text() == "mine"
    (tmp_path / "out" / MADE).unlink()
    with pytest.raises(UserError, match="it holds other files, which could be overwritten"):
        claim_folder(tmp_path / "out", "faces")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="found a file"):
        claim_folder(tmp_path / "file", "faces")


def test_what_fails_in_a_new_folder_leaves_the_old_one(tmp_path):
    with replaced_folder(tmp_path / "folder") as new:
        (new / "one").write_text("1")
    with pytest.raises(RuntimeError), replaced_folder(tmp_path / "folder"):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder" / "one").exists()


def test_an_unfinished_file_has_no_name_that_readers_look_for(tmp_path):
    with atomic(tmp_path / "record-lfw-s0.json") as temporary:
        temporary.write_text("{}")
        assert list(tmp_path.glob("*.json")) == list(tmp_path.glob("*-lfw-s*")) == []


def test_no_home_is_a_sentence(monkeypatch):
    monkeypatch.delenv("GAN_INVERSION_CACHE")
    with (
        patch.object(Path, "home", side_effect=RuntimeError("no home")),
        pytest.raises(UserError, match="set HOME, or GAN_INVERSION_DATA"),
    ):
        cache_dir()


def test_events_on_a_full_disk_are_a_sentence(tmp_path):
    with Events(tmp_path) as writer:
        writer.add_scalar("loss", 1.0, 1)
        file = writer.file_writer.event_writer._ev_writer._py_recordio_writer._writer
        with (
            patch.object(file, "write", side_effect=OSError(errno.ENOSPC, "No space left")),
            pytest.raises(UserError, match=r"cannot write events to .*: No space left"),
        ):
            writer.add_scalar("loss", 0.5, 2)


def test_a_name_that_is_no_text_has_a_digest():
    name = os.fsdecode(b"Jos\xe9/0.png")
    assert manifest_digest({name: "0"}) == sha256(b"0  Jos\xe9/0.png\n")


@pytest.mark.parametrize("name", ["grid.png", "grid.jpg", "page.html"])
def test_a_file_of_ones_own_is_replaced_and_one_of_others_is_not(tmp_path, name):
    path = tmp_path / name
    check_replaceable(path)
    if path.suffix == ".html":
        path.write_text(page("Title", []), "utf-8")
    else:
        write_png(path, np.zeros((8, 8, 3), "uint8"))
    check_replaceable(path)
    if path.suffix == ".html":
        path.write_text("<!doctype html><p>My thesis")
    else:
        Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(UserError, match=f"expected a new file, or one that .*{name}: found anoth"):
        check_replaceable(path)
