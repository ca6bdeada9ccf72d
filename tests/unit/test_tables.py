import csv
import dataclasses
import io
import itertools
import re
from functools import cache

import numpy as np
import pytest

from experiments.published import EVERYTHING, EXPECTED
from gan_inversion.cgan.presets import METHODS
from gan_inversion.core.errors import UserError
from gan_inversion.core.older import older_spec
from gan_inversion.core.options import plain
from gan_inversion.core.record import Metric, at, bare_spec, metric
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting import charts
from gan_inversion.reporting.balance import balance_chart, price, remembered
from gan_inversion.reporting.charts import front
from gan_inversion.reporting.dynamics import claim
from gan_inversion.reporting.glance import glance
from gan_inversion.reporting.inversion import headline, inversion
from gan_inversion.reporting.markup import code, marked
from gan_inversion.reporting.membership import overviews
from gan_inversion.reporting.pages import (
    check_inversion,
    write_documented,
    write_finding,
    write_glance,
    write_inversion,
    write_membership,
    write_search,
    write_speed,
    write_thresholds,
    write_verification,
)
from gan_inversion.reporting.speed import shadow_speed, training_speed
from gan_inversion.reporting.summary import brief
from gan_inversion.reporting.table import Cell, Table, cell
from gan_inversion.reporting.tables import (
    LFW,
    documented,
    finding,
    read_records,
    read_with_scores,
)
from tests.conftest import ROOT
from tests.unit.test_record import RECORD


@cache
def checked():
    """Every figure of the published records, from their raw scores."""
    return check_inversion(ROOT / "results" / "records")


def test_what_raw_scores_do_not_give_is_named():
    assert checked().startswith("Every figure and interval was computed from the raw scores")
    assert "cannot give (`cosine_hypotheses`, `diversity`, `kid`" in checked()


REGISTRY = ROOT / "results" / "thresholds.json"


def seeds(method, losses, **changes):
    for seed, loss in enumerate(losses):
        metrics = {
            "train_loss": metric(0.5, n=40),
            "test_loss": metric(loss, ci=(loss - 0.1, loss + 0.1), n=10),
            "test_accuracy": metric(0.6, ci=(0.5, 0.7), n=10),
        }
        yield dataclasses.replace(RECORD, method=method, seed=seed, metrics=metrics, **changes)


def test_the_documented_table_is_this_one():
    reported = {"test_loss": 0.38, "test_accuracy": 0.66}
    records = [
        *seeds("documented_dense", [0.3], reported=reported),
        *seeds("mean_face", [0.2, 0.4], reported={}),
        *seeds("mean_face_corrected", [0.1], reported={}),
    ]
    table = documented(records)
    lines = table.markdown().splitlines()
    assert "0.3000\u00a0±\u00a00.1414 [0.2000,\u00a00.4000]" in lines[5]  # no break within
    assert [line.replace("\u00a0", " ") for line in lines[4:6]] == [
        "| documented_dense | 1 | 10 | 0.5000 | +0.1000 | 0.3000 [0.2000, 0.4000] "
        "| 0.3800 | -0.0800 | 0.6000 [0.5000, 0.7000] | 0.6600 | -0.0600 |",
        "| mean_face | 2 | 10 | 0.5000 ± 0.0000 |  | 0.3000 ± 0.1414 [0.2000, 0.4000] |  |  "
        "| 0.6000 ± 0.0000 [0.5000, 0.7000] |  |  |",
    ]
    body = table.latex().splitlines()
    assert body[body.index(r"\midrule") + 2] == (
        r"mean\_face & 2 & 10 & 0.5000 $\pm$ 0.0000 &  & 0.3000 $\pm$ 0.1414 [0.2000, 0.4000] "
        r"&  &  & 0.6000 $\pm$ 0.0000 [0.5000, 0.7000] &  &  \\"
    )
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert float(rows[1]["test loss"]) == pytest.approx(0.3) and rows[1]["test loss n"] == "10"
    assert float(rows[1]["test loss sd"]) == pytest.approx(0.02**0.5)
    assert float(rows[0]["test loss low"]) == pytest.approx(0.2) and rows[0]["test loss sd"] == ""


EVIL = "<img src=x onerror=alert(1)> [l](javascript:alert(1)) | `x`"


