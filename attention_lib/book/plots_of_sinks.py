"""The figures of a real model's sink: where it is, and what taking it away costs."""

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND, label_lines

__all__ = ["draw_changes", "draw_layers"]

BLUE, LIGHT, ROSE = (style["color"] for style in (FIRST, SECOND, FOURTH))


def draw_layers(ax, weight, contribution):
    """Draw what every head of a model gives to its first key, by layer.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    weight : array, shape (layers, heads)
        Weight on the first key: a dot for each head, and a line through the means.
    contribution : array, shape (layers, heads)
        Its share of all weights times the lengths of their values: the means alone.
    """
    layers = np.arange(len(weight))
    ax.set(xlabel="layer", ylabel="share of the first key", ylim=(0, 1))
    dots = {"color": LIGHT, "markersize": 3, "alpha": 0.6, "linestyle": "none"}
    ax.plot(layers, weight, "o", **dots, label="_heads")
    ax.plot(layers, weight.mean(1), color=BLUE, linestyle="-", label="weight")
    style = {"color": ROSE, "linestyle": FOURTH["linestyle"]}
    ax.plot(
        layers, contribution.mean(1), **style, label="weight × length\nof its value"
    )
    label_lines(ax, lines=2)


def draw_changes(ax, costs):
    """Draw what some changes cost, one row for each.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    costs : dict of str to array of shape (texts,)
        Nats a token, by the name of the change: a dot for each text, and a mark for the
        mean, with its number.
    """
    ax.axvline(0, color="black", linewidth=0.8, linestyle="-", label="_nothing")
    for row, cost in enumerate(costs.values()):
        mean = np.mean(cost)
        ax.plot(cost, np.full(len(cost), row), "o", color=LIGHT, alpha=0.6)
        ax.plot(mean, row, FOURTH["marker"], color=ROSE, markersize=6)
        words = {"xytext": (10, 0), "textcoords": "offset points", "va": "center"}
        said = f"{mean:+.2g}".replace("-", "−")
        ax.annotate(said, (max(cost), row), **words, color=ROSE)
    ax.set_yticks(range(len(costs)), costs)
    ax.invert_yaxis()
    ax.set(xlabel="cost (nats a token)")
    ax.margins(x=0.15)
