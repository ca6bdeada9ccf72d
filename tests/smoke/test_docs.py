"""What the documentation shows, runs."""

import importlib
import json
import re
import shlex
import subprocess
import sys

import pytest
import tyro

from gan_inversion.core.options import check_options
from tests.conftest import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGES = [path for path in (ROOT / "docs").glob("*.md") if "```python" in path.read_text("utf-8")]
PAGES.remove(TUTORIAL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_from_top_to_bottom(page):
    run(page)


def run(page):
    """Execute the Python of a page from top to bottom; its blocks."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    namespace = {}
    for block in blocks:
        exec(compile(block, page.name, "exec"), namespace)
    return blocks


def test_the_notebook_is_the_tutorial_and_shows_what_it_prints(capsys):
    blocks = run(TUTORIAL)
    printed = capsys.readouterr().out
    notebook = json.loads(TUTORIAL.with_suffix(".ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert ["".join(cell["source"]) for cell in cells] == [block.rstrip() for block in blocks]
    text = re.sub("```python\n|```", "", TUTORIAL.read_text("utf-8"))
    assert " ".join(" ".join(map("".join, (c["source"] for c in notebook["cells"]))).split()) == (
        " ".join(text.split())
    )
    outputs = [output for cell in cells for output in cell["outputs"]]
    texts = [out for out in outputs if out["output_type"] == "stream"]
    assert {out["name"] for out in texts} == {"stdout"}  # no warning, no log line
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1
    shown = "".join("".join(out["text"]) for out in texts)
    number = re.compile(r"\d+(?:\.\d+)?")
    assert number.sub("0", shown) == number.sub("0", printed)  # the words and the verdicts
    for one, other in zip(number.findall(shown), number.findall(printed), strict=True):
        # Machines round differently: a few per cent, or a few hundredths of a cosine.
        assert float(one) == pytest.approx(float(other), rel=0.05, abs=0.06 if "." in one else 4)


def commands():
    """Every call of a program that README and documentation show: page, program, arguments."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"(?:^ {4}|`|^    KERAS\S+ )python -m experiments\.(.+?)(?:`|$)",
                               text, re.MULTILINE):  # fmt: skip
            program, *arguments = shlex.split(line, comments=True)
            if not any("<" in word or "..." in word for word in arguments):
                yield page.name, program, tuple(word.replace("$", "") for word in arguments)


def test_every_command_that_is_shown_is_one_that_its_program_takes():
    shown = sorted(set(commands()))
    assert len(shown) > 40
    for page, program, arguments in shown:
        options = importlib.import_module(f"experiments.{program}").Options
        try:
            found = tyro.cli(options, args=arguments)
        except SystemExit:
            # A program named without what it cannot do without: it is spoken of, not called.
            assert not arguments, (page, program, arguments)
            continue
        check_options(found)


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
