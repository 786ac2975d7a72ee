"""The table of maps and tasks: what is saved, all of it, and where nothing is."""

import html.parser
import json
from pathlib import Path

import numpy as np
import pytest

from attention_lib.book import experiments
from attention_lib.book.task_table import COLUMNS, TaskTable, table, task_table

RESULTS = Path(experiments.__file__).parent / "results"
CELLS = table()


class Cells(html.parser.HTMLParser):
    """The cells of a table: their tag, their attributes, and their words."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag in ("th", "td"):
            self.found.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        if tag == "table":
            self.found.append(("", {}, []))

    def handle_data(self, data):
        if self.found and data.strip():
            self.found[-1][2].append(data)


def shown(name, column):
    """Give the cell of a map in the column of this name."""
    (cell,) = [c for c in CELLS if (c.name, c.column.name) == (name, column)]
    return cell


def test_every_map_has_a_cell_in_every_task_and_no_row_is_empty():
    rows = TaskTable(CELLS).rows
    assert list(TaskTable(CELLS).columns) == list(COLUMNS)
    assert len(CELLS) == len(rows) * len(COLUMNS)
    for cells in rows.values():
        assert any(cell.each is not None for cell in cells)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_column_has_what_is_saved_of_every_map_that_was_run(column):
    saved = json.loads((RESULTS / f"{column.experiment}.json").read_text("utf-8"))
    result = saved["result"]
    wanted = [c for c in result["cells"] if column.wanted.items() <= c.items()]
    run = [c for c in CELLS if c.column == column and c.each is not None]
    assert {c.name for c in run} == {c["map"] for c in wanted}
    assert len(run) == len(wanted)
    by_name = {c["map"]: c for c in wanted}
    for cell in run:
        own = by_name[cell.name]
        measures = [own[name] for name in column.measures]
        if column.length is not None:
            measures = [each[column.length] for each in measures]
        expected = np.array(measures).sum(0) / len(measures)
        assert len(cell.each) == result["settings"]["replicas"]
        np.testing.assert_allclose(cell.each, expected)
        assert cell.rate == own["rate"]


def test_numbers_and_limits_by_hand():
    # Read off the saved results.
    softmax = shown("softmax", "needle, 16384 keys")
    share = experiments.cell_of("needle", map="softmax")["share"]["16384"]
    assert softmax.mean == f"{sum(share) / 5:.3g}"
    assert softmax.limit == 1
    one = shown("softmax", "match or nothing, no BOS")
    assert one.limit == pytest.approx(0.5 / 17, abs=1e-5)
    saved = experiments.cell_of("match_or_nothing", map="softmax", bos=False)
    both = [saved["hit_error"][0], saved["miss_error"][0]]
    assert one.each[0] == pytest.approx(sum(both) / 2)
    assert shown("sparsemax", "Bayes look-up, 32 pairs").limit is None


def test_a_map_that_was_not_run_says_so_and_a_rate_at_the_end_does_too():
    assert str(shown("tanh", "needle, 16 keys")) == "tanh, needle, 16 keys: not run"
    last = shown("linear", "Bayes look-up, 32 pairs")
    assert str(last).endswith("rate 0.3, the last tried")
    assert str(shown("softmax", "needle, 16 keys")).endswith("rate 0.1")


def test_small_and_negative_numbers_are_written_plainly():
    assert "e-" not in repr(task_table())
    assert shown("softmax", "count, 256 tokens").mean.startswith("−")


def test_the_table_is_shown_with_scopes_and_every_number():
    found = Cells(task_table()._repr_html_()).found
    heads = [words for _, a, words in found if a.get("scope") == "col"]
    assert heads == [["map"], *([column.name] for column in COLUMNS)]
    names = [words for _, a, words in found if a.get("scope") == "row"]
    assert names == [[name] for name in TaskTable(CELLS).rows]
    entries = [(a["title"], words) for tag, a, words in found if tag == "td"]
    assert entries == [(str(c), [c.mean, *c.words]) for c in CELLS]


def test_a_wide_table_scrolls_and_what_it_measures_is_folded_below():
    text = task_table()._repr_html_()
    inside, _, below = text.partition("</div>")
    assert inside.startswith('<div class="pst-scrollable-table-container">')
    assert "</table>" in inside
    assert below.strip().startswith("<details")
    assert [below.count(f"<dt>{column.name}</dt>") for column in COLUMNS] == [
        1 for _ in COLUMNS
    ]


def test_the_table_in_plain_text_has_the_same_numbers():
    blocks = repr(task_table()).split("\n\n")
    for column, block in zip(COLUMNS, blocks, strict=True):
        head, *lines = block.splitlines()
        assert head == f"{column.name}: {column.says}"
        cells = [c for c in CELLS if c.column == column]
        run = [c for c in cells if c.each is not None]
        for cell, line in zip(run, lines, strict=False):
            name, numbers = line.split("  ")[1:][0], line.split("  ")[-1]
            assert name == cell.name
            assert numbers.strip() == "; ".join((cell.mean, *cell.words))
        rest = [c.name for c in cells if c.each is None]
        assert lines[len(run) :] == [f"  not run: {', '.join(rest)}"] * bool(rest)


def test_some_columns_and_maps_can_be_asked_for_in_any_order():
    cells = table(COLUMNS[3:1:-1], ["relu", "softmax"])
    assert [c.name for c in cells] == ["relu", "relu", "softmax", "softmax"]
    assert [c.column for c in cells[:2]] == [COLUMNS[3], COLUMNS[2]]
    assert repr(TaskTable([])) == ""
