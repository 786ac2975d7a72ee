"""The time of a page: its prose and the code that it shows, exercises apart."""

import doctest

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import reading_time
from tools.reading_time import ROOT, Reading, read, reading, stated

LONGEST = 30  # minutes: what one reads at a sitting
PAGES = sorted((ROOT / "chapters").glob("*.ipynb"))

OPENING = """\
# One word?

:::{admonition} The question
:class: tip
*You need:* little. *Time:* an hour, or 1.5. And more.
:::"""


def code(lines, *tags, caption=""):
    metadata = {"tags": list(tags), "mystnb": {"figure": {"caption": caption}}}
    return new_code_cell("x = 1\n\n" * lines, metadata=metadata)


def test_prose_captions_and_shown_code_count_and_exercises_are_apart():
    page = new_notebook(
        cells=[
            new_markdown_cell("# Three words here?\n\n`code` $a + b$\n\n> quoted"),
            code(7, "hide-input"),
            code(4, caption="Five, with this long caption."),
            code(2, "check"),
            code(9, "remove-cell"),
            new_markdown_cell("Two words.\n\n## Exercises\n\n### Exercise 1: None"),
            code(8, "hide-cell", caption="And none."),
            new_markdown_cell("### Exercise 2: None\n\nNone.\n\n## Again\n\nOne."),
            code(1),
        ]
    )
    assert reading(page) == Reading(words=3 + 2 + 5 + 2 + 2, lines=7, exercises=2)


def test_minutes_are_rounded_up_to_five():
    assert Reading(words=1).minutes == 5
    assert Reading(words=750).minutes == 5
    assert Reading(words=751).minutes == 10
    assert Reading(words=750, lines=1).minutes == 10


def test_the_time_that_is_stated_is_written_anew(tmp_path, monkeypatch):
    page = tmp_path / "01_page.ipynb"
    notebook = new_notebook(cells=[new_markdown_cell(OPENING), code(51)])
    page.write_text(reading_time.to_text(notebook), "utf-8")
    landing = tmp_path / "intro.md"
    landing.write_text(
        ":link: chapters/00_other\nOther · 5 minutes\n"
        ":link: chapters/01_page\n:link-type: doc\nPage · 5 minutes · 1 exercise\n"
    )
    monkeypatch.setattr(reading_time, "ROOT", tmp_path)
    reading_time.main(["--write", str(page)])
    assert stated(reading_time.read(page)) == "10 minutes."
    assert (
        "*Time:* 10 minutes. And more.\n:::" in reading_time.read(page).cells[0].source
    )
    assert landing.read_text().endswith("Page · 10 minutes\n")
    assert "Other · 5 minutes\n" in landing.read_text()


def test_the_examples_in_its_docstrings_hold():
    assert doctest.testmod(reading_time).failed == 0


@pytest.mark.parametrize("path", PAGES, ids=[path.stem for path in PAGES])
def test_a_page_says_how_long_it_takes_and_takes_no_longer_than_a_sitting(path):
    notebook = read(path)
    found = reading(notebook)
    assert stated(notebook) == found.sentence()
    assert found.minutes <= LONGEST
