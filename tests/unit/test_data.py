import io
import json
import os
import tarfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import data_dir, sha256
from gan_inversion.data import LFW, Folder, Subset, Synthetic, open_dataset
from gan_inversion.data.decode import FORMATS, decode_image, read_image
from gan_inversion.data.drawing import draw_face
from gan_inversion.data.folder import FRAMED_LIKE, aligned_view, find_transform
from gan_inversion.data.listing import read_listing
from gan_inversion.data.pairs import draw_pairs, read_pairs
from gan_inversion.data.synthetic import factors
from gan_inversion.data.views import render

PICTURE = np.tile(np.arange(250, dtype="uint8")[:, None, None], (1, 250, 3))


def encode(array, kind="JPEG"):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def tree(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def large_text():
    """A PNG with 2.4 MB of text that compresses well."""
    info = PngInfo()
    info.add_text("comment", "a" * 2_400_000, zip=True)
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def animation():
    frames = [Image.fromarray(PICTURE[: 20 + n, :20]).resize((20, 20)) for n in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def vast():
    """The header of a PNG of 13,300 pixels a side; what follows is never decoded."""
    buffer = io.BytesIO()
    Image.new("1", (13300, 13300)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def test_views_cut_and_resize():
    whole, aligned = (render(PICTURE, view=view) for view in ("whole", "aligned"))
    assert whole.shape == aligned.shape == (160, 160, 3)
    assert whole[0, 0, 0] <= 1 and whole[-1, 0, 0] >= 248
    assert abs(int(aligned[0, 0, 0]) - 55) <= 1 and abs(int(aligned[-1, 0, 0]) - 194) <= 1


@pytest.mark.parametrize("options", [{"view": "half"}, {"view": "whole", "resample": "sinc"}])
def test_an_unknown_view_or_filter_is_a_sentence(options):
    with pytest.raises(UserError, match="must be one of"):
        render(PICTURE, **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "x.jpg is not a readable image: none of the formats JPEG, PNG"),
        (b"", "x.jpg is not a readable image"),
        (encode(PICTURE)[:500], "x.jpg is not a readable image: "),
        (encode(PICTURE, "PNG")[:-40], "x.jpg is not a readable image: "),
        (large_text(), "x.jpg is not a readable image: Decompressed data too large"),
        (animation(), "x.jpg has 2 frames, not one"),
        (vast(), "x.jpg has 13300x13300 pixels, more than 120,000,000"),
    ],
)
def test_a_bad_picture_is_a_sentence(content, message):
    with pytest.raises(UserError, match=message):
        decode_image(content, "x.jpg")


@pytest.mark.parametrize("kind", FORMATS)
def test_every_usual_format_is_read(kind):
    found = decode_image(encode(PICTURE, kind), "x")
    assert found.shape == (250, 250, 3) and np.abs(found.astype(int) - PICTURE).max() <= 4


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("I", "TIFF"), ("F", "TIFF")])
@pytest.mark.parametrize("largest", [1, 255, 4095, 65_535, 2**31 - 1])
def test_many_bits_become_eight_whatever_their_range(mode, kind, largest):
    if (mode, largest) in {("I;16", 1), ("I;16", 2**31 - 1), ("I", 1)}:
        return  # no photograph has so few values, and no file so many
    grey = PICTURE[..., 0] / 255
    values = (grey * largest).astype({"I;16": "uint16", "I": "int32", "F": "float32"}[mode])
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    found = decode_image(buffer.getvalue(), "x")
    assert np.abs(found[..., 0] / 255 - grey).max() < 0.01


def test_pixels_that_are_no_numbers_are_a_sentence():
    buffer = io.BytesIO()
    Image.fromarray(np.full((250, 250), np.nan, "float32")).save(buffer, "TIFF")
    with pytest.raises(UserError, match="x is not a readable image: expected finite pixels"):
        decode_image(buffer.getvalue(), "x")


