"""The transfer matrix: every victim before every judge."""

from dataclasses import replace

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_inversion.core.record import at, bare_spec, metric
from gan_inversion.protocols import Inversion
from gan_inversion.reporting import charts
from gan_inversion.reporting.overview import overview_events
from gan_inversion.reporting.pages import write_transfer
from gan_inversion.reporting.table import by_method
from gan_inversion.reporting.transfer import SHOWN, heat_maps, judges_of, read_victims, transfer
from tests.unit.test_record import RECORD

RATES = {  # type-II success rates at FMR 0.1 %: victim -> judge -> rate
    "facenet": {"facenet": 0.93, "dlib": 0.71, "sface": 0.40},
    "mobilefacenet": {"mobilefacenet": 0.90, "facenet": 0.70, "sface": None},
}


def record(method, victim, rates):
    declared = {"thresholds": {"0.001": 0.5}, "precision": "float32", "digest": "0" * 64}
    return replace(
        RECORD,
        protocol="inversion",
        protocol_hash=Inversion().hash,
        method=method,
        dataset="lfw",
        victim=victim,
        spec={**bare_spec(method, method), "preset": method},
        config={"split": "0" * 16, "recognisers": dict.fromkeys(rates, declared)},
        metrics={f"{name}/{SHOWN}": metric(rate or np.nan, n=9) for name, rate in rates.items()},
        reported={},
    )


@pytest.fixture
def root(tmp_path):
    for victim, rates in RATES.items():
        for method in ("ridge_pca", "nearest_face")[: 2 if victim == "facenet" else 1]:
            record(method, victim, rates).write(tmp_path / "records")
    return tmp_path / "records"


def test_a_row_is_a_victim_and_columns_are_judges(root):
    victims = read_victims(root)
    assert list(victims) == ["facenet", "mobilefacenet"]
    assert judges_of(victims) == ["facenet", "mobilefacenet", "dlib", "sface"]
    table = transfer(victims)
    assert [row[:2] for row in table.rows] == [
        ["nearest_face", "facenet"], ["ridge_pca", "facenet"], ["ridge_pca", "mobilefacenet"]
    ]  # fmt: skip
    assert len(table.header) == 3 + 4 * 4
    place = table.header.index("sface, type-II SAR at FMR 0.1 %")
    assert table.rows[1][place].text() == "0.4000" and table.rows[2][place].text() == "n/a"
    assert table.rows[2][table.header.index("dlib, type-II SAR at FMR 0.1 %")] == ""


def images(folder, victims):
    """Tags of the images that TensorBoard is given."""
    groups = by_method(victims["facenet"])
    overview_events(folder, [], groups, [], victims)
    return EventAccumulator(str(folder)).Reload().Tags()["images"]


def test_the_heat_map_has_the_figures(root):
    maps = heat_maps(read_victims(root))
    assert list(maps) == ["ridge_pca"]  # the other method attacks one victim only
    text = charts.svg(maps["ridge_pca"])
    for shown in ("0.93", "0.71", "0.40", "0.70", "mobilefacenet", "judge", "victim"):
        assert f">{shown}</text>" in text
    image = charts.pixels(maps["ridge_pca"])
    assert image.ndim == 3 and image.dtype == np.uint8 and len(np.unique(image)) > 50


def test_page_and_events_are_written_where_several_victims_are(root, tmp_path):
    page = write_transfer(root, tmp_path / "docs")
    assert page.name == "transfer.md" and "| ridge_pca | mobilefacenet |" in page.read_text()
    assert "transfer/ridge_pca" in images(tmp_path / "events", read_victims(root))


def test_one_victim_is_no_matrix(root, tmp_path):
    for path in (root / "inversion").glob("*mobilefacenet*"):
        path.unlink()
    assert write_transfer(root, tmp_path / "docs") is None
    shown = images(tmp_path / "events", read_victims(root))
    assert shown == [f"2_one_by_one/type-II_SAR__{name}" for name in RATES["facenet"]]
    assert at("sar_type2", fmr=1e-3) == SHOWN
