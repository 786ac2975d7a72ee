"""The page for teachers has each page, a plate of it, and each exercise, once."""

import re

import pytest

from tools.notebooks.exercises import exercises
from tools.notebooks.plain_form import read
from tools.notebooks.prose import headings
from tools.run_notebooks import ROOT

NOTEBOOKS = {path.stem: read(path) for path in (ROOT / "chapters").glob("*.ipynb")}
LECTURES = (ROOT / "teaching.md").read_text("utf-8").split("\n## Lecture ")[1:]
PAGE = re.compile(
    r"^\| \[(?P<title>[^]]+)\]\(chapters/(?P<page>\w+)\.ipynb\) "
    r"\| (?P<ask>[^|]+) \| (?P<show>[^|]+) \|$",
    re.MULTILINE,
)
EXERCISE = re.compile(
    r"^\| \[(?P<title>[^]]+)\]\(chapters/(?P<page>\w+)\.ipynb#(?P<anchor>[\w-]+)\) "
    r"\| to (?P<trains>[^|]+) \|$",
    re.MULTILINE,
)
ROWS = [row for lecture in LECTURES for row in PAGE.finditer(lecture)]


def anchor(heading):
    """Return what a link to a heading ends with."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def titles(page):
    """Return the headings of a page, the question first."""
    cells = NOTEBOOKS[page].cells
    markdown = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return [text for source in markdown for _, text in headings(source)]


def figures(page):
    """Return the names of the figures of a page."""
    found = [c.metadata.get("mystnb", {}).get("figure") for c in NOTEBOOKS[page].cells]
    return [figure["name"] for figure in found if figure]


def wanted(page):
    """Return the row of each exercise of a page, but for what it trains."""
    for each in exercises(NOTEBOOKS[page]):
        place = f"chapters/{page}.ipynb#{anchor(each.heading)}"
        yield f"| [{each.heading.partition(': ')[2]}]({place}) |"


def test_there_are_four_lectures():
    assert [lecture[0] for lecture in LECTURES] == ["1", "2", "3", "4"]


def test_each_page_is_in_one_lecture():
    rows = [row["page"] for row in ROWS]
    missing = [
        f"| [{titles(page)[0]}](chapters/{page}.ipynb) | ask first | show |"
        for page in sorted(NOTEBOOKS.keys() - {*rows})
    ]
    assert not missing, "\n".join(["add to a lecture of teaching.md:", *missing])
    assert sorted(rows) == sorted(NOTEBOOKS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["page"])
def test_a_page_goes_by_its_title_and_shows_a_figure_of_its_own_if_it_has_any(row):
    page = row["page"]
    assert row["title"] == titles(page)[0]
    shown = re.findall(r"\{numref\}`(fig-[\w-]+)`", row["show"])
    linked = re.findall(r"\(chapters/(\w+)\.ipynb#([\w-]+)\)", row["show"])
    if figures(page):
        assert shown[0] in figures(page)
    else:
        assert linked[0] in [(page, anchor(title)) for title in titles(page)]
    assert len(shown) + len(linked) == 1


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda lecture: lecture[0])
def test_the_exercises_of_a_lecture_are_those_of_its_pages_in_their_order(lecture):
    rows = [row[0].partition(" | ")[0] + " |" for row in EXERCISE.finditer(lecture)]
    of_its_pages = [
        each for row in PAGE.finditer(lecture) for each in wanted(row["page"])
    ]
    missing = [each for each in of_its_pages if each not in rows]
    gone = [each for each in rows if each not in of_its_pages]
    assert not missing, "\n".join(["add to its lecture of teaching.md:", *missing])
    assert not gone, "\n".join(["no exercise of the lecture's pages:", *gone])
    assert rows == of_its_pages


def test_every_row_of_a_table_is_read():
    lines = "\n".join(LECTURES).splitlines()
    heads = "| page |", "| exercise |", "| --- |"
    rows = [x for x in lines if x.startswith("|") and not x.startswith(heads)]
    unread = [x for x in rows if not PAGE.fullmatch(x) and not EXERCISE.fullmatch(x)]
    assert unread == []
