"""A walk that changes weights, and not their output."""

import numpy as np
import pytest

import attention_lib as al
from attention_lib.book.live.nullspace import nullspace, others
from tests.browser.live import as_shown, number

RNG = np.random.default_rng(0)
VALUES, WEIGHTS = RNG.normal(size=(6, 2)), al.softmax(RNG.normal(size=6))
STAYS = "the output has moved by less than 10⁻¹²."


@pytest.fixture
def widget():
    return nullspace(WEIGHTS, VALUES, "", "")


def check(figure):
    """Walk along every direction, and compare weights and output with Python."""
    for direction, far in enumerate(others(WEIGHTS, VALUES), 1):
        figure.choose(f"{direction}")
        for percent in (0, 1, 37, 100):
            figure.set("walked, in percent", percent)
            assert figure.column("Weights", 2) == as_shown(far)
            compare(figure, WEIGHTS + percent / 100 * (far - WEIGHTS))


def compare(figure, weights):
    assert figure.column("Weights", 1) == as_shown(WEIGHTS)
    assert figure.column("Weights", 3) == as_shown(weights)
    digits = [row[1] for row in figure.table("Output")]
    assert digits[::2] == digits[1::2]  # twelve of them, at the start and now
    assert list(map(number, digits[1::2])) == as_shown(WEIGHTS @ VALUES, 12)
    said, elsewhere = figure.sentence(), abs(weights - WEIGHTS).sum() / 2
    assert number(said.partition(" %")[0]) == as_shown(100 * elsewhere, 1)
    assert f"key {weights.argmax() + 1} has the most" in said
    assert said.endswith(STAYS)


def test_weights_walk_and_the_output_stays(live, widget):
    check(live(widget))


@pytest.mark.parametrize("way", [0, 1, 2])
def test_each_other_row_is_a_row_of_weights_with_the_same_output(way):
    other = others(WEIGHTS, VALUES)[way]
    assert other.min() == pytest.approx(0, abs=1e-15)
    assert (other >= 0).all()
    assert other.sum() == pytest.approx(1, abs=1e-12)
    assert other @ VALUES == pytest.approx(WEIGHTS @ VALUES, abs=1e-12)
    assert abs(other - WEIGHTS).sum() > 0.3


SLIPS = [
    ("+ part * other[i]", "+ part * other[5 - i]"),
    ("(1 - part) * w", "w"),
    ("weightCell(now[i], i)", "weightCell(w, i)"),
    ("shown(out[i], 12)", "shown(out[i], 2)"),
]


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_noticed(live, widget, slip):
    figure = live(widget, slip)
    with pytest.raises(AssertionError):
        check(figure)


def test_a_direction_that_is_seen_moves_the_output(live, widget):
    widget.state["others"][0] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    figure = live(widget)
    figure.set("walked, in percent", 10)
    assert not figure.sentence().endswith(STAYS)
