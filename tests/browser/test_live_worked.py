"""The worked example with other scores, temperatures and lengths."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.worked import STOPS, worked
from tests.browser.live import as_shown

ESSAY = (2.0, 1.0, 0.1)
SETTINGS = [
    (ESSAY, 1.0, 0),
    (ESSAY, 0.5, 20),
    (ESSAY, 0.5, 50),
    ((5.0, -5.0, 0.0), 0.1, 1),
    ((-5.0, -4.9, -3.0), 3.0, 1000),
    ((0.0, 0.0, 0.0), 100.0, 100_000),
]


def check(figure):
    """Set everything, and compare every number with Python."""
    for scores, temperature, added in SETTINGS:
        for place, score in enumerate(scores, 1):
            figure.set(f"score {place}", score)
        t = figure.set("temperature", temperature, powers=True)
        figure.set("keys of score 0 added", STOPS.index(added))
        compare(figure, np.append(scores, np.zeros(added)), t)


def compare(figure, row, t):
    added = len(row) - 3
    positive, weights = np.exp(row / t), al.softmax(row, temperature=t)
    exponentials = figure.column("From scores to weights", 2)
    expected = [*positive[:3], 1.0 if added else np.nan, positive.sum()]
    for found, exact in zip(exponentials, expected, strict=True):
        assert found == pytest.approx(exact, rel=5.1e-5, abs=5.1e-5, nan_ok=True)
    each = weights[3] if added else np.nan
    shown = figure.column("From scores to weights", 3)
    assert shown == as_shown([*weights[:3], each, 1.0])
    measures = figure.column("How focused it is", 1)
    assert measures[0] == len(row)
    assert measures[1:3] == as_shown([weights.max(), al.entropy(weights)])
    assert measures[3] == as_shown(al.effective_support(weights))


def test_every_number_follows(live):
    check(live(worked(ESSAY, "", "")))


def test_what_the_chapter_says_of_half_the_temperature(live):
    figure = live(worked(ESSAY, "", ""))
    figure.set("temperature", 0.5, powers=True)
    firsts = {}
    for added in (4, 20, 50):
        figure.set("keys of score 0 added", STOPS.index(added))
        firsts[added] = figure.column("From scores to weights", 3)[0]
    assert firsts[4] > firsts[20] > 0.5 > firsts[50]


@pytest.mark.parametrize(
    "slip",
    [
        ("softmax(row, heat.value)", "softmax(row, 1)"),
        ("Array(added).fill(0)", "Array(added).fill(1)"),
        ("Math.exp(s / heat.value)", "Math.exp(s)"),
        ("weightCell(now[i], i)]),\nothers", "weightCell(now[2 - i], i)]),\nothers"),
    ],
)
def test_a_slip_is_noticed(live, slip):
    figure = live(worked(ESSAY, "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure)
