"""The figures of explanations: how well they rank, and what heads do with weight."""

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND

__all__ = ["draw_agreement", "draw_effects", "draw_explanations"]

BLUE, LIGHT, ROSE = (style["color"] for style in (FIRST, SECOND, FOURTH))
HEIGHTS = (12, -12, 26)
ZERO = {"color": "black", "linewidth": 0.8, "linestyle": "-"}


def draw_explanations(ax, measured, quantity, label):
    """Draw one measure of each explanation: its mean, its range, and each text's mean.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    measured : dict of str to dict
        By explanation the measures, of which each has "mean", "range" and "by text",
        as in the saved result of `explanations`. The first is drawn on top.
    quantity : str
        Which measure, such as "found".
    label : str
        What it is, for the axis.
    """
    places = np.arange(len(measured))
    ax.axvline(0, **ZERO)
    for place, found in zip(places, measured.values(), strict=True):
        each = found[quantity]
        texts = each["by text"]
        ax.plot(texts, np.full(len(texts), place), "|", color=LIGHT, markersize=9)
        ax.plot(each["range"], [place, place], color=BLUE, linestyle="-", linewidth=1.5)
        ax.plot(each["mean"], place, "o", color=BLUE)
    ax.set_yticks(places, measured)
    ax.set(xlabel=label, ylim=(len(measured) - 0.5, -0.5))


def draw_agreement(ax, table):
    """Draw how well each of several rankings agrees with each other, as a table.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    table : dict of str to sequence of float
        By ranking its rank correlations with all of them, in the same order.
    """
    numbers = np.array(list(table.values()))
    image = ax.imshow(numbers, vmin=-1, vmax=1, cmap="RdBu", aspect="auto")
    ax.figure.colorbar(image, ax=ax, label="rank correlation")
    for (row, column), number in np.ndenumerate(numbers):
        color = "white" if abs(number) > 0.6 else "black"
        at = {"ha": "center", "va": "center", "fontsize": 8}
        # No negative zero, and a minus as on the axes.
        words = f"{round(number, 2) + 0:.2f}".replace("-", "−")
        ax.text(column, row, words, color=color, **at)
    places = range(len(table))
    ax.set_yticks(places, table)
    ax.set_xticks(places, table, rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def draw_effects(ax, weight, effect, named):
    """Draw each head's effect against its weight, and write the names of some.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    weight, effect : array, shape (layers, heads)
        Of each head.
    named : iterable of str
        Heads that stand out, as "layer.head".
    """
    ax.axhline(0, **ZERO)
    ax.plot(weight.ravel(), effect.ravel(), "o", color=LIGHT, markersize=3, alpha=0.6)
    heads = {name: tuple(map(int, name.split("."))) for name in named}
    # At three heights in turn, for neighbours in weight.
    for i, name in enumerate(sorted(heads, key=lambda name: -weight[heads[name]])):
        point = weight[heads[name]], effect[heads[name]]
        ax.plot(*point, "D", color=ROSE)
        words = {"textcoords": "offset points", "ha": "center", "va": "center"}
        ax.annotate(name, point, xytext=(0, HEIGHTS[i % 3]), **words, color=ROSE)
    ax.set(xlabel="weight on the subject", ylabel="fall of the log odds")
    ax.margins(y=0.15)
