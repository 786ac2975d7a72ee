"""A lead and a length, set by sliders, by a mouse, by a finger."""

import math

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.heat import STOPS, heat
from tests.browser.live import as_shown
from tests.browser.test_live_drag import finger, mouse

SETTINGS = [(5.0, 16), (0.0, 2), (18.0, STOPS[-1]), (0.0, STOPS[-1]), (6.9, 1024)]


def check(figure):
    """Set leads and lengths, and compare with Python."""
    for lead, keys in SETTINGS:
        figure.set("lead", lead)
        figure.set("number of keys", STOPS.index(keys))
        compare(figure, lead, keys)


def compare(figure, lead, keys):
    weight = al.softmax(np.append(lead, np.zeros(keys - 1)))[0]
    half = math.log(keys - 1)
    expected = [weight, 1 - weight, half, half + math.log(9)]
    assert figure.column("The leading key", 1) == as_shown(expected)
    said = figure.sentence()
    assert f"a lead of {lead:.1f} among {keys:,} keys" in said
    assert f"half takes a lead of {half:.2f}, the logarithm of {keys - 1:,}" in said


def test_the_weight_is_that_of_the_library(live):
    check(live(heat("", "")))


def test_the_colours_are_weights_and_the_line_is_where_they_are_a_half(live):
    figure = live(heat("", ""))
    rects = figure.figure.locator("svg rect")
    depths = rects.evaluate_all("all => all.map(r => +r.getAttribute('fill-opacity'))")
    depths = np.reshape(depths, (len(STOPS), -1)) / 0.6
    leads = (np.arange(depths.shape[1]) + 0.5) * 18 / depths.shape[1]
    for keys, column in zip(STOPS, depths, strict=True):
        odds = np.exp(leads) / (keys - 1)
        assert column == pytest.approx(odds / (1 + odds), abs=2e-3)
    curve = figure.figure.locator("svg polyline").nth(1).get_attribute("points")
    heights = [float(point.split(",")[1]) for point in curve.split()]
    assert heights == pytest.approx([220 - 205 * math.log(n - 1) / 18 for n in STOPS])


@pytest.mark.parametrize("touch", [False, True])
def test_a_pointer_moves_both(live, browser, touch):
    context = browser.new_context(has_touch=touch)
    figure = live(heat("", ""), in_context=context)
    plane = figure.figure.locator("svg.aw-drag")
    plane.scroll_into_view_if_needed()
    grip = figure.figure.locator(".aw-grip").bounding_box()
    box = plane.bounding_box()
    start = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    # In the drawing's units: the tenth length, and a lead of 12.
    spot = 50 + 270 * 9 / 19, 220 - 205 * 12 / 18
    unit = box["width"] / 340
    end = box["x"] + unit * spot[0], box["y"] + unit * spot[1]
    (finger if touch else mouse)(figure.page, start, end)
    assert float(figure.control("lead").input_value()) == pytest.approx(12, abs=0.15)
    assert STOPS[int(figure.control("number of keys").input_value())] == 1024
    context.close()


SLIPS = [
    ("Math.log(n - 1)])[0]", "Math.log(n)])[0]"),
    ("shown(1 - weight, 4)", "shown(weight, 4)"),
    ("needed + Math.log(9)", "needed"),
    (
        "const [up, n] = [ahead.value, length.value]",
        "const [up, n] = [5, length.value]",
    ),
]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(live, slip):
    figure = live(heat("", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
