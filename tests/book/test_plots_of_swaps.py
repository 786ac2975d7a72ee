"""The figure of what other maps cost shows the numbers that it is given."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from attention_lib.book.plots_of_swaps import draw_prices

FAMILIES = {"of a sum": ("b", "a", "absent"), "of no sum": ("c", "d")}
PRICES = {
    "a": np.array([0.0, 0.02, 0.01]),
    "b": np.array([3.0, 1.0, 2.0]),
    "c": np.array([0.2, 0.1, 0.3]),
    "d": np.array([np.nan, np.nan, np.nan]),
    "of no family": np.array([1.0, 1.0, 1.0]),
}


@pytest.fixture
def ax():
    ax = Figure().add_subplot()
    draw_prices(ax, PRICES, FAMILIES)
    return ax


def test_maps_stand_in_the_order_of_their_mean_costs_and_the_cheapest_on_top(ax):
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "c", "b", "d"]
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_a_dot_is_a_mean_and_a_line_goes_from_the_least_to_the_most(ax):
    rows = {label.get_text(): label.get_position()[1] for label in ax.get_yticklabels()}
    lines = [line for line in ax.get_lines() if line.get_label() == "_range"]
    ranges = {line.get_ydata()[0]: tuple(line.get_xdata()) for line in lines}
    assert ranges == {
        rows[name]: (PRICES[name].min(), PRICES[name].max()) for name in "abc"
    }
    dots = {
        line.get_label(): line.get_xydata().tolist()
        for line in ax.get_lines()
        if line.get_label() in FAMILIES
    }
    assert dots == {
        "of a sum": [[PRICES[name].mean(), rows[name]] for name in "ba"],
        "of no sum": [[PRICES["c"].mean(), rows["c"]]],
    }


def test_families_differ_by_their_marks_as_well(ax):
    named = [line for line in ax.get_lines() if line.get_label() in FAMILIES]
    assert len({line.get_marker() for line in named}) == 2
    assert len({line.get_color() for line in named}) == 2
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(FAMILIES)


def test_what_overflows_is_said_in_its_row(ax):
    (word,) = ax.texts
    assert word.get_text() == "overflows"
    assert word.xy == (1, 3)


def test_the_axis_takes_costs_below_zero_and_is_written_plainly():
    ax = Figure().add_subplot()
    draw_prices(ax, {"a": np.array([-0.005, 0.005, 20])}, {"one": ("a",)}, (0, 0.1, 5))
    ax.figure.draw_without_rendering()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.1", "5"]
    low, high = ax.get_xlim()
    assert low < -0.005
    assert high > 20