def test_a_records_words_are_no_markup():
    table = Table("name", "A caption", [EVIL], [[EVIL]], [f"Said: {code(EVIL)}."])
    page, plain = table.html(), table.markdown()
    assert "<img" not in page and "<a " not in page
    assert page.count("<code>") == 1
    header, _, row = [line for line in plain.splitlines() if line.startswith("|")]
    assert header == row and "<img" not in header and header.count(" | ") == 0
    assert plain.splitlines()[-1].count("`") == 2


@pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "x y"])
def test_a_link_leads_to_a_page(target):
    assert marked(f"[l]({target})") == f"[l]({target})"
    assert marked("[l](own.md#a) and `[l](own.md)`") == (
        "<a href='own.md#a'>l</a> and <code>[l](own.md)</code>"
    )


def test_a_signed_cell_has_no_sign_before_its_deviation():
    assert Cell((0.1, 0.3), form="+.2f").text() == "+0.20 ± 0.14"


def test_a_table_never_mixes_protocols():
    records = [
        *seeds("mean_face", [0.2]),
        *seeds("documented_dense", [0.3], protocol_hash="0" * 16),
    ]
    with pytest.raises(UserError, match="one protocol_hash, got 2"):
        documented(records)


def test_no_records_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"expected records of lfw in .*documented, found none"):
        read_records(tmp_path, "documented")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("finding", write_finding),
        ("glance", write_glance),
    ],
)
def test_the_blocks_in_the_readme_are_what_the_command_writes(tmp_path, name, write):
    copy = tmp_path / "README.md"
    copy.write_text(f"# Title\n<!-- {name} -->\nold\n<!-- /{name} -->\nrest\n")
    write(ROOT / "results" / "records", copy)
    before, _, rest = copy.read_text().partition(f"<!-- {name} -->\n")
    body, _, after = rest.partition(f"<!-- /{name} -->")
    assert (before, after) == ("# Title\n", "\nrest\n") and body.count(".") > 5
    pages = [ROOT / "README.md"] + [ROOT / "docs/index.md"] * (name == "glance")
    for page in pages:
        assert f"<!-- {name} -->\n{body}<!-- /{name} -->" in page.read_text()


@pytest.mark.parametrize(
    ("mean_loss", "mean_accuracy", "verdict"),
    [(0.2, 0.7, "on both"), (0.2, 0.5, "on loss only"), (0.4, 0.5, "on neither")],
)
def test_the_finding_says_what_the_figures_say(mean_loss, mean_accuracy, verdict):
    reported = {"test_loss": 0.38, "test_accuracy": 0.66}
    (mean,) = seeds("mean_face", [mean_loss])
    accuracy = {"test_accuracy": metric(mean_accuracy, n=10)}
    mean = dataclasses.replace(mean, metrics={**mean.metrics, **accuracy})
    text = finding([*seeds("documented_conv_bn", [0.3], reported=reported), mean])
    assert f"beats the decoder {verdict}: loss {mean_loss:.4f}" in text


def test_a_page_of_several_tables_begins_with_its_contents():
    lines = (ROOT / "docs" / "inversion.md").read_text("utf-8").splitlines()
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    links = [re.fullmatch(r"- \[(.+)\]\(#(.+)\)", line) for line in lines[2:]]
    contents = {link[1]: link[2] for link in itertools.takewhile(bool, links)}
    assert list(contents) == headings and len(set(contents.values())) == len(headings) > 5
    assert contents["Success of reconstructions with facenet, the victim"] == (
        "success-of-reconstructions-with-facenet-the-victim"
    )


def test_badges_are_true():
    records = len(list((ROOT / "results" / "records").glob("*/*.json")))
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")
    texts = {name: f">{words}</text>" for name, words in {
        "python": "3.11 or newer", "licence": "MIT", "records": f"{records} published",
    }.items()}  # fmt: skip
    assert 'requires-python = ">=3.11"' in pyproject and 'license = "MIT"' in pyproject
    for name, words in texts.items():
        assert words in (ROOT / "docs" / "pictures" / f"{name}.svg").read_text("utf-8")


def test_the_report_and_the_first_page_show_the_same_figures():
    report = (ROOT / "docs" / "report.html").read_text("utf-8")
    block = (ROOT / "README.md").read_text("utf-8").partition("<!-- glance -->")[2]
    rates = re.findall(r"\d+\.\d%", block.partition("<!-- /glance -->")[0])
    assert len(rates) > 20
    assert [rate for rate in rates if rate not in report] == []


def test_a_readme_without_the_block_is_a_sentence(tmp_path):
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(UserError, match="expected a block between <!-- finding -->"):
        write_finding(ROOT / "results" / "records", tmp_path / "README.md")


