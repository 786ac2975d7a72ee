"""Where there is no library, a chapter installs it from a known address, or stops."""

import importlib.util
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attention_lib import __version__
from tools.notebooks.cells import code_cells, tags
from tools.notebooks.first_cell import first_cell
from tools.notebooks.plain_form import read
from tools.notebooks.rules_of_layout import cells_are_short
from tools.run_notebooks import ROOT, not_yet_run
from tools.source_address import source_address

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
# A long one: the line that installs is on no page, so it may be as long.
ADDRESS = "https://github.com/some-organisation-of-readers/why-softmax-the-book"
STOPS = first_cell(None, "1.2.0")
INSTALLS = first_cell(ADDRESS, "1.2.0")


def chapter(code, *tagged):
    cell = new_code_cell(code, metadata={"tags": list(tagged)}, execution_count=1)
    return new_notebook(cells=[new_markdown_cell("# Why?"), cell, new_code_cell("1")])


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.name)
def test_a_chapter_begins_as_the_project_s_address_has_it(path):
    _, first = next(code_cells(read(path)))
    assert tags(first) == {"remove-cell"}
    assert first.source == first_cell(source_address(), __version__)


def test_a_run_writes_the_hidden_cell_and_no_other():
    for address, written in ((None, STOPS), (ADDRESS, INSTALLS)):
        written = written.replace("1.2.0", __version__)
        hidden = not_yet_run(chapter("an old one", "remove-cell"), address)
        assert [c.source for c in hidden.cells] == ["# Why?", written, "1"]
        assert not_yet_run(chapter("shown"), address).cells[1].source == "shown"


def test_without_an_address_it_says_in_one_sentence_what_to_do(monkeypatch):
    exec(STOPS, {})  # where the library is, nothing happens
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError) as stopped:
        exec(STOPS, {})
    assert re.fullmatch(
        r"[^.\n]+attention_lib[^.\n]+`make lab`[^.\n]+\.", str(stopped.value)
    )


def test_with_an_address_it_installs_a_tag_from_there_and_only_where_it_must(
    monkeypatch,
):
    asked = []
    code = re.sub("%pip (.*)", r"pip('\1')", INSTALLS)
    exec(code, {"pip": asked.append})
    assert asked == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    exec(code, {"pip": asked.append})
    assert asked == [f"install -q git+{ADDRESS}@v1.2.0"]
    assert cells_are_short(chapter(INSTALLS, "remove-cell")) == []


@pytest.mark.parametrize("name", ["README.md", "intro.md"])
def test_colab_is_promised_if_a_chapter_can_install_the_library_there(name):
    promised = "Colab" in (ROOT / name).read_text("utf-8")
    assert promised == (source_address() is not None)


def test_nothing_asks_an_index_for_a_name_that_anyone_may_register():
    asks = re.compile(r"pip install\b[^\n`]*?[\s'\"]why-softmax\b")
    assert asks.search("%pip install -q why-softmax")
    places = [*ROOT.glob("*.md"), *ROOT.glob("api/*.md"), *CHAPTERS]
    places += [*(ROOT / "attention_lib").rglob("*.py"), *ROOT.glob(".binder/*")]
    assert [p.name for p in places if asks.search(p.read_text("utf-8"))] == []