def test_of_a_telephones_two_pictures_the_photograph_is_read():
    buffer, preview = io.BytesIO(), Image.new("RGB", (50, 50))
    Image.fromarray(PICTURE).save(buffer, "MPO", save_all=True, append_images=[preview])
    found = decode_image(buffer.getvalue(), "x")
    assert found.shape == (250, 250, 3) and np.abs(found.astype(int) - PICTURE).max() <= 4


def test_other_kinds_of_colour_become_rgb():
    grey = Image.fromarray(PICTURE[..., 0])
    sixteen = Image.fromarray(PICTURE[..., 0].astype("uint16") * 257)
    clear = Image.merge("RGBA", [*Image.fromarray(PICTURE).split(), grey.point(lambda v: 0)])
    for image, kind, expected in (
        (grey, "PNG", PICTURE),
        (grey.convert("LA"), "PNG", PICTURE),
        (sixteen, "PNG", PICTURE),
        (sixteen, "TIFF", PICTURE),
        (Image.fromarray(PICTURE).convert("CMYK"), "JPEG", PICTURE),
        (grey.convert("1"), "PNG", None),
        (clear, "PNG", np.full_like(PICTURE, 255)),
    ):
        buffer = io.BytesIO()
        image.save(buffer, kind)
        found = decode_image(buffer.getvalue(), "x")
        assert found.shape == (250, 250, 3) and found.dtype == np.uint8
        if expected is not None:
            assert np.abs(found.astype(int) - expected).max() <= 12, (image.mode, kind)


def test_what_is_no_regular_file_is_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", tmp_path):
        with pytest.raises(UserError, match="is no regular file"):
            read_image(path, path.name)
    with pytest.raises(UserError, match="nothing is not readable: No such file"):
        read_image(tmp_path / "nothing", "nothing")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_listing_of_any_spreadsheet_is_read(tmp_path, encoding, separator):
    rows = [["image", "reconstruction", "note"], ["José/0.png", "1.png", "x"]]
    text = "\r\n".join(separator.join(row) for row in rows) + "\r\n"
    (tmp_path / "index.csv").write_bytes(text.encode(encoding))
    found = read_listing(tmp_path / "index.csv", ("image", "reconstruction"))
    assert found == [{"image": "José/0.png", "reconstruction": "1.png", "note": "x"}]


@pytest.mark.parametrize("first", ["", "sep=;\n", "\n"])
def test_a_listing_may_be_quoted(tmp_path, first):
    text = f'{first}"image";"reconstruction";"note"\n"a;b.png";"1.png";"two\nlines"\n'
    (tmp_path / "index.csv").write_text(text)
    rows = read_listing(tmp_path / "index.csv", ("image", "reconstruction"))
    assert rows == [{"image": "a;b.png", "reconstruction": "1.png", "note": "two\nlines"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected the columns image, reconstruction, but image, reconstruction is missing"),
        (b"image\na\n", "but reconstruction is missing from 'image'"),
        (b"image,reconstruction\na\n", "line 2 has no image or reconstruction"),
        (b"sep=,\n\nimage,reconstruction\n\na,b\n\nc\n", "line 7 has no image or reconstruction"),
        (b"image,reconstruction\n\0\0", "is not a text file"),
    ],
)
def test_another_listing_is_a_sentence(tmp_path, content, message):
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_listing(tmp_path / "index.csv", ("image", "reconstruction"))


def test_subset_reads_in_the_order_asked():
    images = np.arange(20).reshape(10, 2)
    subset = Subset(images, np.array([7, 3, 5]))
    assert len(subset) == 3 and subset.shape == (3, 2)
    assert subset[np.array([2, 0])].tolist() == [[10, 11], [14, 15]]
    assert subset[1:].tolist() == [[6, 7], [10, 11]]


# synthetic


def test_synthetic_faces_hang_on_seed_subject_and_image_only():
    face = draw_face(*factors(0, 3, 1))
    assert face.shape == (250, 250, 3) and face.dtype == np.uint8
    assert (face == dict(Synthetic(5, 2).frames())[7]).all()
    assert (face != draw_face(*factors(1, 3, 1))).mean() > 0.5
    assert factors(0, 3, 1)[0] == factors(0, 3, 9)[0]
    assert factors(0, 3, 1)[1] != factors(0, 3, 9)[1]


