"""The `inversion` experiment end to end: every way in, and its controls, on drawn faces."""

import csv
import re

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_inversion.core.record import Record, at, read_scores
from gan_inversion.core.thresholds import read_thresholds
from gan_inversion.data import Synthetic
from gan_inversion.metrics.attack import other_images
from tests.conftest import ROOT
from tests.few import few
from tests.programs import call

pytestmark = pytest.mark.usefixtures("small")

PROGRAM = ("experiments.inversion", "--smoke", "--methods")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder with the examples of docs/own.md as `mine.py`."""
    folder = tmp_path_factory.mktemp("own")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "own.md").read_text(), re.DOTALL)
    assert len(blocks) == 4 and all(len(block.splitlines()) <= 25 for block in blocks)
    (folder / "mine.py").write_text("\n\n".join(blocks))
    return folder


@pytest.fixture(scope="module")
def smoke(own):
    methods = ("oracle", "random", "ridge_pca", "ridge_pca_n100", "documented_dense")
    call(own, *PROGRAM, *methods, "mine.py:flat", "mine.py:AverageOfTen", "mine.py:Linear")
    return own / "runs" / "smoke"


def records(smoke):
    paths = sorted((smoke / "records" / "inversion").glob("*.json"))
    return {Record.read(path).method: (Record.read(path), read_scores(path)) for path in paths}


def test_every_method_has_the_full_set_of_figures(smoke):
    found = records(smoke)
    assert set(found) == {
        "oracle",
        "random",
        "ridge_pca",
        "ridge_pca_n100",
        "documented_dense",
        "flat",
        "averageoften",
        "linear",
    }
    figures = {frozenset(record.metrics) for record, _ in found.values()}
    assert len(figures) == 1
    wanted = {"psnr", "ssim", "midlayer", "swd/160", "swd/20", "swd/mean", "spectrum", "c2st_auc"}
    wanted |= {"copy/p_value", "compact/rank1", "compact/rank5", "compact/cosine_p05"}
    wanted |= {at(f"compact/sar_type{kind}", fmr=1e-2) for kind in (1, 2)}
    assert wanted <= set(*figures)
    assert found["ridge_pca_n100"][0].config["training_images"] == 100


def test_the_controls(smoke):
    found = records(smoke)
    oracle, _ = found["oracle"]
    fmr = 1e-2
    assert oracle.metrics[at("compact/sar_type1", fmr=fmr)].value == 1
    assert oracle.metrics["ssim"].value == 1 and oracle.metrics["psnr"].value is None
    assert oracle.metrics["c2st_auc"].value == 0.5 and oracle.metrics["midlayer"].value == 0
    assert oracle.metrics["spectrum"].value == 0 and oracle.metrics["copy/p_value"].value > 0.05
    random = found["random"][0].metrics[at("compact/sar_type1", fmr=fmr)]
    assert random.ci[0] <= fmr <= random.ci[1]
    assert found["random"][0].metrics["copy/p_value"].value < 1e-3
    order = ["random", "ridge_pca", "oracle"]
    cosines = [found[name][0].metrics["compact/cosine_mean"].value for name in order]
    assert sorted(cosines) == cosines


def test_rates_below_the_resolution_are_not_available(smoke):
    (line,) = [found for found in read_thresholds(smoke / "thresholds.json") if found.fmr == 1e-4]
    assert line.threshold is None
    for record, _ in records(smoke).values():
        assert record.metrics[at("compact/sar_type1", fmr=1e-4)].value is None
    assert "n/a" in (smoke / "inversion-synthetic.md").read_text()


def test_figures_are_computed_again_from_raw_scores(smoke):
    subjects = few().subjects
    for record, scores in records(smoke).values():
        test = subjects[scores["test_index"]]
        threshold = record.config["recognisers"]["compact"]["thresholds"]["0.01"]
        type1 = (scores["compact/type1"] >= threshold).mean()
        assert record.metrics["compact/sar_type1@fmr=1e-2"].value == pytest.approx(type1)
        inverted, _ = other_images(test)
        hits = scores["compact/type2"] >= threshold
        assert record.metrics["compact/sar_type2_pairs@fmr=1e-2"].value == pytest.approx(
            hits.mean()
        )
        by_subject = [hits[test[inverted] == name].mean() for name in np.unique(test)]
        assert record.metrics["compact/sar_type2@fmr=1e-2"].value == pytest.approx(
            np.mean(by_subject)
        )
        assert record.metrics["compact/rank1"].value == pytest.approx(
            (scores["compact/rank"] == 1).mean()
        )
        assert record.metrics["ssim"].value == pytest.approx(scores["ssim"].mean(), rel=1e-5)


def test_a_run_can_be_looked_at(smoke):
    run = smoke / "inversion" / "ridge_pca-synthetic-s0"
    for name in ("worst", "median", "random"):
        assert Image.open(run / "strips" / f"{name}-000.png").size == (1440, 320)
    tags = EventAccumulator(str(run)).Reload().Tags()
    assert {"compact/cosine_mean", "swd/mean", "c2st_auc", "cmc/compact"} <= set(tags["scalars"])
    assert {"worst", "median", "random"} <= set(tags["images"])
    assert tags["histograms"] == ["cosines/compact"]
    table = (smoke / "tables" / "inversion_compact-synthetic.csv").read_text()
    rows = {row["method"]: row for row in csv.DictReader(table.splitlines())}
    record, _ = records(smoke)["ridge_pca"]
    assert float(rows["ridge_pca"]["rank 1"]) == record.metrics["compact/rank1"].value


def test_choosing_on_validation_subjects_touches_no_test_subject(own, tmp_path):
    judges = ("--judges", "dlib", f"{own / 'mine.py'}:thumbnail")
    call(tmp_path, *PROGRAM, "mean_face", "--part", "validation", *judges)
    folder = tmp_path / "runs" / "smoke" / "validation"
    assert {path.name for path in (tmp_path / "runs" / "smoke").iterdir()} == {"validation"}
    (split,) = (folder / "splits").glob("*.csv")
    parts = [row["part"] for row in csv.DictReader(split.open())]
    record, scores = records(folder)["mean_face"]
    assert {parts[index] for index in scores["test_index"]} == {"validation"}
    assert list(record.config["recognisers"]) == ["compact", "thumbnail"]  # never dlib


def test_an_inverter_of_ones_own_is_opened_again_where_it_can_be(own, smoke):
    runs = smoke / "inversion"
    np.save(own / "leaked.npy", np.eye(512, dtype="float32")[:3])
    np.save(own / "other.npy", np.eye(128, dtype="float32")[:3])
    command = ("experiments.invert", "--input", "leaked.npy", "--output", "out", "--model")
    (linear,), (flat,) = runs.glob("linear-*"), runs.glob("flat-*")
    output = call(own, *command, str(linear), code=2)
    assert "give the file.py:name that you trust as --own" in output
    call(own, *command, str(linear), "--own", "mine.py:Linear")
    assert len(list((own / "out").glob("*.png"))) == 4  # and the sheet
    others = ("experiments.invert", "--input", "other.npy", *command[3:], str(linear))
    output = call(own, *others, "--own", "mine.py:Linear", code=2)
    assert "expected embeddings (N, 512), got (3, 128)" in output
    output = call(own, *command, str(flat), "--own", "mine.py:flat", code=2)
    assert "saved none: its training is not finished, or it is code of its own without" in output
    call(own, "experiments.dashboard", "--smoke", "--no-serve")
    shown = {path.name for path in (smoke / "dashboard" / "faces").iterdir()}
    assert "ridge_pca" in shown and "linear" not in shown
    kinds = {path.name for path in (smoke / "dashboard" / "inversion").iterdir()}
    assert kinds == {"control", "documented_decoder", "own"}


def test_a_changed_inverter_is_not_taken_for_the_recorded_one(own, smoke):
    (own / "mine.py").write_text((own / "mine.py").read_text() + "\n# changed\n")
    output = call(own, *PROGRAM, "mine.py:flat", code=2)
    assert "flat-synthetic-s0.json is of another source_digest" in output


def test_a_recogniser_of_ones_own(own, tmp_path):
    output = call(
        tmp_path,
        *PROGRAM,
        "nearest_face",
        "--victim",
        str(own / "mine.py") + ":thumbnail",
        "--judges",
        "compact",
    )
    assert "inversion-synthetic-thumbnail.md written" in output
    path = tmp_path / "runs/smoke/records/inversion/nearest_face-synthetic-thumbnail-s0.json"
    record = Record.read(path)
    assert record.victim == "thumbnail" and record.metrics["thumbnail/cosine_mean"].value > 0.5
    assert "gap_compact/sar_type1@fmr=1e-2" in record.metrics
    table = (tmp_path / "runs/smoke/inversion-synthetic-thumbnail.md").read_text()
    assert "with compact, a judge" in table and "adversarial gap" in table
    # Those who open the run again are given it, and do not guess.
    run = "runs/smoke/inversion/nearest_face-synthetic-thumbnail-s0"
    grid = ("experiments.grid", "--models", run, "--dataset", "synthetic", "--output", "grid.png")
    recogniser = ("--victim", str(own / "mine.py") + ":thumbnail")
    output = call(tmp_path, *grid, code=2)
    assert "inverts embeddings of a recogniser of its own, thumbnail: give it as" in output
    call(tmp_path, *grid, *recogniser)
    assert Image.open(tmp_path / "grid.png").size == (230 + 1600, 3 * (40 + 160))
    board = ("experiments.dashboard", "--smoke", "--no-serve", *recogniser)
    assert "runs/smoke/dashboard written" in call(tmp_path, *board)
    assert list(tmp_path.glob("runs/smoke/dashboard/faces/nearest_face/*/faces/metadata.tsv"))


def test_a_recogniser_that_rejects_pictures_is_counted(tmp_path):
    (tmp_path / "choosy.py").write_text(
        "import numpy as np\n\n"
        "def choosy(images):\n"
        "    small = images[:, 10::20, 10::20].mean(axis=-1).reshape(len(images), -1)\n"
        "    vectors = small - small.mean(axis=1, keepdims=True)\n"
        "    vectors[images[:, 0, 0, 0] % 10 == 0] = np.nan\n"
        "    return vectors\n"
    )
    images, subjects = few().view("aligned"), few().subjects
    rejected = images[:, 0, 0, 0] % 10 == 0
    assert 0.02 < rejected.mean() < 0.3
    for attacked, judge in (("compact", "choosy.py:choosy"), ("choosy.py:choosy", "compact")):
        runs = f"{judge[:7]}_judges"
        output = call(
            tmp_path,
            *(*PROGRAM, "oracle", "--runs", runs),
            *("--victim", attacked, "--judges", judge),
        )
        assert f"choosy rejects {rejected.sum()} of {len(images)} real images" in output
        place = "synthetic" if attacked == "compact" else "synthetic-choosy"
        path = tmp_path / runs / f"smoke/records/inversion/oracle-{place}-s0.json"
        metrics, scores = Record.read(path).metrics, read_scores(path)
        (split,) = (tmp_path / runs / "smoke/splits").glob("*.csv")
        test = [row["part"] == "test" for row in csv.DictReader(split.open())]
        share = metrics["choosy/rejected_originals"]
        assert share.value == pytest.approx(rejected[test].mean()) and share.n == sum(test)
        accepted = metrics[at("choosy/sar_type1", fmr=1e-2)]
        inverted = scores["test_index"]
        if attacked == "compact":  # all are inverted, and what the judge rejects never succeeds
            assert len(inverted) == sum(test) and accepted.value == 1 - share.value
            assert metrics["choosy/rejected"].value == share.value
        else:  # there is nothing to invert
            assert (inverted == np.flatnonzero(test & ~rejected)).all() and accepted.value == 1
        assert metrics["choosy/cosine_mean"].value == pytest.approx(1)
        assert metrics["choosy/cosine_mean"].n == (~rejected[test]).sum()
        _, counts = np.unique(subjects[inverted], return_counts=True)
        assert len(scores["choosy/type2"]) == (counts * (counts - 1)).sum()
        page = (tmp_path / runs / f"smoke/inversion-{place}.md").read_text()
        assert "originals rejected" in page


def test_photographs_and_pictures_of_ones_own(tmp_path):
    faces = Synthetic(40, 3)
    for (_, frame), file in zip(faces.frames(), faces.files, strict=True):
        path = tmp_path / "photos" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path)
    source = ("--dataset", "folder", "--data", "photos", "--victim", "compact")
    source += ("--align", "never")  # drawn in LFW's frame
    output = call(tmp_path, "experiments.export", *source)
    assert "120 images, of which 0 are aligned by landmarks and 120 taken as they are" in output
    split = list(csv.DictReader((tmp_path / "export" / "split.csv").open()))
    assert [row["image"] for row in split] == faces.files
    assert len(np.load(tmp_path / "export" / "embeddings.npy")) == len(split)
    (tmp_path / "made").mkdir()
    index = ["image,reconstruction"]
    for row in split:
        if row["part"] == "test":  # an "inverter" that cheats: the picture itself
            name = row["image"].replace("/", "-")
            picture = Image.open(tmp_path / "export" / "images" / row["image"])
            picture.save(tmp_path / "made" / name)
            index.append(f"{row['image']},{name}")
    (tmp_path / "made" / "index.csv").write_text("\n".join(index))
    examine = (*source, "--judges", "--records", "mine/records", "--tables", "mine", "--seeds", "0")
    output = call(tmp_path, "experiments.inversion", *examine, "--reconstructions", "made")
    record = Record.read(tmp_path / "mine/records/inversion/made-folder-compact-s0.json")
    assert record.metrics["compact/cosine_mean"].value == pytest.approx(1)
    assert record.metrics["compact/cosine_mean"].n == len(index) - 1
    assert (tmp_path / "mine" / "inversion-folder-compact.md").exists()
    assert (tmp_path / "mine" / "thresholds.json").exists()
    # By thresholds of other faces: this folder's few impostors cannot resolve the rates.
    assert record.metrics[at("compact/sar_type1", fmr=1e-2)].value is None
    drawn = ("--dataset", "synthetic", "--recognisers", "compact", "--registry", "drawn.json")
    call(tmp_path, "experiments.thresholds", *drawn)
    borrowed = ("--thresholds", "drawn.json", "--records", "b/records", "--runs", "b/runs")
    judged = (*examine, "--reconstructions", "made", *borrowed)
    call(tmp_path, "experiments.inversion", *judged)
    again = Record.read(tmp_path / "b/records/inversion/made-folder-compact-s0.json")
    assert again.metrics[at("compact/sar_type1", fmr=1e-2)].value == 1
    assert again.config["recognisers"]["compact"]["impostors"].startswith("all, synthetic ")
    assert "less similar to the images whose embeddings" not in output
    for options in (borrowed[2:], (*borrowed[:2], "--records", "mine/records")):
        refused = (*examine, "--reconstructions", "made", *options)
        output = call(tmp_path, "experiments.inversion", *refused, code=2)
        assert "accepts by other thresholds of compact than those that are asked for" in output
    # Every picture in the next image's row: that of another person, or another of the same.
    moved = [
        index[0],
        *(
            f"{row.split(',')[0]},{other.split(',')[1]}"
            for row, other in zip(index[1:], index[2:] + index[1:2], strict=True)
        ),
    ]
    (tmp_path / "shifted").mkdir()
    for file in (tmp_path / "made").glob("*.png"):
        (tmp_path / "shifted" / file.name).symlink_to(file)
    (tmp_path / "shifted" / "index.csv").write_text("\ufeff" + "\r\n".join(moved))
    output = call(tmp_path, "experiments.inversion", *examine, "--reconstructions", "shifted")
    assert "warning: reconstructions are less similar to the images whose embeddings" in output
    (tmp_path / "made" / "index.csv").write_text("\n".join(index[:-1]))
    made = ("--reconstructions", "made")
    assert "but 1 are missing" in call(tmp_path, "experiments.inversion", *examine, *made, code=2)
