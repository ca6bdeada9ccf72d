import csv
import dataclasses
import io

import pytest

from experiments.tables import write_documented, write_finding, write_speed, write_verification
from gan_inversion.errors import UserError
from gan_inversion.record import metric
from gan_inversion.reports.tables import documented, finding, read_records
from tests.conftest import ROOT
from tests.unit.test_record import RECORD


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
    ]
    table = documented(records)
    assert table.markdown().splitlines()[4:6] == [
        "| documented_dense | 1 | 10 | 0.5000 | 0.3000 [0.2000, 0.4000] | 0.3800 | -0.0800 "
        "| 0.6000 [0.5000, 0.7000] | 0.6600 | -0.0600 |",
        "| mean_face | 2 | 10 | 0.5000 ± 0.0000 | 0.3000 ± 0.1414 [0.2000, 0.4000] |  |  "
        "| 0.6000 ± 0.0000 [0.5000, 0.7000] |  |  |",
    ]
    body = table.latex().splitlines()
    assert body[body.index(r"\midrule") + 2] == (
        r"mean\_face & 2 & 10 & 0.5000 $\pm$ 0.0000 & 0.3000 $\pm$ 0.1414 [0.2000, 0.4000] &  &  "
        r"& 0.6000 $\pm$ 0.0000 [0.5000, 0.7000] &  &  \\"
    )
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert float(rows[1]["test loss"]) == pytest.approx(0.3) and rows[1]["test loss n"] == "10"
    assert float(rows[1]["test loss sd"]) == pytest.approx(0.02**0.5)
    assert float(rows[0]["test loss low"]) == pytest.approx(0.2) and rows[0]["test loss sd"] == ""


def test_a_table_never_mixes_protocols():
    records = [
        *seeds("mean_face", [0.2]),
        *seeds("documented_dense", [0.3], protocol_hash="0" * 16),
    ]
    with pytest.raises(UserError, match="one protocol_hash, got 2"):
        documented(records)


def test_no_records_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"expected records of lfw in .*documented, found none"):
        read_records(tmp_path, "documented", dataset="lfw")


def test_the_finding_in_the_readme_is_what_the_command_writes(tmp_path):
    readme = ROOT / "README.md"
    copy = tmp_path / "README.md"
    copy.write_text("# Title\n<!-- finding -->\nold\n<!-- /finding -->\nrest\n")
    write_finding(ROOT / "results" / "records", copy)
    before, _, rest = copy.read_text().partition("<!-- finding -->\n")
    body, _, after = rest.partition("<!-- /finding -->")
    assert (before, after) == ("# Title\n", "\nrest\n") and body.count(".") > 5
    assert f"<!-- finding -->\n{body}<!-- /finding -->" in readme.read_text()


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
    ],
)
def test_the_pages_in_the_repository_are_what_the_command_writes(tmp_path, page, write):
    written = write(ROOT / "results" / "records", tmp_path)
    assert written == tmp_path / f"{page}.md"
    files = [file.relative_to(tmp_path) for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 3  # the page, and LaTeX and CSV of each table
    for file in files:
        assert (tmp_path / file).read_bytes() == (ROOT / "docs" / file).read_bytes()
