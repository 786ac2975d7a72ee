"""The figures of other weights with the same output: one head's, and how far all go."""

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND, label_lines

__all__ = ["draw_distances", "draw_twins"]

BLUE, LIGHT, ROSE = (style["color"] for style in (FIRST, SECOND, FOURTH))
BANDS = ((0.05, 0.95), (0.25, 0.75))


def draw_twins(ax, weights, twin):
    """Draw the weights of a row upwards, and others with the same output downwards.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    weights, twin : array, shape (n,)
        Both, by key.
    """
    places = np.arange(len(weights))
    for heights, color, at, label in (
        (weights, BLUE, 0.95, "the head's weights"),
        (-np.asarray(twin), ROSE, 0.05, "other weights, same output"),
    ):
        ax.bar(places, heights, width=1, color=color)
        side = "top" if at > 0.5 else "bottom"
        words = {"transform": ax.transAxes, "color": color, "va": side}
        ax.text(0.02, at, label, **words)
    ax.axhline(0, color="black", linewidth=0.8, linestyle="-")
    most = 1.15 * max(np.max(weights), np.max(twin))
    ax.set(xlabel="key", ylabel="weight", ylim=(-most, most))
    # Below the line as above it, weights are positive.
    ax.yaxis.set_major_formatter(lambda y, _: f"{abs(y):g}")


def draw_distances(ax, lengths, distances, unique):
    """Draw how far the twins of a model's heads are, by the number of keys.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    lengths : sequence of int
        Numbers of keys.
    distances : array, shape (lengths, ...)
        Total variations: heads on any other axes, and nan where none was measured.
        Bands hold the middle 90 and 50 of 100 heads, and a line the median.
    unique : int
        The number of keys up to which weights can be unique, as a black line.
    """
    each = np.reshape(distances, (len(lengths), -1))
    for band in BANDS:
        ends = np.nanquantile(each, band, axis=1)
        ax.fill_between(lengths, *ends, color=LIGHT, alpha=0.25, linewidth=0)
    median = np.nanmedian(each, 1)
    ax.plot(lengths, median, color=BLUE, linestyle="-", marker="o", label="median head")
    ax.axvline(unique, color="black", linewidth=0.8, linestyle=":", label="_unique")
    ax.set(xscale="log", xlabel="keys in the row", ylabel="total variation of the twin")
    ax.set_xticks([], minor=True)
    ticks = [n for n in lengths if n != unique]  # its line has a number of its own
    ax.set_xticks(ticks, map(str, ticks))
    ax.set_ylim(0, 1)
    words = {"xytext": (5, -5), "textcoords": "offset points", "va": "top"}
    ax.annotate(f"{unique} keys", (unique, 1), **words)
    label_lines(ax)