def test_synthetic_drawing_is_unchanged():
    # Golden: whoever changes what is drawn must raise synthetic.VERSION and this digest together.
    assert sha256(draw_face(*factors(0, 0, 0)).tobytes())[:16] == "a67ff52867791705"


def test_synthetic_digest_names_what_is_drawn():
    digests = {Synthetic(*shape, seed=seed).digest for shape in ((2, 3), (3, 2)) for seed in (0, 1)}
    assert len(digests) == 4


def test_views_are_cached_and_mapped(faces):
    images = faces.view("aligned")
    assert isinstance(images, np.memmap) and images.shape == (48, 160, 160, 3)
    with patch.object(Synthetic, "frames", side_effect=AssertionError("drawn again")):
        again = faces.view("aligned")
    assert (again == images).all()
    assert (images[9] == render(draw_face(*factors(0, 2, 1)), view="aligned")).all()


def test_an_unknown_dataset_is_a_sentence():
    with pytest.raises(UserError, match="dataset must be"):
        open_dataset("celeba")


# folder


def test_a_folder_of_lfw_framed_pictures(tmp_path):
    files = {f"{who}/{n}.png": encode(PICTURE + n, "PNG") for who in ("Ann", "Bob") for n in (0, 1)}
    folder = Folder(tree(tmp_path, {**files, "Ann/.hidden": b""}), align="never")
    assert folder.files == ["Ann/0.png", "Ann/1.png", "Bob/0.png", "Bob/1.png"]
    assert folder.subjects.tolist() == ["Ann", "Ann", "Bob", "Bob"]
    assert (folder.view("whole")[1] == render(PICTURE + 1, view="whole")).all()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found none"),
        ({"Ann/0.png": encode(PICTURE, "PNG")}, "at least 2 images a subject, but Ann"),
        ({"Ann/0.jpg": encode(PICTURE)[:900]}, "Ann/0.jpg is not a readable image"),
        ({"Ann/notes.txt": b"hello"}, "Ann/notes.txt is not a readable image: none of the"),
        ({"Ann/0.png": encode(PICTURE[:200], "PNG")}, "expected 250x250 or 160x160 pixels"),
    ],
)
def test_a_bad_folder_is_a_sentence(tmp_path, files, message):
    with pytest.raises(UserError, match=message):
        Folder(tree(tmp_path, files), align="never")


def test_hidden_and_deeper_files_are_no_subjects(tmp_path):
    png = encode(PICTURE, "PNG")
    files = {f"{who}/{n}.png": png for who in ("Ann", "Bob") for n in (0, 1)}
    copies = {f".ipynb_checkpoints/{n}.png": png for n in (0, 1)}
    others = {"loose.png": png, "Ann/more/2.png": png, "Ann/._0.png": b"x", ".DS_Store": b"x"}
    folder = Folder(tree(tmp_path, files | copies | others), align="never")
    assert folder.files == list(files)
    assert "2 files outside of subjects' folders are left out" in folder.report
    assert folder.digest == Folder(tree(tmp_path / "again", files), align="never").digest


def test_a_few_unreadable_files_are_told_and_many_are_an_error(tmp_path):
    files = {f"Ann/{n:02}.png": encode(PICTURE, "PNG") for n in range(30)}
    folder = Folder(tree(tmp_path, files | {"Ann/notes.txt": b"hello"}), align="never")
    assert (
        len(folder) == 30 and "Ann/notes.txt is not a readable" in folder.left_out["Ann/notes.txt"]
    )
    assert "30 images, of which 0 are aligned by landmarks and 30 taken as they are, 1" in (
        folder.report
    )
    with pytest.raises(UserError, match=r"2 of 32 files are not readable ones: Ann/notes.txt"):
        Folder(tree(tmp_path, {"Ann/z.jpg": encode(PICTURE)[:700]}), align="never")


