"""The figures of a real model's focus show the numbers that they are given."""

import numpy as np
from matplotlib.figure import Figure

from attention_lib.book.plots_of_heads import draw_cost, draw_support


def lines_of(ax):
    return [line.get_xydata().T for line in ax.get_lines()]


def test_every_head_is_a_line_and_the_median_and_the_named_ones_stand_out():
    keys = np.array([32, 64, 128])
    support = np.random.default_rng(0).uniform(1, 30, (5, 3, 3))
    ax = Figure().add_subplot()
    draw_support(ax, keys, support, {"head 1.2": (1, 2), "head 4.0": (4, 0)})
    drawn = [y for _, y in lines_of(ax)]
    expected = [keys, *support.reshape(15, 3), np.median(support, (0, 1))]
    np.testing.assert_array_equal(drawn, [*expected, support[1, 2], support[4, 0]])
    words = [text.get_text() for text in ax.texts]
    assert words == ["all alike", "median head", "head 1.2", "head 4.0"]
    labelled = [line for line in ax.get_lines() if line.get_label()[0] != "_"]
    dashed = {line.get_linestyle() for line in labelled[2:]}
    assert len(dashed) == 2


def test_the_cost_of_each_text_their_mean_and_single_factors_are_drawn():
    costs = np.array([[1.0, 0.0, 2.0], [3.0, 0.0, 1.0]])
    ax = Figure().add_subplot()
    draw_cost(ax, [0.5, 1, 2], costs, {"none": (8, np.array([4.0, 5.0]))}, (0.5, 8))
    *_, first, second, mean, single = lines_of(ax)
    for drawn, y in zip((first, second, mean), (*costs, costs.mean(0)), strict=True):
        np.testing.assert_array_equal(drawn, [[0.5, 1, 2], y])
    np.testing.assert_array_equal(single, [[8], [4.5]])
    assert [text.get_text() for text in ax.texts] == ["none"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.5", "8"]
