"""The figures of twins show the numbers that they are given."""

import numpy as np
from matplotlib.figure import Figure

from attention_lib.book.plots_of_twins import draw_distances, draw_twins


def test_weights_stand_upwards_and_their_twin_hangs_down():
    weights, twin = np.array([0.5, 0.25, 0.25]), np.array([0.0, 0.9, 0.1])
    ax = Figure().add_subplot()
    draw_twins(ax, weights, twin)
    heights = [bar.get_height() for bar in ax.patches]
    np.testing.assert_array_equal(heights, [*weights, *-twin])
    low, high = ax.get_ylim()
    assert -low == high > 0.9
    assert ax.yaxis.get_major_formatter()(-0.5, 0) == "0.5"
    assert [text.get_text() for text in ax.texts] == [
        "the head's weights",
        "other weights, same output",
    ]


def test_the_middle_of_the_heads_is_a_line_in_two_bands_and_no_measurement_is_none():
    distances = np.random.default_rng(0).uniform(size=(3, 4, 5))
    distances[2, 1:] = np.nan
    ax = Figure().add_subplot()
    draw_distances(ax, (32, 64, 128), distances, 64)
    median, unique = (line.get_xydata().T for line in ax.get_lines())
    each = [*distances[:2].reshape(2, -1), distances[2, 0]]
    np.testing.assert_array_equal(median, [[32, 64, 128], list(map(np.median, each))])
    assert set(unique[0]) == {64}
    assert [text.get_text() for text in ax.texts] == ["64 keys", "median head"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["32", "128"]
    for band, ends in zip(ax.collections, ((0.05, 0.95), (0.25, 0.75)), strict=True):
        drawn = band.get_paths()[0].vertices
        for x, some in zip((32, 64, 128), each, strict=True):
            at_x = drawn[drawn[:, 0] == x, 1]
            np.testing.assert_allclose(
                [at_x.min(), at_x.max()], np.quantile(some, ends)
            )