@pytest.mark.parametrize(
    ("page", "write"),
    [
        ("documented", write_documented),
        ("verification", write_verification),
        ("speed", write_speed),
        ("searches", write_search),
        ("inversion", lambda r, o: write_inversion(r, o, expected=EXPECTED, checked=checked())),
        (
            "membership",
            lambda r, o: write_membership(r, o, expected=EVERYTHING.membership),
        ),
        ("thresholds", lambda records, output: write_thresholds(REGISTRY, output)),
    ],
)
def test_the_pages_in_the_repository_are_what_the_command_writes(tmp_path, page, write):
    written = write(ROOT / "results" / "records", tmp_path)
    assert written == tmp_path / f"{page}.md"
    files = [file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 3  # the page, and LaTeX and CSV of each table
    for file in files:
        assert (tmp_path / file).read_bytes() == (ROOT / "docs" / file).read_bytes()


def examined(method, rates, **changes):
    """Records of the inversion protocol, one a seed; a rate of None is not resolved."""
    for seed, rate in enumerate(rates):
        metrics = {
            "facenet/sar_type1@fmr=1e-2": metric(0.5, ci=(0.4, 0.6), n=100),
            "facenet/sar_type1@fmr=1e-3": Metric(rate, None, 100),
            "ssim": metric(0.25, n=100),
            "swd/mean": metric(12.345, n=100),
        }
        config = {"split": "a" * 16, "recognisers": {"facenet": {}}, "training_images": 70}
        cost = {"train_seconds": 120.0}
        fields = {"method": method, "seed": seed, "metrics": metrics, "config": config}
        fields |= {"protocol": "inversion", "protocol_hash": "1" * 16, "reported": {}, "cost": cost}
        fields |= {"spec": older_spec(method, fields["config"] | changes.get("config", {}))}
        yield dataclasses.replace(RECORD, **{**fields, **changes})


def cells(table, method):
    rows = table.markdown().replace("\u00a0", " ").splitlines()
    return next(row for row in rows if row.startswith(f"| {method} |"))


def test_the_headline_is_this_one():
    records = [*examined("ridge_pca", [0.2, 0.4]), *examined("oracle", [None, None])]
    table = headline(records, expected=[("oracle", 0), ("cgan", 0), ("oracle", 2)])
    assert (
        cells(table, "ridge_pca")
        == "| ridge_pca | black_box | 2 | 0.300 ± 0.141 |  | 0.250 ± 0.000 | 12.3 ± 0.0 | 2 ± 0 |"
    )
    assert cells(table, "oracle").startswith("| oracle | control | 2 | n/a |")
    assert [row[0] for row in table.rows] == ["oracle", "ridge_pca"]  # controls first
    (record,) = examined("ridge_pca", [0.2], reported={"facenet/sar_type1@fmr=1e-3": 0.952})
    assert headline([record]).rows[-1][0].startswith("NbNet, published")
    assert "0.952" in headline([record]).rows[-1]
    assert "Not yet run: cgan, seed 0; oracle, seed 2." in table.notes
    assert "1111111111111111" in table.notes[-1] and "dddddddddddd" in table.notes[-1]


def test_times_of_an_accelerator_stand_apart():
    def took(seconds, device):
        return {"train_seconds": seconds, "train_device": f"NVIDIA {device} 80GB HBM3"}

    two = list(examined("ridge_pca", [0.2, 0.4]))
    two[1] = dataclasses.replace(two[1], cost=took(60.0, "H100"))
    assert headline(two).rows[0][-1] == "2; 1 (H100)"
    alone = list(examined("ridge_pca", [0.2], cost=took(660.0, "H100")))
    assert headline(alone).rows[0][-1] == "11 (H100)"
    assert (
        "| 660 (H100) |"
        in next(table for table in inversion(alone) if table.name == "inversion_quality").markdown()
    )


def test_every_table_says_what_the_attacker_knew():
    records = read_records(ROOT / "results" / "records", "inversion")
    known = {record.method: record.knowledge for record in records}
    assert set(known.values()) == {"black_box", "white_box"}
    sized = {name: "ceiling" for name in known if name.startswith("translated")}
    known |= sized | dict.fromkeys(("oracle", "random", "mean_face"), "control")  # no attacks
    scores = {(r.method, r.seed): {} for r in records}
    for table in (*inversion(records, scores=scores), headline(records)):
        place = table.header.index("knowledge")
        for row in table.rows:
            assert row[place] == known.get(row[0], "black_box"), table.name
    audited = read_records(ROOT / "results" / "records", "membership")
    (ledger,) = (table for table in overviews(audited) if table.name == "membership_ledger")
    for row in ledger.rows:
        gradients = row[0].startswith("cgan") and not row[0].startswith("cgan_mse")
        knows = "white_box" if gradients else "black_box"
        assert row[ledger.header.index("knowledge")] == knows


def test_audited_methods_are_in_the_order_of_members_and_epochs():
    published = read_records(ROOT / "results" / "records", "membership")
    ledger = overviews(published)[0]
    own = [row[2:4] for row in ledger.rows if row[0].startswith("documented_dense")]
    found = [(int(members.replace(",", "")), int(epochs)) for epochs, members in own]
    assert len(found) >= 8 and found == sorted(found)


def test_the_ledger_shows_the_epsilon_that_was_claimed_beside_the_proven():
    published = read_records(ROOT / "results" / "records", "membership")
    (record,) = (found for found in published if found.method == "documented_dense_n1000")
    assert "claimed epsilon" not in overviews([record])[0].header
    config = {**record.config, "inverter": {"epsilon": 8.0}}
    spec = older_spec("private_dense_n1000", config)
    private = dataclasses.replace(record, method=spec["name"], config=config, spec=spec)
    ledger = overviews([record, private])[0]
    proven = record.metrics["image/lira_offline_fixed/together/epsilon"].value
    assert cells(ledger, record.method).endswith(f"| none | {proven:.2f} |")
    assert cells(ledger, private.method).endswith(f"| 8.0 | {proven:.2f} |")


def test_the_ledger_shows_judges_that_saw_the_first_model_only():
    (record,) = (
        found
        for found in read_records(ROOT / "results" / "records", "membership")
        if found.method == "documented_dense_n500"
    )
    rate = {at("sface/sar_type2", fmr=1e-3): metric(0.25, ci=(0.2, 0.3), n=318)}
    shown = dataclasses.replace(
        record,
        method="documented_dense_n500_e7",
        config={**record.config, "epochs": 7, "judges": {"sface": "0" * 64}},
        metrics={**record.metrics, **rate},
    )
    ledger = overviews([record, shown])[0]
    place = ledger.header.index("type-II SAR, sface")
    rows = {row[2]: row for row in ledger.rows}  # by epochs
    assert rows["7"][place].values == (0.25,) and not rows["10"][place]
    assert any("sface saw the first model of a study only" in note for note in ledger.notes)


@pytest.mark.parametrize(
    ("proven", "verdict"), [((0.5, 0.9, 1.0), "not contradicted"), ((0.5, 0.9, 1.01), "false")]
)
def test_a_claim_of_privacy_is_false_where_more_is_proven(proven, verdict):
    published = read_records(ROOT / "results" / "records", "membership")
    (record,) = (found for found in published if found.method == "documented_dense_n1000")
    config = {**record.config, "inverter": {"epsilon": 1.0, "clipped": False}}
    spec = older_spec("private_dense_n1000", config)
    figures = ("epsilon", "epsilon_one_run", "epsilon_one_run_gaussian")
    values = dict(zip(figures, proven, strict=True)) | {"auc": 0.9}
    metrics = {
        f"canary/threshold/contrast/{name}": metric(value, n=100) for name, value in values.items()
    }
    private = dataclasses.replace(
        record, method=spec["name"], config=config, spec=spec, metrics=metrics
    )
    (table,) = (t for t in overviews([record, private]) if t.name == "membership_claims")
    row = (
        f"| private_dense_n1000 | no | canary | contrast | threshold | 0.900 | 1 | {proven[0]:.2f} "
    )
    row += f"| {proven[1]:.2f} | {proven[2]:.2f} | {verdict} |"
    assert len(table.rows) == 1 and row in table.markdown()


@pytest.mark.parametrize(
    ("lows", "told"),
    [
        ((0.4, 0.51, 0.6), "is shown from epoch 3 on (AUC 0.550 after 1, 0.550 after 3, 0."),
        ((0.51, 0.4, 0.6), "is shown from epoch 10 on (AUC"),
        ((0.51, 0.6, 0.4), "cannot be shown (AUC"),
    ],
)
def test_the_claim_holds_from_where_no_later_interval_covers_chance(lows, told):
    epochs = zip((1, 3, 10), lows, strict=True)
    found = {epoch: metric(0.55, ci=(low, 0.7), n=9) for epoch, low in epochs}
    assert told in claim("dense", found)


def test_the_front_is_what_no_other_outdoes():
    points = {"best": (0.9, 0.3), "worse": (0.8, 0.3), "safe": (0.5, 0.1), "bad": (0.4, 0.2)}
    assert front(points) == ["best", "safe"]
    assert front({"dear": (0.9, 0.4), "best": (0.9, 0.3)}) == ["best"]


def test_long_names_break_at_their_underscores_in_a_browser():
    table = headline(list(examined("ridge_pca", [0.2]))).html()
    assert "<td>ridge_<wbr>pca</td>" in table and "ridge_pca" not in table


def test_intervals_stand_below_their_figures_in_a_browser():
    (record,) = examined("ridge_pca", [0.2])
    rate = metric(0.2, ci=(0.1, 0.3), n=100)
    record.metrics["facenet/sar_type1@fmr=1e-3"] = rate
    assert "<td>0.200<br>[0.100, 0.300]</td>" in headline([record]).html()


def test_the_published_figure_stands_in_a_row_that_names_its_protocol():
    reported = {"facenet/sar_type1@fmr=1e-3": 0.952}
    table = inversion(list(examined("ridge_pca", [0.2], reported=reported)))[0]
    assert table.rows[-1][0].startswith("NbNet, published: Mai et al. 2018, their own protocol")
    assert table.rows[-1].count("0.9520") == 1
    place = table.rows[-1].index("0.9520")
    assert table.header[place] == "type-I SAR at FMR 0.1 %"
    assert inversion(list(examined("ridge_pca", [0.2])))[0].rows[-1][0] == "ridge_pca"


def test_the_scaling_curve_is_in_the_order_of_sizes():
    records = []
    for method, size in (("ridge_pca_n500", 500), ("ridge_pca", 9000), ("ridge_pca_n4000", 4000)):
        config = {"split": "a", "recognisers": {"facenet": {}}, "training_images": size}
        records += examined(method, [0.2], config=config)
    curve = inversion(records)[-1]
    assert curve.name == "inversion_scaling"
    assert [row[1] for row in curve.rows] == ["500", "4000", "9000"]
    assert [row[0] for row in inversion(records)[0].rows] == ["ridge_pca"]


def test_trainings_of_several_lengths_say_where_realism_would_go():
    records = []
    for method, distance in (("cgan_long", 25.0), ("cgan_mse_cpu", 400.0), ("cgan_cpu", 100.0)):
        config = {"split": "a", "recognisers": {"facenet": {}}, "training_images": 70}
        (record,) = examined(method, [0.2], config=config | plain(METHODS[method]))
        metrics = record.metrics | {"swd/mean": metric(distance, n=9)}
        records.append(dataclasses.replace(record, metrics=metrics))
    table = next(table for table in inversion(records) if table.name == "inversion_budgets")
    assert [row[:3] for row in table.rows] == [
        ["cgan_cpu", "22,400", "19,200"],
        ["cgan_long", "89,600", "86,400"],
    ]
    # A quarter after four times as many images is a half with each doubling.
    assert "each doubling of the images seen, SWD mean becomes 0.50 times" in table.notes[1]
    assert "it would be 2 after 1,000,000 images" in table.notes[1]
    alone = [table.name for table in inversion(records[:2])]
    assert "inversion_budgets" not in alone  # one training with a discriminator is no curve


def test_every_published_method_has_its_tables_when_it_stands_alone():
    every = read_records(ROOT / "results" / "records", "inversion", LFW)
    records = [record for record in every if not record.seed]
    assert {None} < {record.trained["training_images"] for record in records}
    for record in records:
        for table in (headline([record]), *inversion([record])[:3]):
            assert record.method in [row[0] for row in table.rows]


def test_methods_on_fewer_images_are_no_curve_over_images_seen():
    records = []
    for method, size in (("cgan_cpu", 20), ("cgan_long", 40)):
        config = {"split": "a", "recognisers": {"facenet": {}}, "training_images": size}
        records += examined(f"{method}_n{size}", [0.2], config=config | plain(METHODS[method]))
    assert "inversion_budgets" not in [table.name for table in inversion(records)]


def test_the_ablation_is_a_table_of_its_own_in_the_order_of_its_terms():
    config = {"split": "a", "recognisers": {"facenet": {}}, "training_images": 70}
    config |= {"steps": 1000, "batch_size": 16, "precision": "float32"}
    names = ["cgan_corrected_short", "cgan_mse_short", "cgan_identity_short"]
    records = [r for name in (*names, "cgan") for r in examined(name, [0.2], config=config)]
    tables = {table.name: table for table in inversion(records)}
    rows = [row[0] for row in tables["inversion_ablation"].rows]
    assert rows == ["cgan_mse_short", "cgan_identity_short", "cgan_corrected_short"]
    assert "same 1,000 steps of 16 images" in tables["inversion_ablation"].notes[0]
    assert "not measured yet: cgan_l1_ssim_short, cgan_mid" in tables["inversion_ablation"].notes[0]
    assert [row[0] for row in tables["inversion_facenet"].rows] == ["cgan"]


def test_hypotheses_are_a_table_of_their_own():
    (record,) = examined("cgan", [0.2])
    several = {
        "diversity": metric(0.05, n=9),
        "facenet/sar_type2_picked16@fmr=1e-3": metric(0.7, n=9),
    }
    record = dataclasses.replace(record, metrics={**record.metrics, **several})
    tables = inversion([record, *examined("ridge_pca", [0.2])])
    (table,) = [table for table in tables if table.name == "inversion_hypotheses"]
    assert [row[0] for row in table.rows] == ["cgan"]
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["facenet, picked of 16"].values == (0.7,) and row["diversity"].values == (0.05,)


def test_the_speed_of_training_stands_beside_what_the_machine_multiplies():
    metrics = {
        "step/images_per_second": metric(20, ci=(19, 21), n=5),
        "step/share_of_matmul": metric(0.5, ci=(0.4, 0.6), n=5),
        "matmul/gflop_per_second": metric(400, n=1),
    }
    config = {"precision": "float32", "gflop_per_image": 10.0}
    record = dataclasses.replace(RECORD, method="cgan_cpu", metrics=metrics, config=config)
    line = cells(training_speed([record]), record.env["device"])
    assert line.endswith(
        "| cgan_cpu | float32 | 20.0 [19.0, 21.0] | 10.0 | 400 | 0.50 [0.40, 0.60] |"
    )


def test_models_an_hour_stand_beside_how_alike_they_are():
    metrics = {
        "keras/models_per_hour": metric(160, ci=(150, 170), n=5),
        "alone/models_per_hour": metric(250, ci=(240, 260), n=5),
        "together/models_per_hour": metric(400, ci=(390, 410), n=5),
        "keras/speedup": metric(2.5, ci=(2.4, 2.6), n=5),
        "alone/speedup": metric(1.6, ci=(1.5, 1.7), n=5),
        "together/loss_difference": metric(2e-5, n=4),
    }
    config = {"decoder": "dense", "models": 4, "epochs": 10, "protocol": {"images": 1000}}
    record = dataclasses.replace(RECORD, method="farm_dense", metrics=metrics, config=config)
    line = cells(shadow_speed([record]), record.env["device"])
    assert line.endswith(
        "| dense | 160 [150, 170] | 250 [240, 260] | 400 [390, 410] "
        "| 2.50 [2.40, 2.60] | 1.60 [1.50, 1.70] | 2e-05 |"
    )


def test_the_cmc_comes_from_raw_scores():
    records = list(examined("ridge_pca", [0.2, 0.3]))
    scores = {
        ("ridge_pca", 0): {"facenet/rank": np.array([1, 1, 2, 30])},
        ("ridge_pca", 1): {"facenet/rank": np.array([1, 6, 4, 11])},
    }
    (table,) = [found for found in inversion(records, scores=scores) if "cmc" in found.name]
    assert table.header[3:] == [f"facenet, rank {rank}" for rank in (1, 2, 3, 5, 10, 20)]
    found = [cell.values for cell in table.rows[0][3:]]
    assert found == [(0.5, 0.25), (0.75, 0.25), (0.75, 0.25), (0.75, 0.5), (0.75, 0.75), (0.75, 1)]


def test_the_time_of_an_independent_recogniser_stands_apart():
    config = {"split": "a" * 16, "recognisers": {RECORD.victim: {}, "dlib": {}}}
    cost = {"examination_seconds": {RECORD.victim: 30.0, "realism": 20.0, "dlib": 90.0}}
    records = list(examined("ridge_pca", [0.2], config=config, cost=cost))
    notes = [note for table in inversion(records) for note in table.notes]
    assert any("took 50 s (median of 1), dlib up to 90 s more." in note for note in notes)


def test_a_table_never_mixes_splits_or_data():
    def judged(threshold):
        recognisers = {"facenet": {"thresholds": {"0.01": threshold}}}
        return {"split": "a" * 16, "recognisers": recognisers, "training_images": 70}

    other = {"split": "b" * 16, "recognisers": {"facenet": {}}, "training_images": 70}
    for change, message in (
        ({"config": other}, "records of one split, got a+, b+"),
        ({"config": judged(0.6)}, 'set of thresholds of facenet, got {"0.01": 0.5} and {"0.01": 0'),
        ({"data_digest": "0" * 64}, "one data_digest, got 2"),
        ({"protocol_hash": "0" * 16}, "one protocol_hash, got 2"),
        ({"victim_digest": "0" * 64}, "one victim_digest, got 2"),
    ):
        records = [
            *examined("ridge_pca", [0.2], config=judged(0.5)),
            *examined("oracle", [1.0], **change),
        ]
        with pytest.raises(UserError, match=message):
            inversion(records)
    rounded = examined("oracle", [1.0], config=judged(0.5 + 3e-7))  # by another machine
    assert inversion([*examined("ridge_pca", [0.2], config=judged(0.5)), *rounded])


def test_the_report_says_what_remembering_costs():
    told = [(100, 0.25, 0.9), (30, 0.1, 0.95), (10, 0.02, 0.05), (1, None, 0.01)]
    records = [
        dataclasses.replace(
            RECORD,
            method=f"dense_e{epochs}",
            spec=bare_spec("dense"),
            config={"epochs": epochs},
            metrics={
                "image/lira_offline_fixed/together/auc": metric(0.6 + epochs / 1000, n=9),
                at("image/lira_offline_fixed/together/tpr", fpr=1e-2): metric(found, n=9),
                at(f"{RECORD.victim}/sar_type2", fmr=1e-3): Metric(share, None, 9),
            },
        )
        for epochs, share, found in told
    ]
    found = remembered(records)
    assert "from 0.601 (dense after 1 epoch) to 0.700 (dense after 100 epochs)" in found
    assert (  # thirty epochs are outdone, one is not resolved
        "No other inverter reconstructs more strangers than these and gives away fewer members: "
        "dense after 10 epochs, 2.0% accepted and 5.0% found; dense after 100 epochs, 25.0% "
        "accepted and 90.0% found (accepted:" in found
    )
    assert remembered(records[3:]) == ""


def test_the_price_of_a_gain_is_told_or_said_to_be_unknown():
    def audited(family, gain, leak, ci):
        return dataclasses.replace(
            RECORD,
            method=family,
            spec=bare_spec(family),
            config={"epochs": 10, "members": {"image": 900}},
            metrics={
                at("image/lira_offline_fixed/log_mse/tpr", fpr=1e-2): metric(leak, ci=ci, n=900),
                at(f"{RECORD.victim}/sar_type2", fmr=1e-3): metric(gain, ci=(0.1, 0.5), n=900),
            },
        )

    records = [
        audited("dense", 0.2, 0.09, (0.08, 0.1)),
        audited("private", 0.3, 0.011, (0.008, 0.014)),
    ]
    sentences = price(records)
    assert (
        "`dense`, trained on 900 images, makes of unseen embeddings after 10 epochs, 20.0% are"
        in sentences
    )
    assert "9.0% [8.0%, 10.0%] are recognised as such" in sentences
    assert "30.0% are accepted" in sentences and sentences.count("this attack does not show") == 1
    chart = charts.svg(balance_chart(records))
    assert "type-II SAR at FMR 0.1 %" in chart and "private" in chart


@pytest.mark.parametrize(
    ("curve", "shown"),
    [
        ([[0, 0, 1], [0, 1, 1]], [[0.01, 1], [1, 1]]),  # a perfect attack
        ([[0, 0.001, 0.02, 1], [0, 0.3, 0.5, 1]], [[0.01, 0.02, 1], [0.3, 0.5, 1]]),
    ],
)
def test_a_roc_curve_is_drawn_from_the_left_edge_on(monkeypatch, curve, shown):
    monkeypatch.setattr(charts, "svg", lambda figure: figure)
    figure = charts.roc({"a": charts.with_band(np.array(curve, float), 500)}, least=0.01)
    np.testing.assert_allclose(figure.axes[0].lines[0].get_data(), shown)


def test_a_table_says_what_few_shadow_models_tell():
    record = dataclasses.replace(
        RECORD,
        spec=bare_spec("dense"),
        config={"epochs": 10, "members": {"image": 100}},
        metrics={
            "image/lira_online/log_mse/auc": metric(0.7, n=9),
            "image/quantile/log_mse/auc": metric(0.6, n=9),
            "few_2/image/lira_online": metric(0.65, n=9),
            "usage_100/image": metric(0.07, ci=(0.05, 0.09), n=9),
        },
    )
    tables = {table.name: table for table in overviews([record])}
    few, usage = tables["membership_few"], tables["membership_usage"]
    assert [row[2] for row in few.rows] == ["lira_online", "quantile"]
    assert few.header[-2:] == ["AUC with 2", "with all"] and few.rows[1][-2] == "n/a"
    assert "0.070" in usage.rows[0][-1].text()


def test_the_brief_has_the_means_and_intervals_of_the_tables():
    inversions = read_with_scores(ROOT / "results" / "records", "inversion", LFW)
    leaks = read_with_scores(ROOT / "results" / "records", "membership", LFW)
    parts = dict(brief(inversions, leaks, 1113))
    assert list(parts)[-2:] == ["How sure this is", "What to do"]
    first = parts["What a stored embedding gives away"]
    method = re.search(r"photographs with their embeddings .*? of cases .*?\((\w+)\)", first)[1]
    group = [record for record, _ in inversions if record.method == method]
    shown = cell(group, at("facenet/sar_type2", fmr=1e-3))
    low, high = shown.interval
    assert f"in {shown.mean:.1%} [{low:.1%}, {high:.1%}] of cases ({method})" in first
    rates = [
        record.metrics[at("facenet/sar_type2", fmr=1e-3)].value
        for record, _ in inversions
        if record.knowledge == "black_box" and record.method not in ("oracle", "translated")
        and record.trained["family"] != "translated"
    ]  # fmt: skip
    assert shown.mean >= max(rates) - 0.02  # the best, as a mean over its seeds
    assert "2,443 photographs of 1,113 people" in parts["How sure this is"]
    oracles = [pair for pair in inversions if pair[0].method == "oracle"]
    alone = dict(brief(oracles, [], 1113))  # real images alone are no attack
    assert list(alone) == ["How sure this is", "What to do"]


def test_the_glance_takes_the_best_of_each_kind():
    def accepted(method, family, knowledge, rate):
        (record,) = examined(method, [0.4])
        figures = {at("facenet/sar_type2", fmr=1e-3): metric(rate, n=9), "ssim": metric(0.4, n=9)}
        spec = {**bare_spec(method, family), "preset": method}
        return dataclasses.replace(record, knowledge=knowledge, metrics=figures, spec=spec)

    half = accepted("adapter_half", "adapter", "black_box", 0.75)  # a row of a curve
    half = dataclasses.replace(half, spec={**half.spec, "options": {"leak": "half"}})
    rows = glance([
        half,
        accepted("oracle", "oracle", "black_box", 0.97),
        accepted("cgan_cpu", "cgan", "white_box", 0.9),
        accepted("cgan_long", "cgan", "white_box", 0.95),
        accepted("cgan_black_box_cpu", "cgan", "black_box", 0.6),
        accepted("adapter", "adapter", "black_box", 0.7),
        accepted("documented_dense", "documented", "black_box", 0.3),
    ]).rows  # fmt: skip
    assert [(row[0].partition(":")[0], row[1], row[-1]) for row in rows] == [
        ("the photograph itself", "97.0%", "0.40"),
        ("white box", "95.0%", "0.40"),
        ("black box", "70.0%", "0.40"),
        ("the best decoder of the 2023 thesis", "30.0%", "0.40"),
    ]
    assert rows[0][2] == "not yet"

    # One that every independent judge was shown goes before a better one that some were not.
    (whole, better) = (
        accepted(name, "cgan", "white_box", rate)
        for name, rate in (("whole", 0.8), ("better", 0.9))
    )
    others = {at(f"{name}/sar_type2", fmr=1e-3): metric(0.5, n=9) for name in INDEPENDENT}
    whole = dataclasses.replace(whole, metrics={**whole.metrics, **others})
    (row,) = glance([better, whole]).rows
    assert row[1:4] == ["80.0%", "50.0%", "50.0%"]


def test_what_a_judge_was_not_shown_is_named():
    shown = {"split": "a" * 16, "recognisers": {"facenet": {}, "sface": {}}, "training_images": 70}
    records = [*examined("ridge_pca", [0.2], config=shown), *examined("oracle", [1.0])]
    assert "Not yet shown to sface: oracle." in inversion(records)[0].notes
    both = [*examined("ridge_pca", [0.2]), *examined("oracle", [1.0])]  # nobody was shown to it
    assert not any("Not yet shown" in note for note in inversion(both)[0].notes)
