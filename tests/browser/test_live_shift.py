"""A shift of all scores moves no weight, unless there is a null option."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.shift import shift
from tests.browser.live import as_shown

OPTION = "a null option, of score 0 and no value"
ROWS = [(2.0, 1.0, 0.1), (-5.0, 5.0, 0.0), (1.3, 1.3, 1.3)]
SHIFTS = (-6.0, -2.5, 0.0, 0.7, 6.0)


def check(figure):
    """Set scores and shifts, without and with the option, and compare with Python."""
    for option in (False, True):
        if option:
            figure.choose(OPTION)
        for row in ROWS:
            for place, score in enumerate(row, 1):
                figure.set(f"score {place}", score)
            for by in SHIFTS:
                figure.set("shift of all three", by)
                compare(figure, np.array(row), by, option)


def compare(figure, row, by, option):
    weigh = al.softmax1 if option else al.softmax
    weights = weigh(row + by)
    shown = figure.column("Weights", 3)
    rest = 1 - weights.sum() if option else np.nan
    assert shown == as_shown([*weights, rest, weights.sum()])
    shifted = [cells[2] for cells in figure.table("Weights")][:3]
    assert [float(x.replace("−", "-")) for x in shifted] == as_shown(row + by, 1)
    moved = abs(weights - weigh(row)).max()
    assert f"moves the weights by {moved:.4f} at most" in figure.sentence()


def test_weights_are_those_of_the_library(live):
    check(live(shift([2.0, 1.0, 0.1], "", "")))


@pytest.mark.parametrize(
    "slip",
    [
        ("softmax1(row) : softmax(row)", "softmax(row) : softmax(row)"),
        ("row.map((s) => s + c)", "row.map((s) => s * c)"),
        ("weightCell(1 - kept, 3)", "weightCell(kept, 3)"),
    ],
)
def test_a_slip_is_noticed(live, slip):
    figure = live(shift([2.0, 1.0, 0.1], "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
