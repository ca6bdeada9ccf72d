"""What a newcomer is shown first, in small, and what is shipped."""

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import demo, invert
from gan_inversion.cgan import presets as cgan
from gan_inversion.core.places import MADE
from gan_inversion.core.record import Record, at, read_scores
from gan_inversion.data import Drawn, Synthetic
from gan_inversion.inverters.trained import RECORD, open_trained, reconstruct
from gan_inversion.metrics.figures import figures
from gan_inversion.pretrained import SHIPPED
from gan_inversion.protocols import Inversion
from gan_inversion.protocols.inversion import grid
from gan_inversion.protocols.inversion.faces import shipped_faces
from gan_inversion.protocols.inversion.quick import drawn_bench, quick_verdicts
from gan_inversion.recognisers import Compact
from gan_inversion.reporting.check import conditions_of, differences
from gan_inversion.reporting.demo import SHOWN
from tests.conftest import SMALL


@pytest.fixture(scope="module")
def shown(tmp_path_factory, eager):
    """The demo with few people, who are trained on for a few steps; its folder and its bench."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "SUBJECTS", 90)
        patch.setattr(demo, "EPOCHS", 1)
        patch.setattr(demo, "MEMBERS", 20)
        patch.setitem(cgan.METHODS, "cgan_demo", SMALL)
        patch.setattr(demo, "SMALL", {"steps": 2, "batch_size": 4, "corrections": 0})
        demo.run_all(demo.Options(runs=folder))
        yield folder, drawn_bench(90)


def test_embeddings_of_another_recogniser_are_a_warning(tmp_path, capsys):
    foreign = np.random.default_rng(0).standard_normal((8, 512))
    own = Compact().embed(Synthetic(4, 2, first=30_000).view("aligned")[:])
    for name, embeddings in (("foreign", foreign), ("own", own)):
        np.save(tmp_path / f"{name}.npy", embeddings)
        invert.run_all(invert.Options(input=tmp_path / f"{name}.npy", output=tmp_path / name))
        warned = "are these embeddings of compact?" in capsys.readouterr().err
        assert warned == (name == "foreign")


def test_the_page_shows_people_and_what_every_inverter_makes_of_them(shown):
    folder, _ = shown
    page = (folder / "demo.html").read_text()
    assert page.count("data:image/webp;base64,") == SHOWN * 4
    for name in demo.NAMES.values():
        assert name in page
    assert page.count("the original<") == SHOWN
    verdicts = re.findall(
        r"(?:accepted|rejected), -?\d\.\d\d \(threshold \d\.\d\d\)|cosine -?\d", page
    )
    assert len(verdicts) >= 3 * SHOWN
    assert len(re.findall("<li>", page)) == 5


def test_its_figures_are_in_tensorboard_beside_the_trainings(shown):
    folder, bench = shown
    events = EventAccumulator(str(folder / "figures" / "shipped")).Reload()
    (point,) = events.Scalars("accepted/same_picture")
    *_, same, _ = quick_verdicts(open_trained(SHIPPED).inverter, bench)
    assert point.value == pytest.approx(same.value)
    assert (folder / "inversion" / "cgan_demo-synthetic-s0" / "inverter").is_dir()


def test_what_is_shipped_is_what_its_record_says():
    record, scores = Record.read(SHIPPED / RECORD), read_scores(SHIPPED / RECORD)
    assert record.env["dirty"] is False and record.dataset == "drawn"
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*")) < 6_000_000
    assert record.metrics[at("compact/sar_type1", fmr=1e-3)].value > 0.98
    assert record.metrics[at("compact/sar_type2", fmr=1e-3)].value > 0.7
    # Computed again for some of the people that it was examined on.
    faces, protocol = Drawn(), Inversion()
    names = np.unique([file.split("/")[0] for file in faces.files])
    place = {name: protocol._place(name) for name in names}
    test = [i for i, file in enumerate(faces.files) if place[file.split("/")[0]] == 2]
    assert test == scores["test_index"].tolist()
    some = np.array(test[:24])
    first = int(faces.files[some[0]][8:13])
    few = Synthetic(40, 6, first=first)
    chosen = [few.files.index(faces.files[i]) for i in some]
    recogniser = Compact()
    embeddings = recogniser.embed(np.asarray(few.view("aligned")[chosen]))
    trained = open_trained(SHIPPED)
    pictures, _ = reconstruct(trained.inverter, embeddings)
    cosines = (recogniser.embed(pictures) * embeddings).sum(axis=1)
    # Noise hangs on an embedding's last bits, which machines round in their own ways.
    np.testing.assert_allclose(cosines, scores["compact/type1"][:24], atol=0.06)
    assert cosines.mean() == pytest.approx(scores["compact/type1"][:24].mean(), abs=0.01)
    assert trained.thresholds[1e-3] == pytest.approx(
        record.config["recognisers"]["compact"]["thresholds"]["0.001"]
    )
    parts = np.array(["train", "validation", "test"])[
        [place[file.split("/")[0]] for file in faces.files]
    ]
    conditions = conditions_of(record, scores, faces.files, parts)
    unknown = differences(record, figures(scores, conditions))
    assert {name.split("/")[0] for name in unknown} <= {
        "swd", "kid", "spectrum", "diversity", "compact"
    }  # fmt: skip


def test_it_inverts_without_being_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    faces = Synthetic(3, 2, first=30_000)
    (tmp_path / "photos").mkdir()
    for place, frame in faces.frames():
        Image.fromarray(frame).save(tmp_path / "photos" / f"{place}.png")
    options = invert.Options(input=tmp_path / "photos", output=tmp_path / "out", align="never")
    invert.run_all(options)
    said = capsys.readouterr().out
    assert re.search(r"[56] of 6 reconstructions are accepted by compact as the person", said)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        MADE, "contact_sheet.png", "verdicts.csv", *(f"{place}.png" for place in range(6))
    }  # fmt: skip


def test_its_faces_fill_pictures_and_projector_where_nothing_else_is_trained(tmp_path):
    grid.draw_faces(tmp_path / "faces", shipped_faces())
    events = EventAccumulator(str(tmp_path / "faces")).Reload()
    assert events.Tags()["images"] == ["random", "median", "worst"]
    picture = Image.open(BytesIO(events.Images("random")[0].encoded_image_string))
    assert picture.size == (2 * 160, 28 + grid.SHOWN * 160)
    (labels,) = tmp_path.glob("faces/cgan_drawn/*/faces/metadata.tsv")
    assert len(labels.read_text().splitlines()) == 1 + 2 * grid.POINTS
