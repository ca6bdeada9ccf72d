"""Dashboard and report of a rehearsal, as a user sees them: in a browser."""

import json
import re
import signal
import socket
import urllib.request
from io import BytesIO
from itertools import islice

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams.metadata import parse_experiment_plugin_data

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record
from gan_inversion.data import open_dataset
from gan_inversion.metrics.catalogue import kind_of, kinds
from gan_inversion.reporting.audited import UNITS
from gan_inversion.reporting.browser import (
    CHROMIUM,
    DESK,
    PHOTOGRAPHS,
    TABS,
    browser,
    show,
)
from gan_inversion.reporting.tensorboard import free_port, served, tab_place, tabs_of
from tests.conftest import ROOT
from tests.programs import SMALL, call, finish, start

pytestmark = pytest.mark.usefixtures("small")

GAN = "cgan_pixels_corrections0_side64_steps2_warmup0_interval2"
browser_only = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory, eager):
    """A folder in which both families were trained, examined and audited, on drawn faces."""
    folder = tmp_path_factory.mktemp("rehearsed")
    methods = ("mean_face", "documented_dense", "cgan_pixels")
    short = ("--cgan.steps", "2", "--cgan.interval", "2", "--cgan.warmup", "0", "--cgan.side", "64")
    short += ("--cgan.corrections", "0")
    for command in (
        ("experiments.inversion", "--methods", *methods, *short),
        ("experiments.shadows", "--methods", "documented_dense_n20", "--units", *UNITS),
        ("experiments.faces",),
        ("experiments.dashboard", "--no-serve"),
        ("experiments.report",),
    ):
        call(folder, *command, "--smoke")
    return folder / "runs/smoke"


@pytest.fixture(scope="module")
def events(rehearsed):
    """All that the dashboard and the runs hold, as TensorBoard reads it."""
    found = EventMultiplexer()
    found.AddRunsFromDirectory(str(rehearsed))
    return found.Reload()


@pytest.fixture(scope="module")
def tags(events):
    """What there is: kind -> tags."""
    found = {}
    for run in events.Runs().values():
        for kind, names in run.items():
            if isinstance(names, list):
                found.setdefault(kind, set()).update(names)
    return found


def test_every_kind_of_metric_is_one_of_a_record(rehearsed):
    paths = [*(ROOT / "results/records").glob("*/*.json"), *rehearsed.glob("records/*/*.json")]
    names = {name for path in paths for name in json.loads(path.read_text())["metrics"]}
    unused = {kind.name for kind in kinds()} - {kind_of(name)[0].name for name in names}
    # The others are of recognisers that reject images, of searches, and of conditional GANs with
    # noise that are examined from now on.
    rare = {"<recogniser>/rejected_originals", "<recogniser>/sar_type2_picked<count>"}
    starts = ("<trial>/", "runner_up", "gap")
    assert {name for name in unused if not name.startswith(starts)} <= rare


def test_every_tag_is_explained(tags):
    lines = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    patterns = [
        re.sub(r"<[a-z]+>", "[^/]+", re.sub("[@=]", "_", name))  # as TensorBoard shows them
        for line in lines
        for name in re.findall(r"`([^`]+)`", line)
    ]
    condition = r"(_(fmr|fpr|fold)_[^/]+)?"  # of a metric, as TensorBoard shows it
    explained = re.compile(rf"({'|'.join(patterns)}){condition}(/low|/high)?")
    names = set().union(*tags.values()) - {"_hparams_/experiment", "custom_scalars__config__"}
    names = {name for name in names if not name.startswith("_hparams_")}
    assert len(names) > 50
    assert sorted(name for name in names if not explained.fullmatch(name)) == []


def test_the_page_holds_what_the_records_hold_and_nothing_else(rehearsed):
    page = (rehearsed / "report.html").read_text()
    record = Record.read(rehearsed / f"records/inversion/{GAN}-synthetic-s0.json")
    assert f"{record.metrics['ssim'].value:.3f}" in page
    assert f"inversion/{GAN}-synthetic-s0" in page and "data:image/webp;base64" in page
    assert "Type-I cosine by pose" in page and "faces/aligned-synthetic-s0" in page


def test_one_run_names_all_columns_of_the_options_tab(events):
    named = {
        run: content["_hparams_/experiment"]
        for run, content in events.PluginRunToTagToContent("hparams").items()
        if "_hparams_/experiment" in content
    }
    assert list(named) == ["dashboard/overview"]  # of several TensorBoard takes any
    experiment = parse_experiment_plugin_data(named["dashboard/overview"])
    figures = {info.name.tag for info in experiment.metric_infos}
    # Too few impostors resolve a rate of 0.1 %: without success rates there is no column of them.
    assert figures == {f"headline/{name}" for name in ("SSIM", "SWD", "leak_AUC")}
    options = {info.name for info in experiment.hparam_infos}
    assert {"method", "knowledge", "discriminator_width", "size"} <= options


