"""Two halves of a row: their states, at each step of their merging."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.halves import halves
from tests.browser.live import as_shown, number

VALUES = [1.0, 2.0, 3.0, 4.0]
ROWS = [(2.0, 1.0, 0.1, 3.0), (4.0, 4.0, -4.0, -4.0), (0.0, 0.5, 0.5, 0.0)]
DONE = "document.querySelector('figure.aw input[id$=\"5\"]').value === '100'"


def state(scores, values, measure):
    """Give a state by its definition, measured by any number."""
    positive = np.exp(np.array(scores) - measure)
    total, out = positive.sum(), positive @ values
    return [measure, total, out, out / total]


def check(figure):
    """Set scores, merge by steps, and compare the three states with Python."""
    for row in ROWS:
        for place, score in enumerate(row, 1):
            figure.set(f"score {place}", score)
        for percent in (0, 20, 50, 75, 100):
            figure.set("merged, in percent", percent)
            compare(figure, row, percent)


def compare(figure, row, percent):
    rows = [[number(x) for x in cells[1:]] for cells in figure.table("States")]
    shown = list(zip(*rows, strict=True))
    shrunk = min(percent / 50, 1)
    for half, found in zip((slice(0, 2), slice(2, 4)), shown, strict=False):
        measure = max(row[half]) + shrunk * (max(row) - max(row[half]))
        expected = state(row[half], VALUES[half], measure)
        assert found[0] == as_shown(measure, 2)
        assert found[1:] == as_shown(tuple(expected[1:]))
    if percent < 100:
        assert np.isnan(shown[2]).all()
    else:
        assert shown[2] == as_shown(tuple(state(row, VALUES, max(row))))
        assert shown[2][3] == as_shown(al.softmax(np.array(row)) @ VALUES)


def test_states_are_those_of_the_definition(live):
    check(live(halves(ROWS[0], VALUES, "", "")))


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_button_merges_them(live, motion):
    figure = live(halves(ROWS[0], VALUES, "", ""))
    figure.page.emulate_media(reduced_motion=motion)
    figure.figure.get_by_role("button", name="Merge").press("Enter")
    if motion == "reduce":
        assert figure.page.evaluate(DONE)
    figure.page.wait_for_function(DONE)
    compare(figure, ROWS[0], 100)
    assert figure.sentence().startswith("Merged: the total is 1.5")


@pytest.mark.parametrize(
    "slip",
    [
        ("* shrink)", "* 0)"),
        ("total: left.total + right.total", "total: left.total + left.total"),
        ("=> shown(total, 4)", "=> shown(total / 2, 4)"),
    ],
)
def test_a_slip_is_noticed(live, slip):
    figure = live(halves(ROWS[0], VALUES, "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
