"""Two panels side by side: how softmax's rows move, and what trains their scores."""

import numpy as np

from attention_lib.book.plots import label_lines

__all__ = ["draw_gradients", "draw_moves"]

_STYLES = {  # by how scores are scaled, and by what the gradient is of
    "raw": {"color": "#661100", "linestyle": "-.", "marker": "^"},
    "÷ √d": {"color": "#332288", "linestyle": "-", "marker": "o"},
    "÷ d": {"color": "#5790fc", "linestyle": "--", "marker": "s"},
    "a batch": {"color": "#661100", "linestyle": "-.", "marker": "^"},
    "expected": {"color": "#332288", "linestyle": "-", "marker": "o"},
    "median example": {"color": "#ee6677", "linestyle": ":", "marker": "D"},
}


def draw_moves(ax, sizes, norms):
    """Draw the mean norm of softmax's Jacobian at random, by the size of a key.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    sizes : sequence of int
        Coordinates of a key.
    norms : dict of str to array, shape (n_sizes, n_replicas)
        By how scores are scaled: "raw", "÷ √d" or "÷ d".
    """
    _draw_ranges(ax, sizes, norms)
    ax.set(ylabel="mean norm of the Jacobian", ylim=(0, None))
    label_lines(ax)


def draw_gradients(ax, sizes, raw, divided):
    """Draw how many times larger the gradients are where scores are raw.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    sizes : sequence of int
        Coordinates of a key.
    raw, divided : dict of str to array, shape (n_sizes, n_replicas)
        Norms, by what the gradient is of: "a batch", "expected", "median example". The
        replicas of both have the same starts and the same data.
    """
    one = np.ones(len(sizes))
    ax.plot(sizes, one, color="black", linewidth=0.8, linestyle="-", label="_one")
    ratios = {name: np.asarray(raw[name]) / divided[name] for name in raw}
    _draw_ranges(ax, sizes, ratios)
    ax.set(yscale="log", ylabel="gradient, raw over ÷ √d", ylim=(5e-4, 50))
    label_lines(ax)


def _draw_ranges(ax, sizes, curves):
    """Draw the mean of each curve over the replicas, in a band from least to most.

    There is no band where the least is zero: that is an estimate, and has no logarithm.
    """
    ax.set(xscale="log", xlabel="d")
    for label, each in curves.items():
        each, style = np.asarray(each), _STYLES[label]
        ax.plot(sizes, each.mean(-1), label=label, **style)
        low, high = each.min(-1), each.max(-1)
        band = {"color": style["color"], "alpha": 0.15, "linewidth": 0}
        ax.fill_between(sizes, low, high, where=low > 0, **band)
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
