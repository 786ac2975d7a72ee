"""What figures of several weightings share: one style for each, bands over seeds."""

import numpy as np

from attention_lib.book.palette import INK, WEIGHTINGS
from attention_lib.book.plots import (
    FIRST,
    SECOND,
    draw_range,
    label_lines,
)

__all__ = [
    "WEIGHTING_STYLES",
    "draw_cloud",
    "draw_ranges",
    "draw_simplex",
    "draw_steps",
]

# Where all weight on the first, the second or the third of three keys is drawn.
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])

# In the whole book, by the names that figures write: the colour is the rule's, and what
# one figure draws in one colour has other dashes and marks.
WEIGHTING_STYLES = {
    name: {"color": WEIGHTINGS[rule].light, "linestyle": line, "marker": mark}
    for name, rule, line, mark in (
        ("softmax", "softmax", "-", "o"),
        ("softmax β=√d", "softmax", "-", "o"),
        ("softmax β=1", "softmax", ":", "X"),
        ("scores × log n", "scalable_softmax", "--", "P"),
        ("e^s − 1 β=1", "softpick", ":", "D"),
        ("entmax-1.5", "entmax", "--", "s"),
        ("entmax-0.5", "entmax", ":", "D"),
        ("sparsemax", "sparsemax", "-.", "^"),
        ("sigmoid / sum", "normalized_sigmoid", "--", "v"),
        ("raw", "raw", "--", "s"),
        ("relu", "relu", "-.", "^"),
        ("relu³", "relu", "-.", "^"),
        ("relu / sum", "normalized_relu", "--", "D"),
        ("relu/n", "relu", ":", "D"),
    )
}


def draw_ranges(ax, x, curves):
    """Draw the mean of each curve over the seeds, in a band from least to most.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; set its scales first.
    x : array, shape (n,)
        Where on the x axis.
    curves : dict of str to array, shape (n, seeds)
        Curves by their names, which are those of `WEIGHTING_STYLES`.
    """
    for name, each in curves.items():
        draw_range(ax, x, each, label=name, **WEIGHTING_STYLES[name], markersize=5)
    label_lines(ax)


def draw_steps(ax, x, hard, soft):
    """Draw the nearest key's answer, which jumps, and softmax's, which does not.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : array, shape (n,)
        Where on the x axis.
    hard : array, shape (n,)
        The function with jumps.
    soft : dict of str to array, shape (n,)
        Two smooth ones, by their labels.
    """
    ax.plot(x, hard, color=INK.light, linewidth=1, label="nearest key")
    for (label, y), line in zip(soft.items(), ("-", "--"), strict=True):
        ax.plot(x, y, line, label=label, color=WEIGHTING_STYLES["softmax"]["color"])
    label_lines(ax)


def draw_cloud(ax, values, outputs, title):
    """Draw where outputs can lie: a cloud of them, and the values as corners.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : array, shape (3, 2)
        The values of three keys.
    outputs : array, shape (n, 2)
        Outputs for random weights of one family.
    title : str
        The family, written above its panel.
    """
    ax.plot(*outputs.T, ".", color=SECOND["color"], markersize=2, alpha=0.4)
    ax.plot(*values.T, "o", color=FIRST["color"], markersize=6)
    ax.plot(0, 0, "+", color="black", markersize=9)
    ax.text(0.5, 1.03, title, transform=ax.transAxes, ha="center", va="bottom")
    ax.set(xlim=(-3, 5), ylim=(-3, 5), xticks=[], yticks=[], aspect="equal")


def draw_simplex(ax, weights, title):
    """Draw rows of three weights that sum to one, in the triangle of all of them.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    weights : array, shape (n, 3)
        The rows. A corner is all weight on one key, an edge no weight on one.
    title : str
        What made them, written above, and drawn in its colour if the book has one.
    """
    color = WEIGHTING_STYLES.get(title, FIRST)["color"]
    outline = CORNERS[[0, 1, 2, 0]]
    ax.plot(*outline.T, color="black", linestyle="-", linewidth=0.8)
    ax.plot(*(weights @ CORNERS).T, ".", color=color, markersize=3, alpha=0.3)
    ax.text(0.5, 1.0, title, ha="center", va="bottom")
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.15), aspect="equal")
    ax.axis("off")
