"""The saved results, sorted by a task and left out by a kind of rule."""

import numpy as np
import pytest

from attention_lib.book.experiments.maps import get_map
from attention_lib.book.live.tasks import ranked, tasks
from attention_lib.book.task_table import COLUMNS, TaskTable, table

NAMES = ["softmax", "off-by-one", "sparsemax", "sig", "sig/Σ", "raw"]
TASKS = [
    c
    for c in COLUMNS
    if c.name in ("trigger, no BOS", "count, 256 tokens", "needle, 16384 keys")
]
GROUPS = {"all": (True, False), "sum to one": (True,), "do not": (False,)}


def sums(name):
    scores = np.random.default_rng(1).normal(size=7)
    return abs(get_map(name)(scores).sum() - 1) < 1e-9


def check(figure):
    """Choose every task and group, and compare the rows with what is saved."""
    found = TaskTable(table(TASKS, NAMES)).rows
    for place, column in enumerate(TASKS):
        figure.choose(column.name)
        for group, wanted in GROUPS.items():
            figure.choose(group)
            kept = [
                cells[place] for name, cells in found.items() if sums(name) in wanted
            ]
            compare(figure, ranked(kept), column)


def compare(figure, cells, column):
    rows = figure.table("Results")
    assert [row[0] for row in rows] == [cell.name for cell in cells]
    assert [row[1] for row in rows] == [cell.mean for cell in cells]
    ranges = [cell.words[0] if cell.words else "" for cell in cells]
    assert [row[2] for row in rows] == ranges
    run = [cell for cell in cells if cell.each is not None]
    if not run:
        assert "None of these rules was run" in figure.sentence()
        return
    best = run[0]
    assert figure.sentence().startswith(f"{best.name} is first, at {best.mean}")
    assert column.says in figure.sentence()
    low, high = best.each.min(), best.each.max()
    level = [c.name for c in run[1:] if c.each.min() <= high and c.each.max() >= low]
    alone = "apart from all others" in figure.sentence()
    assert alone == (not level)
    assert all(name in figure.sentence() for name in level)


def test_each_task_has_its_own_order(live):
    check(live(tasks(TASKS, NAMES, "", "")))


def test_the_best_of_some_cells_is_the_one_with_the_best_mean():
    for column in TASKS:
        cells = ranked(table([column], NAMES))
        means = [cell.each.mean() for cell in cells if cell.each is not None]
        assert len(means) > 1
        better = max if "more is better" in column.says else min
        assert means[0] == better(means)
        assert [c.each is None for c in cells] == sorted(c.each is None for c in cells)


SLIPS = [
    ("more ? b.at - a.at : a.at - b.at", "a.at - b.at"),
    ('"sum to one": (row) => row.sums', '"sum to one": () => true'),
    ("[each.map, each.mean,", "[each.map, each.limit,"),
    ("row.cells[place]", "row.cells[0]"),
]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(live, slip):
    figure = live(tasks(TASKS, NAMES, "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
