import io
import tarfile
import time

import numpy as np
import pytest
from PIL import Image

from gan_inversion.data import LFW, Folder, Subset, Synthetic, open_dataset
from gan_inversion.data.decode import decode_image
from gan_inversion.data.pairs import draw_pairs, read_pairs
from gan_inversion.data.synthetic import draw_face, factors
from gan_inversion.data.views import render
from gan_inversion.errors import UserError
from gan_inversion.storage import data_dir, sha256


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


PICTURE = np.tile(np.arange(250, dtype="uint8")[:, None, None], (1, 250, 3))


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
        (b"hello", "not a readable JPEG or PNG"),
        (encode(PICTURE)[:500], "not a readable JPEG or PNG"),
        (encode(PICTURE[..., 0]), "must be an RGB picture, not mode 'L'"),
    ],
)
def test_a_bad_picture_is_a_sentence(content, message):
    with pytest.raises(UserError, match=message):
        decode_image(content, "x.jpg")


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


def test_synthetic_draws_200_images_a_second():
    list(Synthetic(2, 2).frames())
    best = 0.0
    for _ in range(8):  # processor time of this thread, best of eight: other work must not count
        start = time.thread_time()
        list(Synthetic(15, 4).frames())
        best = max(best, 60 / (time.thread_time() - start))
    assert best >= 200


def test_views_are_cached_and_mapped(faces):
    images = faces.view("aligned")
    assert isinstance(images, np.memmap) and images.shape == (48, 160, 160, 3)
    start = time.perf_counter()
    again = faces.view("aligned")
    assert time.perf_counter() - start < 0.5
    assert (again == images).all()
    assert (images[9] == render(draw_face(*factors(0, 2, 1)), view="aligned")).all()


def test_an_unknown_dataset_is_a_sentence():
    with pytest.raises(UserError, match="dataset must be"):
        open_dataset("celeba")


# folder


def test_a_folder_of_lfw_framed_pictures(tmp_path):
    files = {f"{who}/{n}.png": encode(PICTURE + n, "PNG") for who in ("Ann", "Bob") for n in (0, 1)}
    folder = Folder(tree(tmp_path, {**files, "Ann/.hidden": b""}))
    assert folder.files == ["Ann/0.png", "Ann/1.png", "Bob/0.png", "Bob/1.png"]
    assert folder.subjects.tolist() == ["Ann", "Ann", "Bob", "Bob"]
    assert (folder.view("whole")[1] == render(PICTURE + 1, view="whole")).all()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found none"),
        ({"Ann/0.png": encode(PICTURE, "PNG")}, "at least 2 images a subject, but Ann"),
        ({"Ann/0.jpg": encode(PICTURE)[:900]}, "Ann/0.jpg is not a readable JPEG"),
        ({"Ann/notes.txt": b"hello"}, "Ann/notes.txt is not a readable JPEG"),
        ({"Ann/0.png": encode(PICTURE[..., 0], "PNG")}, "Ann/0.png must be an RGB"),
    ],
)
def test_a_bad_folder_is_a_sentence(tmp_path, files, message):
    with pytest.raises(UserError, match=message):
        Folder(tree(tmp_path, files))


def test_a_missing_folder_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="expected a folder of subject/image files"):
        Folder(tmp_path / "nowhere")


def test_a_single_image_is_accepted_on_request(tmp_path):
    folder = Folder(tree(tmp_path, {"Ann/0.png": encode(PICTURE, "PNG")}), min_images=1)
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
    assert folder.not_found == ["someone/none.png"]
    assert "no face found, left out: someone/none.png\n" in capsys.readouterr().err
    with pytest.raises(UserError, match="fewer, 1 pictures without a face left out"):
        Folder(folder.path, min_images=7)
    from gan_inversion.data.folder import LFW_LANDMARKS
    from gan_inversion.landmarks import landmarks, largest_face, points

    for _, frame in folder.frames():
        found = points(landmarks(frame, largest_face(frame)))
        assert np.abs(found - LFW_LANDMARKS).mean() < 6  # pixels


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
    start = time.perf_counter()
    again = LFW().view("aligned")
    assert time.perf_counter() - start < 2
    assert again.shape == (13_233, 160, 160, 3) and isinstance(again, np.memmap)
    index, frame = next(lfw.frames())
    assert (images[index] == render(frame, view="aligned")).all()


@pytest.mark.data
def test_an_extracted_folder_is_the_same_lfw(tmp_path):
    with tarfile.open(data_dir() / "lfw-deepfunneled.tgz") as tar:
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # from 3.11.4 on
        tar.extractall(tmp_path, **safe)
    assert LFW(tmp_path).files == LFW().files
    (tmp_path / "lfw-deepfunneled" / "AJ_Cook" / "AJ_Cook_0001.jpg").unlink()
    with pytest.raises(UserError, match="got 13232 with"):
        LFW(tmp_path)


@pytest.mark.data
def test_pairs_are_those_of_view_2(tmp_path):
    lfw = LFW()
    pairs = read_pairs(lfw)
    same = lfw.subjects[pairs.first] == lfw.subjects[pairs.second]
    assert (same == pairs.genuine).all() and len(same) == 6000
    assert np.bincount(pairs.fold, weights=pairs.genuine).tolist() == [300] * 10
    assert lfw.files[pairs.second[0]] == "Abel_Pacheco/Abel_Pacheco_0004.jpg"
    with pytest.raises(UserError, match="expected LFW's pairs in"):
        read_pairs(lfw, tmp_path / "pairs.txt")
    (tmp_path / "pairs.txt").write_text("10\t300\n")
    with pytest.raises(UserError, match=r"is not LFW's pairs.txt"):
        read_pairs(lfw, tmp_path / "pairs.txt")


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
