"""What the documentation shows, runs."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PAGES = [path for path in (ROOT / "docs").glob("*.md") if "```python" in path.read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_from_top_to_bottom(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    namespace = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), namespace)


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_site_builds_without_a_warning(tmp_path):
    build = [sys.executable, "-m", "sphinx", "-W", "-q", str(ROOT / "docs"), str(tmp_path)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for source in (ROOT / "docs").glob("*.md"):  # Sphinx has pages of its own, by its own names
        title = source.read_text("utf-8").splitlines()[0].removeprefix("# ")
        assert f"<h1>{title}<a" in (tmp_path / f"{source.stem}.html").read_text("utf-8")
    page = (tmp_path / "inversion.html").read_text("utf-8")
    assert "documented_conv_bn" in page and "<table" in page
