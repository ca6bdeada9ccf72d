"""Alignment by five landmarks, checked against scikit-image, Pillow and OpenCV's own."""

import numpy as np
import pytest
from PIL import Image
from skimage.transform import SimilarityTransform

from gan_inversion.core.errors import UserError
from gan_inversion.data import LFW, alignment
from gan_inversion.data.alignment import (
    TEMPLATE,
    USUAL,
    align,
    aligned_face,
    five_landmarks,
    similarity,
    usual_face,
)
from gan_inversion.data.views import render
from gan_inversion.data.weights import SFACE, YUNET
from gan_inversion.recognisers.mobilefacenet import UsualCrop

pytestmark = pytest.mark.onnx


def test_the_transform_is_the_one_of_an_independent_library():
    random = np.random.default_rng(0)
    for _ in range(20):
        points = random.uniform(0, 160, (5, 2))
        theirs = SimilarityTransform.from_estimate(points, TEMPLATE)
        # Theirs minimises the same squares in another way.
        np.testing.assert_allclose(similarity(points, TEMPLATE), theirs.params[:2], atol=1e-8)


def test_a_turned_and_shifted_template_comes_back():
    turn = np.deg2rad(20)
    matrix = 1.7 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = TEMPLATE @ matrix.T + (12, -30)
    back = similarity(moved, TEMPLATE)
    np.testing.assert_allclose(moved @ back[:, :2].T + back[:, 2], TEMPLATE, atol=1e-9)


def test_a_missing_or_altered_detector_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("GAN_INVERSION_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"expected .*yunet.* got no file: run `python -m experi"):
        YUNET.verified()
    (tmp_path / "recognisers").mkdir()
    (tmp_path / YUNET.path).write_bytes(b"no network")
    with pytest.raises(UserError, match=r"with SHA-256 8f2383e4dd3c, got [0-9a-f]{12}: run"):
        YUNET.verified()


@pytest.fixture(scope="module")
def frames():
    """Every 60th frame of LFW: (N, 250, 250, 3)."""
    lfw = LFW()
    return np.stack([frame for place, frame in lfw.frames() if place % 60 == 0])


@pytest.mark.data
def test_landmarks_of_frame_and_view_agree(frames):
    """The view is a crop of the frame: the same face has its landmarks in the same places."""
    apart = []
    for frame in frames[:60]:
        in_view = five_landmarks(render(frame, view="aligned"))
        moved = (in_view + 0.5) * 140 / 160 - 0.5 + 55
        apart.append(np.abs(moved - five_landmarks(frame)).mean())
    assert np.median(apart) < 2  # pixels of the frame


@pytest.mark.data
def test_the_usual_landmarks_are_the_median_ones(frames):
    landmarks = [five_landmarks(render(frame, view="aligned")) for frame in frames]
    assert np.abs(np.median(landmarks, axis=0) - USUAL).max() < 1.5


@pytest.mark.data
def test_the_usual_face_is_nearly_the_aligned_one(frames):
    apart = [np.abs(usual_face(f).astype(float) - aligned_face(f)).mean() for f in frames[:40]]
    strangers = [np.abs(usual_face(f).astype(float) - aligned_face(frames[0])).mean()
                 for f in frames[1:40]]  # fmt: skip
    assert np.median(apart) < 0.6 * np.median(strangers)


@pytest.mark.data
def test_faces_are_where_opencv_puts_them(frames):
    """OpenCV's own alignment for SFace, on the same landmarks."""
    recogniser = alignment.opencv().FaceRecognizerSF.create(str(SFACE.verified()), "")
    for frame in frames[:12]:
        row = np.zeros(15, "float32")
        row[4:14] = five_landmarks(frame).reshape(-1)
        theirs = recogniser.alignCrop(frame, row).astype(float)
        ours = aligned_face(frame).astype(float)
        inside = np.s_[20:100, 20:100]  # beyond the frame ours repeats its edge, theirs is black
        assert np.abs(ours - theirs)[inside].mean() < 3


@pytest.mark.data
def test_faces_are_where_pillow_puts_them(frames):
    for frame in frames[:12]:
        transform = similarity(five_landmarks(frame), TEMPLATE)
        square = np.vstack([transform, [0, 0, 1]])
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # Pillow's pixels end at integers
        inverse = np.linalg.inv(half @ square @ np.linalg.inv(half))[:2].reshape(-1)
        theirs = Image.fromarray(frame).transform(
            (112, 112), Image.Transform.AFFINE, inverse.tolist(), Image.Resampling.BILINEAR
        )
        inside = np.s_[20:100, 20:100]
        apart = np.abs(aligned_face(frame).astype(float) - np.asarray(theirs))[inside]
        assert apart.mean() < 1


@pytest.mark.data
def test_where_there_is_no_face_none_is_aligned(frames):
    random = np.random.default_rng(0)
    none = np.stack(
        [
            np.zeros((250, 250, 3)),
            np.full((250, 250, 3), (30, 160, 60)),
            random.uniform(0, 256, (250, 250, 3)),
            frames[0],
        ]
    ).astype("uint8")
    faces, there = align(none)
    assert there.tolist() == [False, False, False, True]
    assert not faces[:3].any() and faces[3].any()


@pytest.mark.data
def test_a_larger_face_is_the_same_face(frames):
    small, large = aligned_face(frames[0]), aligned_face(frames[0], side=224)
    reduced = np.asarray(Image.fromarray(large).reduce(2)).astype(float)
    assert large.shape == (224, 224, 3)
    assert np.abs(reduced - small).mean() < 8


def test_the_crop_that_gradients_pass_through_is_that_of_opencv():
    images = np.random.default_rng(0).uniform(0, 255, (2, 160, 160, 3)).astype("float32")
    transform, library = similarity(USUAL, TEMPLATE), alignment.opencv()
    theirs = [
        library.warpAffine(image, transform, (112, 112), borderMode=library.BORDER_REPLICATE)
        for image in images
    ]
    np.testing.assert_allclose(np.asarray(UsualCrop()(images)), np.stack(theirs), atol=0.05)
