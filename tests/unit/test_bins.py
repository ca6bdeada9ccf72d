"""InsightFace's verification sets, read without running them, and lists of pairs."""

import io
import os
import pickle
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiments import verification
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Record, at
from gan_inversion.data.bins import VerificationSet, read_bin, write_bin
from gan_inversion.data.pairs import Pairs, draw_pairs, folds_of, read_listed
from gan_inversion.data.source import Source

COUNT = 40  # pairs
IMAGES = np.random.default_rng(0).integers(1, 256, (2 * COUNT, 112, 112, 3), dtype=np.uint8)
SAME = [place % 2 == 0 for place in range(COUNT)]


def encoded(kind="PNG"):
    data = []
    for image in IMAGES:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, kind)
        data.append(buffer.getvalue())
    return data


@pytest.fixture(scope="module")
def images():
    return encoded()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.bin"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", ["bytes", "arrays", "an array", "truth values of NumPy"])
def test_what_insightface_writes_is_read(path, images, protocol, kind):
    bins, same = images, SAME
    if kind == "arrays":
        bins = [np.frombuffer(data, "uint8") for data in images]
    elif kind == "an array":
        bins, same = np.array(images, object), np.array(SAME)
    elif kind == "truth values of NumPy":
        same = [np.bool_(value) for value in SAME]
    path.write_bytes(pickle.dumps((bins, same), protocol=protocol))
    read, genuine = read_bin(path)
    np.testing.assert_array_equal(read, IMAGES)
    assert genuine.tolist() == SAME


def test_a_pickle_of_python_2_is_read(path):
    """Protocol 2 with byte strings, as the published sets are."""
    rows = b"".join(
        b"T" + len(data).to_bytes(4, "little") + data for data in encoded("PNG")[:4]
    )  # BINSTRING
    path.write_bytes(b"\x80\x02](" + rows + b"e](\x88\x89e\x86.")
    read, genuine = read_bin(path)
    np.testing.assert_array_equal(read, IMAGES[:4])
    assert genuine.tolist() == [True, False]


def test_texts_of_python_2_hold_images(path):
    """Protocol 0, the usual one of Python 2, writes bytes as texts with escapes."""
    rows = b"".join(b"S" + repr(data)[1:].encode("ascii") + b"\na" for data in encoded("PNG")[:4])
    path.write_bytes(b"((l" + rows + b"(lI01\naI00\nat.")
    read, genuine = read_bin(path)
    np.testing.assert_array_equal(read, IMAGES[:4])
    assert genuine.tolist() == [True, False]


@pytest.mark.parametrize("kind", ["u1", "<i8", ">i4", "i2"])
def test_truth_may_be_whole_numbers(path, images, kind):
    same = np.array(SAME, kind)
    for truth in (same, list(same)):
        path.write_bytes(pickle.dumps((images, truth)))
        assert read_bin(path)[1].tolist() == SAME


class Runs:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


def hostile(tmp_path):
    mark = tmp_path / "ran"
    return {
        "a command": pickle.dumps(Runs(os.system, f"touch {mark}")),
        "code": pickle.dumps(([Runs(eval, f"open({str(mark)!r}, 'w')")], [True])),
        "a module's function": pickle.dumps(Runs(getattr, "os", "system")),
        "NumPy's loader": pickle.dumps(Runs(np.load, str(mark))),
        "an object array": b"cnumpy\nndarray\n((I4\ncnumpy\ndtype\n(S'O'\ntRS'aaaaaaaa'tR.",
        "floats": pickle.dumps((np.ones(4), [True, False])),
        "a dictionary": pickle.dumps({"bins": [], "same": []}),
        "a number": pickle.dumps(7),
        "one list": pickle.dumps(([b""],)),
        "odd numbers": pickle.dumps(([b""], [True])),
        "no pairs": pickle.dumps(([], [])),
        "other truths": pickle.dumps(([b"", b""], ["yes"])),
        "no images": pickle.dumps(([b"text", b"text"], [True])),
        "texts": pickle.dumps((["text", "text"], [True])),
        "cut short": pickle.dumps((encoded(), SAME))[:1000],
        "nothing": b"",
        "brackets": b"\x80\x04" + b"](" * 100_000 + b".",
        "a hash that never ends": b"}N"
        + b"".join(b"q\x000h\x00h\x00\x86" for _ in range(60))
        + b"Ns.",
        "a hash that is too deep": b"}N" + b"\x85" * 250_000 + b"Ns.",
        "a huge memo": b"Np300000000\n.",
        "a huge memo, binary": b"Nr" + (100_000_000).to_bytes(4, "little") + b".",
        "doubling lists": b"cnumpy\ndtype\n(" + b"(lp1\ng1\na" * 20 + b"tR.",
        "one picture many times": pickle.dumps(([encoded()[0]] * 60_000, [True] * 30_000)),
        "more lists than memory": b"(" + b"]" * 3_000_000 + b"l.",
        "a huge array": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I99999999999\nt"
        b"S'b'\ntR.",
    }


