"""The figures of a real model's sink show the numbers that they are given."""

import numpy as np
from matplotlib.figure import Figure

from attention_lib.book.plots_of_sinks import draw_changes, draw_layers


def lines_of(ax):
    return [line.get_xydata().T for line in ax.get_lines()]


def test_every_head_is_a_dot_and_the_means_of_both_shares_are_lines():
    weight, contribution = np.random.default_rng(0).uniform(size=(2, 7, 3))
    ax = Figure().add_subplot()
    draw_layers(ax, weight, contribution)
    drawn = [y for _, y in lines_of(ax)]
    expected = [*weight.T, weight.mean(1), contribution.mean(1)]
    np.testing.assert_array_equal(drawn, expected)
    words = [text.get_text() for text in ax.texts]
    assert words == ["weight", "weight × length\nof its value"]


def test_every_text_is_a_dot_and_the_mean_cost_is_a_mark_with_its_number():
    costs = {"first": np.array([1.0, 0.5]), "second": np.array([-0.01, 0.0])}
    ax = Figure().add_subplot()
    draw_changes(ax, costs)
    _, *drawn = lines_of(ax)
    for row, (texts, mean) in enumerate(zip(drawn[::2], drawn[1::2], strict=True)):
        cost = list(costs.values())[row]
        np.testing.assert_array_equal(texts, [cost, [row, row]])
        np.testing.assert_array_equal(mean, [[cost.mean()], [row]])
    assert [text.get_text() for text in ax.texts] == ["+0.75", "−0.005"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(costs)
    low, high = ax.get_ylim()
    assert low > high  # the first at the top
