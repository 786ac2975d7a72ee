"""The figure of the needle: a learned focus, and what length leaves of it."""

import numpy as np

from attention_lib.book.experiments import needle, needle_controls
from attention_lib.book.plots_of_weightings import draw_ranges

__all__ = ["draw_needle"]

AS_LEARNED = ("sparsemax", "entmax-1.5", "softmax", "relu/n")
AT_TEST = "scores × log n"


def draw_needle(ax):
    """Draw the target's share against the number of keys, and what the law predicts.

    Lines are means over the saved heads, bands go from the least to the most. The law
    is a black line through softmax's: it knows the share among 16 keys alone.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    """
    curves = {AT_TEST: needle_controls.shares(AT_TEST)}
    curves |= {name: needle.shares(name) for name in AS_LEARNED}
    ax.set(xscale="log", yscale="log", xlabel="number of keys")
    ax.margins(y=0.1)
    ax.set_ylabel("share of the target")
    keys = np.geomspace(needle.LENGTHS[0], needle.LENGTHS[-1], 101)[:, None]
    predicted = needle.law(curves["softmax"][0], keys).mean(-1)
    style = {"color": "black", "linestyle": "-", "linewidth": 0.8, "zorder": 3}
    ax.plot(keys, predicted, **style, label="E / (E + n − 1)")
    ax.set_xticks(needle.LENGTHS, [f"{n:,}" for n in needle.LENGTHS])
    ax.yaxis.set_major_formatter("{x:g}")
    ax.minorticks_off()
    draw_ranges(ax, needle.LENGTHS, curves)