def test_a_subject_who_lost_files_is_left_out_and_one_who_had_too_few_is_an_error(tmp_path):
    png = encode(PICTURE, "PNG")
    files = {f"Ann/{n:02}.png": png for n in range(30)} | {"Zed/0.png": png, "Zed/1.png": b"x"}
    folder = Folder(tree(tmp_path, files), align="never")
    assert set(folder.subjects) == {"Ann"} and "2 left out" in folder.report
    assert folder.left_out["Zed/0.png"] == "Zed/0.png is left out with other images of Zed"
    with pytest.raises(UserError, match="but Bob and 0 others have fewer, 2 left out"):
        Folder(tree(tmp_path, {"Bob/0.png": png}), align="never")


def test_a_linked_subject_is_read_and_a_circle_of_links_ends(tmp_path):
    png = encode(PICTURE, "PNG")
    elsewhere = tree(tmp_path / "elsewhere", {f"{n}.png": png for n in (0, 1)})
    (elsewhere / "circle").symlink_to(tmp_path / "faces")
    faces = tree(tmp_path / "faces", {f"Ann/{n}.png": png for n in (0, 1)})
    (faces / "Bob").symlink_to(elsewhere)
    assert set(Folder(faces, align="never").subjects) == {"Ann", "Bob"}


def test_a_name_in_latin_1_is_read(tmp_path):
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Jos\xe9"))
    place.mkdir()
    for n in (0, 1):
        (place / f"{n}.png").write_bytes(encode(PICTURE + n, "PNG"))
    folder = Folder(tmp_path, align="never")
    assert folder.files == ["Jos\\xe9/0.png", "Jos\\xe9/1.png"]
    json.dumps(folder.files).encode()  # can be written anywhere
    assert (dict(folder.frames())[1] == PICTURE + 1).all()


@pytest.mark.dlib
def test_a_picture_without_a_face_is_none_whatever_its_size(tmp_path):
    green = np.zeros((250, 250, 3), "uint8")
    green[..., 1] = 200
    for size in (250, 160, 251):
        image = np.asarray(Image.fromarray(green).resize((size, size)))
        assert find_transform(image) is None and aligned_view(image) is None
    with pytest.raises(UserError, match=r"all 2 files are left out: Ann/0.png shows no face"):
        Folder(tree(tmp_path, {f"Ann/{n}.png": encode(green + n, "PNG") for n in (0, 1)}))


@pytest.mark.data
@pytest.mark.dlib
def test_the_number_of_pixels_does_not_decide_whether_a_face_is_aligned():
    _, frame = next(iter(LFW().frames()))
    framed = render(frame, view="aligned")
    assert find_transform(frame) == FRAMED_LIKE[250] and find_transform(framed) == FRAMED_LIKE[160]
    assert (aligned_view(framed)[0] == framed).all() and aligned_view(framed)[1] is False
    assert (aligned_view(frame)[0] == framed).all()
    tight = Image.fromarray(frame).crop((75, 75, 175, 175))
    views = [aligned_view(np.asarray(tight.resize((size, size)))) for size in (250, 251, 160, 161)]
    assert all(aligned for _, aligned in views)
    inner = (slice(40, 120), slice(40, 120))  # the crop has no more
    for view, _ in views:
        assert np.corrcoef(view[inner].ravel(), framed[inner].ravel())[0, 1] > 0.8
        assert np.abs(view[inner].astype(int) - views[0][0][inner]).mean() < 10


@pytest.mark.dlib
def test_an_interrupted_search_for_faces_goes_on(tmp_path, monkeypatch):
    files = {f"Ann/{n}.png": encode(np.roll(PICTURE, n, axis=0), "PNG") for n in range(40, 44)}
    asked = []

    def found(photo, *, align):
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return FRAMED_LIKE[250]

    monkeypatch.setattr("gan_inversion.data.folder.find_transform", found)
    with pytest.raises(KeyboardInterrupt):
        Folder(tree(tmp_path, files), align="always")
    assert len(Folder(tmp_path, align="always")) == 4
    assert len(asked) == 5  # two were kept, one was interrupted


