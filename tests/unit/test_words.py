"""One word for one thing: what the glossary replaces does not come back."""

import ast
import re

import pytest

from tests.conftest import ROOT

CODE = sorted(
    path
    for package in ("gan_inversion", "baselines", "experiments")
    for path in (ROOT / package).rglob("*.py")
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What is written about older records must name their words.
OLDER = "older.py"
# Replaced -> by what.
WORDS = {
    r"embedders?\b": "recogniser",
    r"\bcritic\b": "discriminator",
    r"\bcredit(s|ed)?\b": "logits of the discriminator",
    r"judge_(width|learning_rate)|train_judge": "discriminator_...",
    r"\bfarm\b(?!_)": "training together",
    r"stage of the flow": "what the module does",
    r"\b(evaluation|training)\.(fit|coarse|reconstruction)\b": "the module's name of today",
}
# Names that do not say what a thing is.
NAMES = {"found", "some", "told", "seen", "said"}


@pytest.mark.parametrize("word", WORDS)
def test_a_replaced_word_stands_nowhere(word):
    places = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (*CODE, *PAGES)
        if path.name != OLDER
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(word, line)
    ]
    assert places == [], f"say {WORDS[word]}"


def test_names_say_what_a_thing_is():
    places = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(node, "id", None) or getattr(node, "arg", None)
            if isinstance(node, ast.Name | ast.arg) and name in NAMES:
                places.append(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    assert places == []


def test_a_docstring_is_a_sentence():
    """Every public function, class and module says what it is in one line that ends with a stop."""
    places = []
    for path in CODE:
        tree = ast.parse(path.read_text("utf-8"))
        for node in (tree, *ast.walk(tree)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node)
                if text and not text.splitlines()[0].endswith((".", ":", "?")):
                    places.append(f"{path.relative_to(ROOT)}: {text.splitlines()[0]}")
    assert sorted(set(places)) == []


def test_a_file_can_be_held_in_the_head():
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in CODE}
    assert {path: length for path, length in lengths.items() if length > 300} == {}
    programs = [n for path, n in lengths.items() if path.parts[0] == "experiments"]
    # Thin, with room for one more: what they call lives in the packages.
    assert max(programs) <= 130 and sum(programs) <= 67 * len(programs)
