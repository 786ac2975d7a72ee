"""The chapters as students get them: a check fails until its names are defined.

Of a page only what its exercises use runs here, in this process. `make notebooks` runs
every page whole, with its solutions, in a kernel of its own.
"""

import functools

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from attention_lib import book
from tests.notebooks.conftest import small_chapter
from tools import exercises as tool
from tools.notebooks.cells import code_cells, tags
from tools.notebooks.exercises import bound_names, exercises, needed_names
from tools.notebooks.plain_form import is_saved_plainly, read, to_text
from tools.notebooks.rules_of_layout import COLUMNS
from tools.run_notebooks import ROOT

PAGES = sorted((ROOT / "chapters").glob("*.ipynb"))


@functools.cache
def solved(path):
    """Return the exercises of a chapter."""
    return exercises(read(path))


CHECKED = [
    pytest.param(path, place, id=f"{path.stem}-{place + 1}")
    for path in PAGES
    for place, each in enumerate(solved(path))
    if not each.is_in_words
]
every_check = pytest.mark.parametrize(("path", "place"), CHECKED)


@functools.cache
def given(path):
    """Return the exercises as students get them."""
    return exercises(tool.without_solutions(read(path)))


@functools.cache
def page(path):
    """Run what the exercises need of the other cells; return what these define."""
    own = {place: cell for each in solved(path) for place, cell in each.cells.items()}
    wanted = set().union(*(needed_names(cell.source) for cell in own.values()))
    sources = []
    for place, cell in reversed([*code_cells(read(path))]):
        if place not in own and wanted & {*bound_names(cell.source)}:
            sources.append(cell.source)
            wanted |= needed_names(cell.source)
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        # The style of a notebook is no concern of the other tests.
        patch.setattr(book, "set_up", lambda: None)
        for source in reversed(sources):
            exec(source, names)
    return names


def run(path, place, solution, **changes):
    """Run a solution and the check of an exercise, and no other solution."""
    names = dict(page(path))
    exec(solution, names)
    names |= {name: change(names[name]) for name, change in changes.items()}
    exec(given(path)[place].code("check"), names)


def solution(path, place):
    return solved(path)[place].code("solution")


def placeholder(path, place):
    """Return the cell that stands where the solution was."""
    return next(iter(given(path)[place].cells.values()))


@every_check
def test_a_check_passes_after_its_solution_alone(path, place):
    run(path, place, solution(path, place))


@every_check
def test_a_check_fails_by_itself_as_long_as_a_name_is_missing(path, place):
    missing = solved(path)[place].to_define()
    with pytest.raises(NameError) as failed:
        run(path, place, placeholder(path, place).source)
    assert failed.value.name in missing


@every_check
def test_a_check_fails_where_any_one_of_the_answers_is_wrong(path, place):
    for name in solved(path)[place].to_define():
        with pytest.raises(AssertionError):
            run(path, place, solution(path, place), **{name: wrong})


def wrong(answer):
    """Spoil an answer, or all that a function answers: its size, sign and order."""
    if callable(answer):
        return lambda *given: wrong(answer(*given))
    if isinstance(answer, int | np.integer):
        return 2 * answer + 1
    if isinstance(answer, list) and all(isinstance(each, str) for each in answer):
        return [*answer, "wrong"]
    answer = np.asarray(answer, dtype=float)
    return 0.4 - answer / 2 + np.arange(answer.size).reshape(answer.shape)


@every_check
def test_what_stands_for_a_solution_names_all_that_is_to_be_defined(path, place):
    cell = placeholder(path, place)
    for name in solved(path)[place].to_define():
        assert name in cell.source
    assert cell.source.startswith("# ")
    assert "\n" not in cell.source
    assert len(cell.source) <= COLUMNS
    assert not tags(cell)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_nothing_else_of_a_page_is_taken_away(path):
    left, whole = tool.without_solutions(read(path)), read(path)
    for old, new in zip(whole.cells, left.cells, strict=True):
        assert (old.cell_type, old.id) == (new.cell_type, new.id)
        if "hide-cell" not in tags(old):
            assert (old.source, old.metadata) == (new.source, new.metadata)
    for _, cell in code_cells(left):
        assert (cell.execution_count, cell.outputs) == (None, [])


def test_an_exercise_in_words_has_a_place_for_them():
    asked = new_markdown_cell("### Exercise 1: Why?\n\nSay it.\n\n*In words.*")
    said = new_code_cell("# Because.", metadata={"tags": ["hide-cell"]})
    _, cell = tool.without_solutions(new_notebook(cells=[asked, said])).cells
    assert cell.source == "# Answer in words: no check follows."


def test_a_notebook_that_somebody_works_in_is_left_alone(tmp_path, capsys):
    chapter, folder = tmp_path / "01_page.ipynb", tmp_path / "there"
    chapter.write_text(to_text(small_chapter()), "utf-8")
    tool.main([str(chapter), "--into", str(folder)])
    there = folder / chapter.name
    assert is_saved_plainly(there)
    assert "# Define total for the check below." in there.read_text("utf-8")
    there.write_text("work", "utf-8")
    tool.main([str(chapter), "--into", str(folder)])
    assert there.read_text("utf-8") == "work"
    assert capsys.readouterr().out.endswith("there already, and left alone\n")
