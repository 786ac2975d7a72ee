"""The figure of the trained tasks has the numbers that are saved, and no others."""

import pytest
from bs4 import BeautifulSoup

from attention_lib.book.live.tasks import ranked, tasks
from attention_lib.book.task_table import COLUMNS, TaskTable, table

NAMES = ["softmax", "sparsemax", "relu/n", "raw"]
WIDGET = tasks(COLUMNS, NAMES, "", "")


def test_each_cell_of_the_state_is_a_saved_one():
    saved = TaskTable(table(COLUMNS, NAMES)).rows
    assert [row["map"] for row in WIDGET.state["rows"]] == list(saved)
    for row in WIDGET.state["rows"]:
        for cell, found in zip(saved[row["map"]], row["cells"], strict=True):
            assert found["mean"] == cell.mean
            if cell.each is not None:
                assert found["at"] == pytest.approx(cell.each.mean())
                assert found["ends"] == [cell.each.min(), cell.each.max()]
                assert found["range"] == cell.words[0]
                limit = "–" if cell.limit is None else cell.words[1]
                assert found["limit"] == limit


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_where_no_script_runs_the_best_of_the_first_task_is_on_top(column):
    html = tasks([column], NAMES, "", "").fallback
    rows = BeautifulSoup(html, "html.parser").tbody.find_all("tr")
    cells = ranked(table([column], NAMES))
    assert [row.th.text for row in rows] == [cell.name for cell in cells]
    assert [row.td.text for row in rows] == [cell.mean for cell in cells]
