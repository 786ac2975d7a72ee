"""Temperature and alpha: what a reader sets is what the library computes."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.family import family
from tests.browser.live import as_shown

SCORES = [2.0, 1.0, 0.1]
TEMPERATURES = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9, 1, 1.3, 2, 3, 5, 10, 30, 100)
ALPHAS = (0.25, 0.4, 0.5, 0.75, 0.9, 1, 1.05, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4)


def check(figure, by, values, weigh):
    """Set values, and compare what the tables say with Python."""
    for value in values:
        now = figure.set(by, value, powers=by == "temperature")
        weights = weigh(now)
        assert figure.column("Weights", 2) == as_shown(weights)
        measures = [weights.max(), al.entropy(weights), al.effective_support(weights)]
        shown = figure.column("How spread out they are", 1)
        assert shown == as_shown(measures)


def at_temperature(t):
    return al.softmax(np.array(SCORES), temperature=t)


def of_alpha(alpha):
    return al.entmax(np.array(SCORES), alpha)


def test_temperature_gives_the_weights_of_the_library(live):
    check(live(family(SCORES, "", "")), "temperature", TEMPERATURES, at_temperature)


def test_alpha_gives_the_weights_of_the_library(live):
    figure = live(family(SCORES, "", "", by="alpha", value=1.5))
    check(figure, "alpha", ALPHAS, of_alpha)
    assert figure.column("Weights", 2)[2] == 0


def test_the_sentence_says_what_changed(live):
    figure = live(family(SCORES, "", ""))
    figure.set("temperature", 100, powers=True)
    assert "key 1 has 33.7 % of the weight (65.9 % at the start)" in figure.sentence()


@pytest.mark.parametrize(
    "slip",
    [
        ("const now = weigh(scores, knob.value)", "const now = weigh(scores, 1)"),
        ("weightCell(now[i], i)", "weightCell(now[2 - i], i)"),
        ("shown(entropy(now), 4)", "shown(entropy(now), 1)"),
    ],
)
def test_a_slip_is_noticed(live, slip):
    figure = live(family(SCORES, "", ""), slip)
    with pytest.raises(AssertionError):
        check(figure, "temperature", TEMPERATURES, at_temperature)