def test_a_missing_folder_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="expected a folder of subject/image files"):
        Folder(tmp_path / "nowhere")


def test_a_single_image_is_accepted_on_request(tmp_path):
    folder = Folder(
        tree(tmp_path, {"Ann/0.png": encode(PICTURE, "PNG")}), min_images=1, align="never"
    )
    assert len(folder) == 1


@pytest.mark.data
@pytest.mark.dlib
def test_other_photos_are_brought_to_lfws_geometry(tmp_path, capsys):
    frames = {}
    for index, frame in LFW().frames():
        frames[index] = frame
        if len(frames) == 6:
            break
    files = {}
    for index, frame in frames.items():
        big = Image.fromarray(frame).resize((600, 600)).rotate(15, expand=True)
        files[f"someone/{index}.png"] = encode(np.asarray(big), "PNG")
    files["someone/none.png"] = encode(PICTURE.repeat(2, axis=0), "PNG")
    folder = open_dataset("folder", tree(tmp_path, files))
    assert set(folder.left_out) == {"someone/none.png"}
    told = capsys.readouterr().err
    assert "left out: someone/none.png shows no face that was found\n" in told
    assert "6 images, of which 6 are aligned by landmarks and 0 taken as they are, 1 left" in told
    with pytest.raises(UserError, match=r"all 7 files are left out: someone/none\.png shows no"):
        Folder(tmp_path, min_images=7)
    from gan_inversion.data.folder import LFW_LANDMARKS
    from gan_inversion.data.landmarks import landmarks, largest_face, points

    for _, frame in folder.frames():
        found = points(landmarks(frame, largest_face(frame)))
        assert np.abs(found - LFW_LANDMARKS).mean() < 6  # pixels


@pytest.mark.data
@pytest.mark.dlib
def test_of_several_faces_that_of_the_subject_is_aligned():
    beside = {
        "Condoleezza_Rice/Condoleezza_Rice_0005.jpg",
        "Rita_Moreno/Rita_Moreno_0002.jpg",
        "Tassos_Papadopoulos/Tassos_Papadopoulos_0001.jpg",
    }  # a larger face at the edge
    faces = LFW()
    for index, frame in faces.frames():
        if faces.files[index] in beside:
            beside.remove(faces.files[index])
            points = np.array(find_transform(frame, align="always")) @ [125, 125, 1]
            assert np.abs(points - 125).max() < 40, faces.files[index]
    assert not beside


# LFW


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"lfw-deepfunneled/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_a_missing_archive_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"found neither: run .python -m experiments.fetch"):
        LFW(tmp_path)


def test_an_altered_archive_is_a_sentence(tmp_path):
    path = archive(tmp_path / "lfw-deepfunneled.tgz", {"Ann/Ann_0001.jpg": encode(PICTURE)})
    with pytest.raises(UserError, match="is not the LFW deep-funneled release: expected 13233"):
        LFW(path)


def test_a_truncated_archive_is_a_sentence(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (250, 250, 3), "uint8")
    path = archive(tmp_path / "lfw-deepfunneled.tgz", {"Ann/Ann_0001.jpg": encode(noise)})
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="is not a complete LFW archive"):
        LFW(tmp_path)


def test_no_archive_at_all_is_a_sentence(tmp_path):
    (tmp_path / "lfw-deepfunneled.tgz").write_bytes(b"hello")
    with pytest.raises(UserError, match="is not a complete LFW archive"):
        LFW(tmp_path)


