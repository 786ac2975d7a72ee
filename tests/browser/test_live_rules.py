"""Six rules on one row: what a reader sets is what the library computes."""

import numpy as np
import pytest

from attention_lib.book.live.rules import RULES, rules
from attention_lib.book.palette import WEIGHTINGS
from tests.browser.live import as_shown

ROWS = [
    (2.0, 1.0, 0.1),
    (-5.0, -5.0, -4.9),
    (0.0, 0.0, 0.0),
    (5.0, 5.0, -5.0),
    (0.3, 0.2, 1.4),
]
ESSAY = ROWS[0]
CORNERS = np.array([[0.0, 82.0], [94.0, 82.0], [47.0, 0.0]])
COLOURS = {
    "softmax": "softmax",
    "entmax-1.5": "entmax",
    "sparsemax": "sparsemax",
    "sigmoid / sum": "sigmoid",
    "relu / sum": "relu",
}


def check(figure):
    """Set rows, and compare every rule's weights and marks with Python."""
    for row in ROWS:
        for place, score in enumerate(row, 1):
            figure.set(f"score {place}", score)
        compare(figure, np.array(row))


def compare(figure, row):
    shown = figure.table("Weights")
    assert [cells[0] for cells in shown] == list(RULES)
    weights = np.array([weigh(row) for weigh in RULES.values()])
    columns = [figure.column("Weights", key) for key in (1, 2, 3)]
    for key, column in enumerate(columns):
        assert column == as_shown(weights[:, key])
    some = weights.any(-1)
    marks = figure.figure.locator("svg circle.aw-here")
    found = marks.evaluate_all(
        "all => all.map(c => [c.cx, c.cy].map(z => z.baseVal.value))"
    )
    origins = np.array([[10 + 113 * (i % 3), 22 + 140 * (i // 3)] for i in range(6)])
    expected = (weights @ CORNERS + origins)[some]
    assert np.array(found) == pytest.approx(expected, abs=1e-3)
    said = figure.sentence()
    largest = weights.max(-1)
    assert f"{largest[0]:.2f} with softmax and {largest[2]:.2f} with sparsemax" in said
    assert ("No weights at all: relu / sum." in said) == (not some.all())


def test_every_rule_gives_the_weights_of_the_library(live):
    check(live(rules(ESSAY, "", "")))


def test_a_line_shows_where_a_score_leads(live):
    figure = live(rules(ESSAY, "", ""))
    for key in (1, 2, 3):
        figure.choose(f"{key}")
        lines = figure.figure.locator("svg polyline")
        drawn = lines.evaluate_all(
            "all => all.map(line => line.getAttribute('points'))"
        )
        path = np.array([point.split(",") for point in drawn[0].split()], dtype=float)
        row = np.array(ESSAY)
        for place, point in zip(np.linspace(-5, 5, 81), path, strict=True):
            row[key - 1] = place
            expected = RULES["softmax"](row) @ CORNERS + [10, 22]
            assert point == pytest.approx(expected, abs=1e-3)


def test_each_has_the_colour_of_its_plots(live):
    figure = live(rules(ESSAY, "", ""))
    lines = figure.figure.locator("svg polyline")
    strokes = lines.evaluate_all(
        "all => all.map(line => getComputedStyle(line).stroke)"
    )
    names = dict(zip(RULES, strokes, strict=True))
    for name, rule in COLOURS.items():
        colour = WEIGHTINGS[rule].light
        parts = ", ".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
        assert names[name] == f"rgb({parts})"


SLIPS = [
    ("entmax(row, 1.5)", "entmax(row, 1)"),
    ('"sparsemax": sparsemax', '"sparsemax": softmax'),
    ("now[i].map((w) => shown(w, 4))", "now[i].map((w) => shown(w, 1))"),
    (
        "const place = (each) => average(each, corners[i])",
        "const place = (each) => corners[i][0]",
    ),
]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(live, slip):
    figure = live(rules(ESSAY, "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
