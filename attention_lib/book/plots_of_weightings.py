"""What figures of several weightings share: one style for each, bands over seeds."""

from attention_lib.book.plots import (
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    draw_range,
    label_lines,
)

__all__ = ["WEIGHTING_STYLES", "draw_cloud", "draw_ranges", "draw_steps"]

# In the whole book. What never stands in one figure may share a style.
WEIGHTING_STYLES = {
    "softmax": FIRST,
    "softmax β=√d": FIRST,
    "softmax β=1": FIRST | {"linestyle": ":", "marker": "X"},
    "e^s − 1 β=1": FOURTH,
    "scores × log n": FIRST | {"linestyle": "--", "marker": "P"},
    "entmax-1.5": SECOND,
    "sparsemax": THIRD,
    "raw": SECOND,
    "relu": THIRD,
    "relu³": THIRD,
    "relu/n": FOURTH,
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
    """Draw a function with jumps in black, and smooth ones that stand for it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : array, shape (n,)
        Where on the x axis.
    hard : array, shape (n,)
        The function with jumps.
    soft : dict of str to array, shape (n,)
        The smooth ones, by their labels.
    """
    ax.plot(x, hard, color="black", linewidth=1, label="nearest key")
    styles = (FIRST, SECOND)
    for (label, y), style in zip(soft.items(), styles, strict=True):
        line = {name: style[name] for name in ("color", "linestyle")}
        ax.plot(x, y, label=label, **line)
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
    ax.plot(*outputs.T, ".", color="#5790fc", markersize=2, alpha=0.4)
    ax.plot(*values.T, "o", color="#332288", markersize=6)
    ax.plot(0, 0, "+", color="black", markersize=9)
    ax.text(0.5, 1.03, title, transform=ax.transAxes, ha="center", va="bottom")
    ax.set(xlim=(-3, 5), ylim=(-3, 5), xticks=[], yticks=[], aspect="equal")
