"""A query that is dragged: by sliders, by a mouse, by a finger, under three rules."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.drag import drag
from tests.browser.live import as_shown

ANGLES = np.array([0.3, 1.4, 2.4])
KEYS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
VALUES = np.array([[1.0, 3.5], [3.5, 0.5], [2.8, 2.8]])
QUERIES = [(1.5, 0.0), (-1.5, 1.5), (0.0, 0.0), (0.35, -1.2), (-0.05, 0.1)]
RULES = {
    "softmax": al.softmax,
    "score / sum": lambda scores: scores / scores.sum(),
    "best key only": al.hardmax,
}


@pytest.fixture
def widget():
    frame = [-1.0, 6.0]
    return drag(KEYS, VALUES, "", "", query=[0.5, 0.5], sharpness=2.0, frame=frame)


def check(figure, rule):
    """Compare what the tables say of the query, wherever it is, with Python."""
    query = [
        float(figure.control(f"query, {name}").input_value())
        for name in ("across", "up")
    ]
    scores = 2.0 * KEYS @ query
    with np.errstate(invalid="ignore"):
        weights = RULES[rule](scores)
    assert figure.column("Weights", 1) == as_shown(scores, 2)
    assert figure.column("Weights", 2) == as_shown(weights)
    assert figure.column("Output", 1) == as_shown(weights @ VALUES)
    return query, weights


def move(figure, query):
    figure.set("query, across", query[0])
    figure.set("query, up", query[1])


@pytest.mark.parametrize("rule", RULES)
def test_two_sliders_move_the_query(live, widget, rule):
    figure = live(widget)
    figure.choose(rule)
    for query in QUERIES:
        move(figure, query)
        moved, weights = check(figure, rule)
        assert moved == pytest.approx(query)
        if np.isnan(weights).any():
            assert "there are no weights" in figure.sentence()
        else:
            assert ("out of the triangle" in figure.sentence()) == (weights < 0).any()


@pytest.mark.parametrize("touch", [False, True])
def test_a_pointer_moves_the_query(live, widget, browser, touch):
    context = browser.new_context(has_touch=touch)
    figure = live(widget, in_context=context)
    plane = figure.figure.locator("svg.aw-drag")
    plane.scroll_into_view_if_needed()
    drawn = figure.figure.locator(".aw-grip").bounding_box()
    box = plane.bounding_box()
    start = drawn["x"] + drawn["width"] / 2, drawn["y"] + drawn["height"] / 2
    # Half of the way from the middle to the left, and a third of that up.
    end = box["x"] + box["width"] * (0.5 - 0.2), box["y"] + box["height"] * (0.5 - 0.1)
    (finger if touch else mouse)(figure.page, start, end)
    query, _ = check(figure, "softmax")
    # In the drawing's own units, 260 of 300 are the range from -1.5 to 1.5.
    assert query == pytest.approx([-0.2 * 300 / 260 * 3, 0.1 * 300 / 260 * 3], abs=0.05)
    context.close()


def mouse(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def finger(page, start, end):
    touch = page.context.new_cdp_session(page)

    def send(kind, *points):
        at = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    send("touchStart", start)
    for part in (0.25, 0.5, 0.75, 1):
        send("touchMove", np.add(start, part * np.subtract(end, start)).tolist())
    send("touchEnd")


SLIPS = [
    ("sharpness * dot(key, q)", "dot(key, q)"),
    ("const q = [across.value, up.value]", "const q = [up.value, across.value]"),
    ("const out = average(now, values)", "const out = average(softmax(now), values)"),
    ("shown(out[0], 4)", "shown(out[1], 4)"),
]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(live, widget, slip):
    figure = live(widget, slip)
    move(figure, QUERIES[3])
    with pytest.raises(AssertionError):
        check(figure, "softmax")