@pytest.mark.parametrize("name", list(hostile(Path())))
def test_nothing_in_a_file_is_run(tmp_path, path, name):
    path.write_bytes(hostile(tmp_path)[name])
    with pytest.raises(UserError, match=r"set\.bin") as caught:
        read_bin(path)
    assert not (tmp_path / "ran").exists(), name
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(("mode", "size"), [("RGB", (96, 112)), ("I;16", (8000, 8000))])
def test_other_sizes_are_a_sentence(path, mode, size):
    data = io.BytesIO()
    Image.new(mode, size).save(data, "PNG")
    path.write_bytes(pickle.dumps(([data.getvalue()] * 2, [True])))
    with pytest.raises(UserError, match=r"image 0 of .*: expected 112x112 pixels, got \d+x\d+"):
        read_bin(path)


def test_a_set_too_small_for_folds_is_a_sentence(path, images):
    for count, same in ((3, SAME[:3]), (20, [True] * 20)):
        path.write_bytes(pickle.dumps((images[: 2 * count], same)))
        with pytest.raises(UserError, match="expected 10 pairs or more, of one person and of two"):
            VerificationSet(path)


def test_what_is_written_is_read_by_anyone(path):
    pairs = Pairs(np.array([3, 0, 5]), np.array([1, 2, 4]), np.array([True, False, True]), None)
    write_bin(path, IMAGES, pairs)
    bins, same = pickle.loads(path.read_bytes())  # as InsightFace does
    assert same == [True, False, True]
    shown = np.stack([np.asarray(Image.open(io.BytesIO(data))) for data in bins])
    np.testing.assert_array_equal(shown, IMAGES[[3, 1, 0, 2, 5, 4]])
    np.testing.assert_array_equal(read_bin(path)[0], shown)
    write_bin(path, IMAGES, pairs)  # the same command again
    with pytest.raises(UserError, match="exists: expected another name"):
        write_bin(path, IMAGES[::-1], pairs)
    path.unlink()
    blank = np.concatenate([IMAGES[:5], np.zeros_like(IMAGES[:1])])
    with pytest.raises(UserError, match="expected a face in every image of the pairs, image 5 has"):
        write_bin(path, blank, pairs)


OWN = """
import numpy as np
from gan_inversion.recognisers.aligned import AlignedRecogniser

class Small(AlignedRecogniser):
    name, digest, dimension = "small", "0" * 64, 192
    def describe(self, faces):
        return faces[:, ::14, ::14].reshape(len(faces), -1).astype("float32") - 127.5
"""


def test_a_recogniser_is_verified_on_a_set(tmp_path):
    images = IMAGES.copy()
    images[np.flatnonzero(SAME) * 2 + 1] = images[np.flatnonzero(SAME) * 2]
    pairs = Pairs(np.arange(COUNT) * 2, np.arange(COUNT) * 2 + 1, np.array(SAME), None)
    write_bin(tmp_path / "My-Set.bin", images, pairs)
    (tmp_path / "mine.py").write_text(OWN)
    options = verification.Options(
        recognisers=(f"{tmp_path}/mine.py:Small",),
        views=("aligned112",),
        source=Source("bin", tmp_path / "My-Set.bin"),
        folders=Folders(
            runs=tmp_path / "runs", records=tmp_path / "records", tables=tmp_path / "tables"
        ),
    )
    verification.run_all(options)
    record = Record.read(tmp_path / "records/verification/small_aligned112-my_set_bin-s0.json")
    assert record.metrics["accuracy"].value == 1 and record.metrics["accuracy"].n == COUNT
    assert record.metrics[at("tmr_pairs", fmr=1e-2)].value == 1
    assert not any(name.startswith("threshold@fmr") for name in record.metrics)
    assert record.config["protocol"]["pairs"] == "own"


def test_other_views_of_a_set_are_a_sentence(path, images):
    path.write_bytes(pickle.dumps((images, SAME)))
    faces = VerificationSet(path)
    with pytest.raises(UserError, match="expected the view aligned112, got whole"):
        faces.view("whole")
    assert len(faces) == 2 * COUNT and faces.name == "set_bin"


