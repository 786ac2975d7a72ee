"""What the figures of the book share: one look for each thing, labels on lines."""

import matplotlib.pyplot as plt
import numpy as np

from attention_lib import softmax
from attention_lib.book.palette import SERIES

__all__ = [
    "FIRST",
    "FOURTH",
    "KEY_STYLES",
    "SECOND",
    "THIRD",
    "draw_bars",
    "draw_fading",
    "draw_keys",
    "draw_range",
    "draw_triangle",
    "label_lines",
    "landing_figure",
]

# The lines of a figure, told apart by dashes and marks as well as by their colours.
_LOOKS = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"))
FIRST, SECOND, THIRD, FOURTH = (
    {"color": colour.light, "linestyle": line, "marker": mark}
    for colour, (line, mark) in zip(SERIES, _LOOKS, strict=True)
)
# The height of a line of text, by the size of its letters.
LINE_HEIGHT = 1.25
# The first, second and third key of the worked example, in the whole book.
KEY_STYLES = (FIRST, SECOND, THIRD)


def label_lines(ax, gap=6.0, lines=1):
    """Write each line's label at its right end, in its own colour.

    A label next to its line needs no legend, and no matching of colours. Lines
    whose label starts with an underscore are skipped, as in a legend. Set the
    limits and scales of the axes first.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Axes that already hold the lines.
    gap : float, default 6.0
        Space between line and label, in points.
    lines : int, default 1
        Lines of text that a label may take: two labels are as far apart, and keep
        their order.
    """
    named = [line for line in ax.get_lines() if not line.get_label().startswith("_")]
    ends = np.array([line.get_xydata()[-1] for line in named], dtype=float)
    apart = LINE_HEIGHT * lines * plt.rcParams["font.size"]
    ax.get_ylim()  # limits that are due are set only when someone asks
    to_points = 72 / ax.figure.dpi
    heights = ax.transData.transform(ends)[:, 1] * to_points
    for line, end, shift in zip(named, ends, _spread(heights, apart), strict=True):
        ax.annotate(
            line.get_label(),
            xy=end,
            xytext=(gap, shift),
            textcoords="offset points",
            color=line.get_color(),
            verticalalignment="center",
        )


def _spread(heights, apart):
    """Give the shifts after which no two heights are nearer than `apart`."""
    order = np.argsort(heights)
    sorted_heights = heights[order]
    steps = apart * np.arange(len(heights))
    # Rising by at least `apart` each means rising at all once the steps are taken off.
    raised = np.maximum.accumulate(sorted_heights - steps) + steps
    shifts = np.empty_like(heights)
    shifts[order] = raised - sorted_heights
    return shifts - shifts.mean()


def draw_range(ax, x, each, least=-np.inf, **style):
    """Draw the mean over replicas as a line, in a band from least to most.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : array, shape (n,)
        Where on the x axis.
    each : array, shape (n, replicas)
        What was measured.
    least : float, default minus infinity
        Where a band ends that goes further down, as on a logarithmic axis to zero.
    **style
        Of the line, with its color and its label.
    """
    each = np.asarray(each)
    ax.plot(x, each.mean(-1), **style)
    low, high = each.min(-1).clip(min=least), each.max(-1)
    ax.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)


def draw_bars(ax, heights, label, digits=2):
    """Draw one bar for each key, with its height above it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    heights : array, shape (n,)
        One height for each key.
    label : str
        What the heights are, for the axis.
    digits : int, default 2
        Decimals of the numbers above the bars.
    """
    places = np.arange(1, len(heights) + 1)
    colors = [style["color"] for style in KEY_STYLES]
    bars = ax.bar(places, heights, width=0.6, color=colors)
    ax.bar_label(bars, [f"{height:.{digits}f}" for height in heights], padding=2)
    ax.set(xlabel="key", ylabel=label, xticks=places)
    ax.margins(y=0.15)


def draw_triangle(ax, values, path, marks):
    """Draw the hull of three values, and the outputs inside it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    values : array, shape (3, 2)
        The values of the three keys, the corners.
    path : array, shape (n, 2)
        Outputs along a path, joined by a line.
    marks : dict of str to array of shape (2,)
        Outputs to mark, by their labels.
    """
    ax.fill(*values.T, color=FIRST["color"], alpha=0.08, linewidth=0)
    outward = np.sign(values - values.mean(axis=0))
    for place, (value, style) in enumerate(zip(values, KEY_STYLES, strict=True), 1):
        ax.plot(*value, style["marker"], color=style["color"], markersize=8)
        ax.annotate(
            f"value {place}",
            value,
            xytext=16 * outward[place - 1],
            textcoords="offset points",
            color=style["color"],
            horizontalalignment="center",
            verticalalignment="center",
        )
    ax.plot(*path.T, color=FOURTH["color"])
    for label, point in marks.items():
        ax.plot(*point, "D", color="black", markersize=4)
        ax.annotate(label, point, xytext=(8, -4), textcoords="offset points")
    ax.set(xlabel="first coordinate", ylabel="second coordinate", aspect="equal")
    ax.margins(0.2)


def draw_keys(ax, x, weights):
    """Draw one curve for each of the first three keys.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    x : array, shape (n,) or (n, 1)
        Where on the x axis.
    weights : array, shape (n, 3)
        Weight of each key.
    """
    for place, style in enumerate(KEY_STYLES):
        line = {name: style[name] for name in ("color", "linestyle")}
        ax.plot(x, weights[:, place], **line, label=f"key {place + 1}")


def draw_fading(ax, scores, most=100_000):
    """Draw each key's weight as keys of score zero are added to the row.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    scores : array, shape (3,)
        Scores of the first keys.
    most : int, default 100_000
        Largest number of keys to add.
    """
    added = np.unique(np.geomspace(1, most, 61).round().astype(int))
    weights = np.array([softmax(np.append(scores, np.zeros(k)))[:3] for k in added])
    draw_keys(ax, added, weights)
    ax.set(xscale="log", yscale="log", xlabel="keys of score 0 added", ylabel="weight")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_major_formatter(_plainly)
    label_lines(ax)


def _plainly(number, _):
    """Write a small number without an exponent: 0.00001."""
    return np.format_float_positional(number, 3, fractional=False, trim="-")


def landing_figure():
    """Draw the figure of the landing page: a focus that fades with length.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.
    """
    with plt.style.context("attention_lib.book.book"):
        figure, ax = plt.subplots(figsize=(6.4, 3.0))
        draw_fading(ax, np.array([2.0, 1.0, 0.1]))
    return figure
