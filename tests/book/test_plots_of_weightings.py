"""The triangle of three weights."""

import matplotlib.pyplot as plt
import numpy as np

from attention_lib.book.plots_of_weightings import draw_simplex


def test_a_row_lies_where_its_weights_say():
    weights = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    fig, ax = plt.subplots()
    draw_simplex(ax, weights, "three rows")
    outline, points = (line.get_xydata() for line in ax.get_lines())
    corners = outline[:3]
    assert np.allclose(points[0], corners[0])
    assert np.allclose(points[1], (corners[0] + corners[1]) / 2)
    assert np.allclose(points[2], corners.mean(axis=0))
    sides = np.linalg.norm(np.diff(outline, axis=0), axis=1)
    assert np.allclose(sides, sides[0])
    plt.close(fig)