FILES = [f"{name}/{name}_{number:04d}.jpg" for name in ("ann", "bob", "cy") for number in (1, 2, 3)]
FOUR = [(0, 1, True), (3, 4, True), (0, 3, False), (2, 7, False)]  # the same pairs in every form
LFW_FORM = ["ann 1 2", "bob 1 2", "ann 1 bob 1", "ann 3 cy 2"]
FORMS = {
    "LFW's": "2 2\n" + "\n".join(LFW_FORM),
    "LFW's, tabs and CRLF": "\ufeff" + "\r\n".join(line.replace(" ", "\t") for line in LFW_FORM),
    "LFW's, commas": "\n".join(line.replace(" ", ",") for line in LFW_FORM),
    "paths first": "\n".join(f"{FILES[a]} {FILES[b]} {int(same)}" for a, b, same in FOUR),
    "paths, truth values": "\n".join(f"{FILES[a]},{FILES[b]},{same}" for a, b, same in FOUR),
    "label first": "\n".join(f"{int(same)}\t{FILES[a]}\t{FILES[b]}" for a, b, same in FOUR),
    "from here": "\n".join(f"./{FILES[a]} ./{FILES[b]} {int(same)}" for a, b, same in FOUR),
    "from the root": "\n".join(f"/x y/{FILES[a]},/z/{FILES[b]},{int(s)}" for a, b, s in FOUR),
    "of Windows": "\n".join(f"C:\\x\\{FILES[a]}\t{FILES[b]}\t{int(s)}" for a, b, s in FOUR).replace(
        "/", "\\"
    ),
    "of Excel, padded": "2,2,,\n"
    + "\n".join(",".join([*line.split(), ""][:4]) for line in LFW_FORM),
    "of Kaggle, with a header": "name,imagenum1,imagenum2,\n"
    + "\n".join(",".join([*line.split(), ""][:4]) for line in LFW_FORM),
    "a header, quotes": "path1,path2,label\n"
    + "\n".join(f'"{FILES[a]}","{FILES[b]}",{float(s)}' for a, b, s in FOUR),
    "tabs and commas in a folder": "\n".join(
        f"Smith, John/{FILES[a]}\tSmith, John/{FILES[b]}\t{int(s)}" for a, b, s in FOUR
    ),
    "without endings": "\n".join(f"{FILES[a][:-4]} {FILES[b][:-4]} {int(s)}" for a, b, s in FOUR),
}


@pytest.mark.parametrize("form", FORMS)
def test_lists_in_all_forms_give_the_same_pairs(tmp_path, form):
    (tmp_path / "list.txt").write_bytes(FORMS[form].encode())
    pairs = read_listed(tmp_path / "list.txt", FILES, folds=2)
    given = list(zip(pairs.first, pairs.second, pairs.genuine, strict=True))
    assert given == FOUR and pairs.fold.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 1, 2, 3), (3, 1, 0, 2)])
def test_every_fold_has_both_kinds_in_any_order_of_the_pairs(order):
    genuine = np.array([True, True, False, False])[list(order)]
    fold = folds_of(genuine, 2)
    assert {(int(f), bool(same)) for f, same in zip(fold, genuine, strict=True)} == {
        (0, True), (0, False), (1, True), (1, False),
    }  # fmt: skip


def test_no_fold_is_empty_where_pairs_are_few():
    assert set(folds_of(np.array([True] * 8 + [False] * 8), 10).tolist()) == set(range(10))
    assert folds_of(np.array([True, False]), 2).tolist() == [0, 1]


def test_accents_are_one_character_or_two(tmp_path):
    files = [f"{name}/{name}_{number:04d}.jpg" for name in ("bob", "zo\u00e9") for number in (1, 2)]
    lines = [f"{name} 1 2" for name in ("bob", "zoe\u0301")] + ["bob 1 zo\u00e9 1"]
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    apart = [unicodedata.normalize("NFD", file) for file in files]
    for names in (files, apart):
        pairs = read_listed(tmp_path / "list.txt", names, folds=2)
        assert pairs.first.tolist() == [0, 2, 0] and pairs.second.tolist() == [1, 3, 2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 5\nann 1 2", "expected 2 to 100 folds, got 1"),
        ("²\nann 1 2", "line 1: expected"),
        ("ann 1 ann 2\nbob 1 2", "line 1: expected"),
        ("", "expected at least 2 pairs, of one person and of two, got 0"),
        ("ann 1 2\nann 1 9", r"line 2: there is no image 'ann 9'"),
        ("ann 1 2\nann one two three four", "line 2: expected `name 1 2`, .* got 'ann one two"),
        ("ann/ann_0001.jpg bob/x.jpg 0", "line 1: there is no image 'bob/x.jpg'"),
        ("ann/ann_0001.jpg bob/bob_0001.jpg 7", "line 1: expected"),
        ("ann 1 2\nbob 1 2", "expected at least 2 pairs, of one person and of two, got 2"),
        ("ann 1 2\n\nann 1 1", "line 3: expected two images, got one with itself"),
        (
            f"{FILES[0]} {FILES[1]} 1\n\n\n{FILES[1]} {FILES[0]} 0",
            f"line 4: expected each pair to show one person or two, got '{FILES[1]}' and .* as bo",
        ),
    ],
)
def test_other_lists_are_a_sentence(tmp_path, text, sentence):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_listed(tmp_path / "list.txt", FILES, folds=2)