@pytest.mark.data
def test_lfw_is_complete_and_quick_to_open_again():
    lfw = LFW()
    subjects, counts = np.unique(lfw.subjects, return_counts=True)
    assert (len(lfw), len(subjects), (counts >= 2).sum()) == (13_233, 5_749, 1_680)
    assert counts[subjects == "George_W_Bush"] == 530
    images = lfw.view("aligned")
    with patch("gan_inversion.data.lfw._read", side_effect=AssertionError("read again")):
        again = LFW().view("aligned")
    assert again.shape == (13_233, 160, 160, 3) and isinstance(again, np.memmap)
    index, frame = next(lfw.frames())
    assert (images[index] == render(frame, view="aligned")).all()


def test_a_member_larger_than_any_picture_is_a_sentence(tmp_path):
    path = archive(tmp_path / "lfw-deepfunneled.tgz", {"Ann/notes": bytes(1_000_001)})
    with pytest.raises(UserError, match=r"not an LFW archive: .* has 1,000,001 bytes, more"):
        LFW(path)


@pytest.mark.data
def test_an_extracted_folder_is_the_same_lfw(tmp_path):
    with tarfile.open(data_dir() / "lfw-deepfunneled.tgz") as tar:
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
        tar.extractall(tmp_path, **safe)
    (tmp_path / "lfw-deepfunneled" / "AJ_Cook" / "._AJ_Cook_0001.jpg").write_bytes(b"macOS")
    copies = tmp_path / "lfw-deepfunneled" / ".ipynb_checkpoints"
    copies.mkdir()
    (copies / "x.jpg").write_bytes(b"a copy")
    assert LFW(tmp_path).files == LFW().files
    deeper = tmp_path / "deeper" / "lfw-deepfunneled"
    deeper.mkdir(parents=True)
    (deeper / "lfw-deepfunneled").symlink_to(tmp_path / "lfw-deepfunneled")
    assert LFW(deeper.parent).files == LFW(deeper).files == LFW().files
    (tmp_path / "lfw-deepfunneled" / "AJ_Cook" / "AJ_Cook_0001.jpg").unlink()
    with pytest.raises(UserError, match="got 13232 with"):
        LFW(tmp_path)


@pytest.mark.data
def test_pairs_are_those_of_view_2(tmp_path):
    lfw = LFW()
    pairs = read_pairs(lfw.files)
    same = lfw.subjects[pairs.first] == lfw.subjects[pairs.second]
    assert (same == pairs.genuine).all() and len(same) == 6000
    assert np.bincount(pairs.fold, weights=pairs.genuine).tolist() == [300] * 10
    assert lfw.files[pairs.second[0]] == "Abel_Pacheco/Abel_Pacheco_0004.jpg"
    original = (data_dir() / "pairs.txt").read_bytes()
    (tmp_path / "windows.txt").write_bytes(b"\xef\xbb\xbf" + original.replace(b"\n", b"\r\n"))
    assert (read_pairs(lfw.files, tmp_path / "windows.txt").first == pairs.first).all()
    with pytest.raises(UserError, match="expected LFW's pairs in"):
        read_pairs(lfw.files, tmp_path / "pairs.txt")
    (tmp_path / "pairs.txt").write_text("10\t300\n")
    with pytest.raises(UserError, match=r"is not LFW's pairs.txt"):
        read_pairs(lfw.files, tmp_path / "pairs.txt")


def test_drawn_pairs_share_no_subject_between_folds():
    subjects = np.repeat([f"s{number:02d}" for number in range(25)], [3] * 24 + [1])
    pairs = draw_pairs(subjects, folds=5)
    assert (pairs.genuine == (subjects[pairs.first] == subjects[pairs.second])).all()
    assert (pairs.first != pairs.second).all() and pairs.genuine.mean() == 0.5
    seen = [
        set(subjects[[*pairs.first[pairs.fold == f], *pairs.second[pairs.fold == f]]])
        for f in range(5)
    ]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 24  # all but the one with one image
    again = draw_pairs(subjects, folds=5)
    assert (again.first == pairs.first).all() and (again.second == pairs.second).all()


def test_too_few_subjects_for_folds_is_a_sentence():
    with pytest.raises(UserError, match=r"at least 20 subjects with two images .* got 3"):
        draw_pairs(np.repeat(["a", "b", "c"], 2))
