"""The figures of a real model's focus: all its heads by length, and what β costs."""

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND, THIRD, label_lines

__all__ = ["draw_cost", "draw_support"]

BLUE, LIGHT, ROSE = (style["color"] for style in (FIRST, SECOND, FOURTH))
NAMED = (THIRD, FOURTH)
SCALE = {"xscale": "log", "yscale": "log"}


def draw_support(ax, keys, support, named):
    """Draw on how many keys each head of a model attends, in effect, by length.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    keys : array, shape (n,)
        Keys in a row.
    support : array, shape (..., n)
        Effective support: heads on any leading axes.
    named : dict of str to tuple of int
        The places of two heads among those axes, by their labels.
    """
    ax.set(**SCALE, xlabel="keys in the row", ylabel="effective support (keys)")
    ax.plot(keys, keys, color="black", linewidth=0.8, linestyle="-", label="all alike")
    each = support.reshape(-1, len(keys))
    ax.plot(keys, each.T, color=LIGHT, linestyle="-", linewidth=0.5, alpha=0.3)
    ax.plot(keys, np.median(each, 0), color=BLUE, linestyle="-", label="median head")
    for (label, place), style in zip(named.items(), NAMED, strict=True):
        ax.plot(keys, support[place], **style, label=label)
    ax.set(xticks=keys, ylim=(0.9, None))
    ax.set_xticks([], minor=True)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    label_lines(ax)


def draw_cost(ax, sharpness, costs, marked, ticks):
    """Draw what a sharper or blunter softmax costs a model that was trained at 1.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    sharpness : array, shape (n,)
        Factors of the scores, in rising order.
    costs : array, shape (texts, n)
        Nats a token more than at 1.
    marked : dict of str to (float, array of shape (texts,))
        Single factors with their costs, by their labels.
    ticks : sequence of float
        Factors to write on the axis.
    """
    ax.set(xscale="log", xlabel="sharpness β", ylabel="cost (nats a token)")
    ax.axhline(0, color="black", linewidth=0.8, linestyle="-", label="_nothing")
    ax.axvline(1, color="black", linewidth=0.8, linestyle=":", label="_trained")
    ax.plot(sharpness, costs.T, color=LIGHT, linestyle="-", linewidth=1, alpha=0.5)
    ax.plot(sharpness, costs.mean(0), color=BLUE, linestyle="-", marker="o")
    for label, (place, cost) in marked.items():
        point = place, np.mean(cost)
        ax.plot(*point, "D", color=ROSE, markersize=6)
        # Towards the middle, where the curves are low.
        side, to = (16, "left") if place < 1 else (-16, "right")
        words = {"xytext": (side, 8), "textcoords": "offset points", "ha": to}
        ax.annotate(label, point, **words, color=ROSE)
    ax.set_xticks([], minor=True)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
