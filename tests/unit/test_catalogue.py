"""One table says what every metric is called and means; pages and tables are made from it."""

import json

import pytest

from gan_inversion.core.errors import UserError
from gan_inversion.metrics.catalogue import form, kind_of, kinds, names_of, title
from gan_inversion.metrics.reconstruction import PER_IMAGE
from gan_inversion.reporting.pages import metrics_page
from tests.conftest import ROOT


def test_every_metric_of_every_published_record_is_of_a_kind():
    paths = list((ROOT / "results/records").glob("*/*.json"))
    names = {name for path in paths for name in json.loads(path.read_text())["metrics"]}
    assert len(names) > 500
    assert all(kind_of(name) for name in names)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("facenet/sar_type1@fmr=1e-3", "type-I SAR at FMR 0.1 %"),
        ("gap_dlib/sar_type1@fmr=1e-3", "adversarial gap at FMR 0.1 %"),
        ("sface/sar_type2_best16@fmr=1e-3", "best of 16 at FMR 0.1 %"),
        ("image/threshold/log_mse/tpr@fpr=1e-2", "TPR at FPR 1 %"),
        ("swd/mean", "SWD mean"),
        ("swd/80", "SWD 80"),
        ("kid/facenet_mixed_6a", "KID, facenet_mixed_6a"),
    ],
)
def test_a_column_is_called_what_the_table_says(name, expected):
    assert title(name) == expected
    assert title(name, condition=False) == expected.partition(" at ")[0]


def test_forms_are_shorter_where_a_table_sums_up():
    assert form("ssim") == ".4f" and form("ssim", short=True) == ".3f"
    assert form("swd/80") == form("swd/80", short=True) == ".1f"


def test_a_metric_that_nobody_declared_is_a_sentence():
    with pytest.raises(UserError, match=r"'facenet/luck' is no kind of metric"):
        title("facenet/luck")


def test_every_measure_of_an_image_is_a_column():
    assert set(PER_IMAGE) <= set(names_of("quality"))


def test_every_kind_says_what_it_means():
    names = [kind.name for kind in kinds()]
    assert len(names) == len(set(names)) > 40
    for kind in kinds():
        assert kind.title and len(kind.meaning) > 10 and not kind.meaning.endswith("."), kind.name
        format(0.5, kind.form)


def test_the_page_is_that_of_the_table():
    assert (ROOT / "docs/metrics.md").read_text("utf-8") == metrics_page()