def test_own_pairs_are_verified_and_named_in_the_record(tmp_path, faces, monkeypatch, small):
    from gan_inversion import data

    monkeypatch.setattr(data, "Synthetic", lambda: faces)
    pairs = draw_pairs(faces.subjects, folds=2)
    rows = zip(pairs.first, pairs.second, pairs.genuine, strict=True)
    lines = [f"{faces.files[a]} {faces.files[b]} {int(same)}" for a, b, same in rows]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    folders = Folders(runs=tmp_path / "runs", records=tmp_path / "r", tables=tmp_path / "t")
    options = verification.Options(
        recognisers=("compact",),
        views=("aligned",),
        pairs=tmp_path / "list.txt",
        source=Source("synthetic"),
        folders=folders,
    )
    verification.run_all(options)
    (path,) = (tmp_path / "r" / "verification").glob("*.json")
    assert Record.read(path).config["protocol"]["pairs"].startswith("listed in ")


def test_a_number_that_no_image_has_is_not_the_place_of_another(tmp_path):
    files = ["ann/ann_0001.jpg", "ann/ann_0003.jpg", "bob/bob_0001.jpg", "bob/bob_0002.jpg"]
    (tmp_path / "list.txt").write_text("ann 2 3\nbob 1 2\nann 1 bob 1\nann 3 bob 1")
    with pytest.raises(UserError, match="line 1: there is no image 'ann 2'"):
        read_listed(tmp_path / "list.txt", files, folds=2)


def test_image_2_comes_before_image_10(tmp_path):
    files = ["ann/img1.jpg", "ann/img10.jpg", "ann/img2.jpg", "bob/x.jpg"]
    (tmp_path / "list.txt").write_text("ann 1 2\nann 1 3\nann 1 bob 1\nann 2 bob 1")
    pairs = read_listed(tmp_path / "list.txt", files, folds=2)
    assert pairs.second.tolist() == [2, 1, 3, 3]


def test_numbers_of_images_may_be_long(tmp_path):
    files = ["a/photo_1699999999999.jpg", "a/photo_1.jpg", "b/x\u0661.jpg", "b/x2.jpg"]
    (tmp_path / "list.txt").write_text('a 1 2\na 1 b 1\n"b/x2.jpg" a/photo_1.jpg 0')
    pairs = read_listed(tmp_path / "list.txt", files, folds=2)
    assert pairs.first.tolist() == [1, 1, 3] and pairs.second.tolist() == [0, 2, 1]


def test_quotes_and_brackets_may_be_in_names(tmp_path):
    files = ['"al"_y/1.jpg', "anna[1]/2.jpg", '"al"_y/3.jpg']
    (tmp_path / "list.txt").write_text(f"{files[0]} {files[2]} 1\n{files[0]} {files[1]} 0")
    pairs = read_listed(tmp_path / "list.txt", files, folds=2)
    assert pairs.first.tolist() == [0, 0] and pairs.second.tolist() == [2, 1]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["{}", '"{}"'])
def test_a_list_of_numbers_may_be_in_a_name(tmp_path, mark, name):
    files = ["ann [2012 05]/1.jpg", "ann [2012 05]/2.jpg", "bob/[1 2].jpg", "bob/x [1 2]"]
    rows = [(files[0], files[1], "1"), (files[2], files[3], "1"), (files[0], files[3], "0")]
    text = "\n\n".join(mark.join([name.format(a), name.format(b), same]) for a, b, same in rows)
    (tmp_path / "list.txt").write_text(text)
    pairs = read_listed(tmp_path / "list.txt", files, folds=2)
    assert pairs.first.tolist() == [0, 2, 0] and pairs.second.tolist() == [1, 3, 3]


def test_pairs_that_are_listed_twice_are_counted(tmp_path, capsys):
    lines = [f"{FILES[a]} {FILES[b]} {int(s)}" for a, b, s in FOUR]
    lines.append(f"{FILES[FOUR[0][1]]} {FILES[FOUR[0][0]]} {int(FOUR[0][2])}")
    (tmp_path / "list.txt").write_text("\n".join(lines))
    assert len(read_listed(tmp_path / "list.txt", FILES, folds=2).first) == 5
    assert "1 of 5 pairs are listed before" in capsys.readouterr().err


def test_a_number_is_that_of_the_image_before_it_is_its_place(tmp_path):
    files = ["ann/0photo.jpg", "ann/ann_0001.jpg", "bob/x.jpg", "bob/y.jpg"]
    (tmp_path / "list.txt").write_text("bob 1 2\nann 1 bob 2")
    pairs = read_listed(tmp_path / "list.txt", files, folds=2)
    assert (pairs.first[1], pairs.second[1], pairs.first[0]) == (1, 3, 2)
