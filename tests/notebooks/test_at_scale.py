"""What chapter 7 asserts is false of wrong attention, and of wrong counts.

Each slip is made in the code of the page, or in the library under it, and one of the
page's own checks must fail.
"""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import attention_lib as al
from tools.notebooks.cells import code_cells
from tools.notebooks.plain_form import read
from tools.run_notebooks import ROOT

COST, MACHINES = "07_at_scale", "07b_many_machines"


def code_of(page):
    """Give the code of a page up to its exercises; nothing is drawn to a window."""
    mpl.use("agg")
    notebook, found = read(ROOT / "chapters" / f"{page}.ipynb"), []
    end = next(
        index
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown" and "## Exercises" in cell.source
    )
    for index, cell in code_cells(notebook):
        if index < end:
            # Without the style of figures, which would start a shell.
            found.append(cell.source.replace("book.set_up()", ""))
    return found


CODE = {page: code_of(page) for page in (COST, MACHINES)}


def run(page, wrong=None, right=None):
    names = {}
    for source in CODE[page]:
        if wrong:
            source = source.replace(right, wrong)
        exec(source, names)


@pytest.fixture(autouse=True)
def figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("page", CODE)
def test_the_checks_of_the_page_pass(page):
    run(page)


SLIPS = [
    (COST, "operations = 4 * n", "operations = 2 * n"),
    (COST, "math.ceil(queries / block) if block else 1", "1"),
    (COST, "moved += 4 * queries", "moved += 2 * queries"),
    (COST, "return itemsize * moved", "return 4 * moved + 10**9"),
    (COST, "state = al.merge(state, fresh)", "state = fresh"),
    (COST, "get_traced_memory()[1]", "get_traced_memory()[0]"),
    (COST, "(weigh(scores) > 0)", "(weigh(scores) > -1)"),
    (COST, "rows[:, 0] = 10.0", "rows[:, 0] = 8.0"),
    (COST, "rate = timed", "rate = 10 * timed"),
    (MACHINES, "state = al.merge(state, of_process)", "state = of_process"),
    (MACHINES, "- sparsemax(scores).max()", "- 1"),
    (MACHINES, "weighed = sum(a.sum() for a in above)", "weighed = above[0].sum()"),
    (
        MACHINES,
        "slope = sum(np.count_nonzero(a) for a in above)",
        "slope = max(1, np.count_nonzero(above[0]))",
    ),
    (MACHINES, "if abs(weighed - 1) < tol:", "if True:"),
    (MACHINES, "held = [held[-1], *held[:-1]]", "pass"),
    (MACHINES, "if step < 4:", "if step < 5:"),
    (MACHINES, "mine[:, None] >= theirs", "np.tri(24, dtype=bool)"),
    (MACHINES, "places[(p - step) % 4]", "places[p]"),
    (MACHINES, "np.arange(p, 96, 4)", "np.arange(24 * p, 24 * p + 24)"),
    (MACHINES, "heads * (d + 2) * 4", "heads * (d + 2) * 4 * 30"),
    (MACHINES, "* kv_heads * d * 2  #", "* heads * d * 2  #"),
    (MACHINES, "moved = (gpus - 1)", "moved = gpus"),
    (MACHINES, "* heads / 2 / gpus", "* heads / gpus"),
]


@pytest.mark.parametrize(("page", "right", "wrong"), SLIPS)
def test_a_slip_on_the_page_is_noticed_by_a_check_of_it(page, right, wrong):
    assert any(right in source for source in CODE[page])
    with pytest.raises((AssertionError, RuntimeError)):
        run(page, wrong, right)


def without_rescaling(a, b):
    if a.weighting is None or b.weighting is None:
        return b if a.weighting is None else a
    return replace(a, out=a.out + b.out, total=a.total + b.total)


def undivided(state):
    return state.out


def uniform(query, key, value, attn_mask=None, **_):
    return part(query, 0 * key, value, attn_mask)


part = al.partial_attention
IMPOSTORS = [
    ("merge", without_rescaling),
    ("finalize", undivided),
    ("partial_attention", uniform),
]


@pytest.mark.parametrize("page", CODE)
@pytest.mark.parametrize(("name", "wrong"), IMPOSTORS)
def test_an_impostor_in_the_library_is_noticed_by_the_page(
    monkeypatch, page, name, wrong
):
    monkeypatch.setattr(al, name, wrong)
    with pytest.raises(AssertionError):
        run(page)


@pytest.mark.parametrize("page", CODE)
def test_softmax_in_the_place_of_sparsemax_is_noticed(monkeypatch, page):
    monkeypatch.setattr(al, "sparsemax", al.softmax)
    with pytest.raises((AssertionError, RuntimeError)):
        run(page)