def test_faces_are_measured_as_they_are(rehearsed):
    raw = np.load(rehearsed / "records/faces/aligned-synthetic-s0.npz")
    images = open_dataset("synthetic").view("aligned")
    assert raw["brightness"] == pytest.approx(images.mean(axis=(1, 2, 3)) / 255, rel=1e-5)
    assert raw["pose"].shape == raw["brightness"].shape and (raw["pose"] >= 0).all()


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@browser_only
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_opens_from_disk_without_errors_or_sideways_scrolling(rehearsed, chromium, width):
    view = chromium.new_page(viewport={"width": width, "height": 800})
    errors, asked = [], []
    view.on("pageerror", lambda error: errors.append(str(error)))
    view.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    view.on("request", lambda request: asked.append(request.url))
    show(view, (rehearsed / "report.html").as_uri(), [])
    assert errors == [] and all(url.startswith(("file:", "data:")) for url in asked)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.locator("svg").count() >= 3 and view.locator("img").count() >= 3
    view.close()


@pytest.fixture(scope="module")
def address(rehearsed):
    with served(rehearsed / "dashboard") as (found, _):
        yield found


def test_curves_begin_at_the_lowest_step(events):
    for run, content in events.Runs().items():
        for tag in content["scalars"]:
            steps = [event.step for event in events.Scalars(run, tag)]
            assert steps == sorted(steps), (run, tag)
    (run,) = (name for name in events.Runs() if name.endswith("control/mean_face"))
    assert [event.step for event in events.Scalars(run, "swd")] == [20, 40, 80, 160]
    assert [event.step for event in events.Scalars(run, "sar_type1/compact")] == [2]  # resolved


def test_only_tabs_with_content_are_offered(rehearsed, tmp_path):
    every = ["custom_scalars", "images", "histograms", "pr_curves", "text", "hparams", "projector"]
    assert tabs_of(rehearsed / "dashboard") == every
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "events.out").touch()
    assert tabs_of(tmp_path) == ["text", "hparams"]


def test_a_port_in_use_is_a_sentence(rehearsed, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        output = call(tmp_path, "experiments.dashboard", "--smoke", "--port", port, code=2)
        assert f"port {port}: Address already in use; give another by --port" in output
        with pytest.raises(UserError, match="already in use"), served(rehearsed, int(port)):
            pass
    assert free_port(int(port)) == int(port)


def test_addresses_are_printed_when_they_can_be_opened(rehearsed):
    port = free_port()
    place = ("--smoke", "--port", str(port))
    process = start(rehearsed.parents[1], "experiments.dashboard", *place, program=SMALL)
    lines = iter(process.stdout.readline, "")
    (line,) = islice((line for line in lines if line.startswith("hparams: ")), 1)
    with urllib.request.urlopen(line.removeprefix("hparams: ").strip()) as page:
        assert page.status == 200
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in finish(process)


@browser_only
@pytest.mark.parametrize("name", [*TABS, *PHOTOGRAPHS, "timeseries"])
def test_each_tab_shows_its_content(address, chromium, name):
    more = {
        "custom_scalars": ["Matches (3)"],
        "pr_curves": ["members/image/lira_offline_fixed/log_mse"],
        "histograms": ["scores/compact/type1"],
        "hparams": ["headline/SSIM"],
        "projector": ["Points: 16", "subject"],
    }
    words = (TABS | PHOTOGRAPHS | {"timeseries": ["sar_type1"]})[name]
    view = chromium.new_page(viewport=DESK)
    show(view, f"{address}/{tab_place(name)}", [*words, *more.get(name, [])])
    view.close()


@browser_only
def test_screenshots_are_taken_by_command(rehearsed, tmp_path):
    built = (
        "--dashboard",
        str(rehearsed / "dashboard"),
        "--report",
        str(rehearsed / "report.html"),
    )
    # A process of its own: this one has a browser open.
    finish(start(tmp_path, "experiments.screenshots", *built, "--output", "pictures"))
    shots = {path.stem: Image.open(path) for path in (tmp_path / "pictures").glob("*.png")}
    assert set(shots) == {*TABS, "report"}
    for name, shot in shots.items():
        assert shot.size == (DESK["width"], DESK["height"])
        assert len(shot.getcolors(1 << 24)) > 50, name  # not a blank page


def test_a_picture_shows_photograph_and_every_inverter_side_by_side(rehearsed):
    events = EventAccumulator(str(rehearsed / "dashboard/faces")).Reload()
    assert events.Tags()["images"] == ["random", "median", "worst"]
    picture = Image.open(BytesIO(events.Images("worst")[0].encoded_image_string))
    assert picture.size == ((1 + 3) * 160, 28 + 10 * 160)


def test_the_projector_has_a_sprite_and_a_label_for_each_face(rehearsed):
    (place,) = (rehearsed / f"dashboard/faces/{GAN}").glob("*/faces")
    vectors = np.loadtxt(place / "tensors.tsv")
    labels = (place / "metadata.tsv").read_text().splitlines()
    assert len(labels) == len(vectors) + 1 and labels[0].split("\t") == ["subject", "kind"]
    assert (place / "sprite.png").exists()
