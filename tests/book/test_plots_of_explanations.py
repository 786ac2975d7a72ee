"""The figures of explanations show the numbers that they are given."""

import numpy as np
from matplotlib.figure import Figure

from attention_lib.book.plots_of_explanations import (
    draw_agreement,
    draw_effects,
    draw_explanations,
)


def lines_of(ax):
    return [line.get_xydata().tolist() for line in ax.get_lines()]


def test_each_explanation_has_its_texts_its_range_and_its_mean_on_its_own_line():
    measured = {
        "map": {"found": {"mean": 0.5, "range": [0.4, 0.6], "by text": [0.3, 0.7]}},
        "guess": {"found": {"mean": 0.1, "range": [0.0, 0.2], "by text": [0.2, 0.0]}},
    }
    ax = Figure().add_subplot()
    draw_explanations(ax, measured, "found", "share found")
    assert lines_of(ax)[1:] == [
        [[0.3, 0], [0.7, 0]],
        [[0.4, 0], [0.6, 0]],
        [[0.5, 0]],
        [[0.2, 1], [0.0, 1]],
        [[0.0, 1], [0.2, 1]],
        [[0.1, 1]],
    ]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["map", "guess"]
    assert ax.get_ylim() == (1.5, -0.5)  # the first on top, also on shared axes
    assert ax.get_xlabel() == "share found"


def test_a_table_of_agreement_has_every_number_and_colours_centred_on_zero():
    table = {"a": [1.0, -0.25, -0.001], "b": [-0.25, 1.0, 0], "c": [-0.001, 0, 1]}
    ax = Figure().add_subplot()
    draw_agreement(ax, table)
    (image,) = ax.get_images()
    np.testing.assert_array_equal(image.get_array(), list(table.values()))
    assert image.get_clim() == (-1, 1)
    words = [text.get_text() for text in ax.texts]
    assert words == ["1.00", "−0.25", "0.00", "−0.25", "1.00", *["0.00"] * 3, "1.00"]
    assert [text.get_position() for text in ax.texts[:2]] == [(0, 0), (1, 0)]
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["a", "b", "c"]


def test_every_head_is_a_point_and_the_named_ones_are_written():
    weight, effect = np.random.default_rng(0).uniform(size=(2, 5, 3))
    weight[4, 1], weight[0, 2] = 0.9, 0.95
    ax = Figure().add_subplot()
    draw_effects(ax, weight, effect, ["4.1", "0.2"])
    _, every, first, second = lines_of(ax)
    np.testing.assert_array_equal(every, np.stack([weight, effect], -1).reshape(-1, 2))
    assert first == [[0.95, effect[0, 2]]]
    assert second == [[0.9, effect[4, 1]]]
    above, below = ax.texts
    assert (above.get_text(), below.get_text()) == ("0.2", "4.1")
    assert above.get_position()[1] > 0 > below.get_position()[1]
