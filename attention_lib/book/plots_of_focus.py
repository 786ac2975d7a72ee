"""The figures of focus: which lead buys which share, and how entropy falls."""

import math

import numpy as np
from matplotlib import patheffects

from attention_lib import softmax
from attention_lib.book.plots import label_lines

__all__ = ["draw_entropies", "draw_frontier"]

STYLES = ("-", "--")
STEPS = np.linspace(0, 1, 101)
# Seen on the bright side and on the dark one.
EDGE = [patheffects.withStroke(linewidth=3, foreground="black")]
LINE = {"color": "white", "linestyle": "-", "linewidth": 1.2, "path_effects": EDGE}


def draw_frontier(ax, shares, most=1_000_000, leads=(0, 18)):
    """Draw the weight of a leading key by the length of the row and its lead.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    shares : sequence of float
        Weights whose places are drawn as lines.
    most : int, default 1_000_000
        Largest number of keys.
    leads : two floats
        Least and largest lead.
    """
    n = np.geomspace(2, most, 181)
    lead = np.linspace(*leads, 145)
    # The others tie: together they have one score, higher by the log of their number.
    rows = np.stack(np.broadcast_arrays(lead[:, None], np.log(n - 1)), -1)
    # Steps of a hundredth, which no eye sees, take fewer bytes than a gradient.
    image = ax.contourf(n, lead, softmax(rows)[..., 0], levels=STEPS)
    ax.figure.colorbar(image, ax=ax, label="weight", ticks=STEPS[::20])
    for share in shares:
        needed = np.log(n - 1) + math.log(share / (1 - share))
        ax.plot(n, needed, **LINE)
        at = len(n) * 2 // 3
        ax.annotate(
            f"{share:g}",
            (n[at], needed[at]),
            color="white",
            ha="center",
            va="center",
            bbox={"facecolor": "black", "edgecolor": "none", "pad": 1.5},
        )
    ax.set(xscale="log", ylim=leads, xlim=(2, most))
    ax.set(xlabel="number of keys", ylabel="lead of one key")


def draw_entropies(ax, betas, entropies):
    """Draw the entropy of rows against the sharpness.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    betas : array, shape (n,)
        Sharpness.
    entropies : dict of str to array of shape (n,)
        Entropies of two rows, by their labels.
    """
    for (label, entropy), style in zip(entropies.items(), STYLES, strict=True):
        ax.plot(betas, entropy, style, label=label)
    ax.set(xscale="log", xlabel="sharpness β", ylabel="entropy")
    label_lines(ax)
