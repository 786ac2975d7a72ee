"""The drawings of a model: a map of words, who asks whom, what a layer is made of."""

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND

__all__ = ["draw_asking", "draw_layer", "draw_map"]

BLUE, LIGHT, ROSE = (style["color"] for style in (FIRST, SECOND, FOURTH))
CENTRED = {"ha": "center", "va": "center"}
ROUND = {"boxstyle": "round,pad=0.35", "facecolor": "white", "linewidth": 1.2}
ARROW = {"arrowstyle": "-|>", "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}


def draw_map(ax, words, weights):
    """Draw the weights of a head that sees no later word.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    words : sequence of str
        The tokens.
    weights : array, shape (n, n)
        One row for each query; what comes after it stays white.
    """
    seen = np.tri(len(words), dtype=bool)
    ax.imshow(np.where(seen, weights, np.nan), vmin=0, vmax=1, aspect="auto")
    for query, key in zip(*np.nonzero(seen), strict=True):
        weight = weights[query, key]
        color = "white" if weight < 0.5 else "black"
        ax.text(key, query, f"{weight:.2f}", **CENTRED, color=color)
    aslant = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(words)), words, **aslant)
    ax.set_yticks(range(len(words)), words)
    ax.set(xlabel="word that is read (key)", ylabel="word that asks (query)")


def draw_asking(ax, asking, answering, title):
    """Draw a sequence whose last token asks, and below it the one that it asks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    asking, answering : sequence of str
        The tokens of each, at most three.
    title : str
        What this is called.
    """
    for words, height, color in ((asking, 1.0, BLUE), (answering, 0.0, LIGHT)):
        for place, word in enumerate(words):
            box = ROUND | {"edgecolor": color}
            ax.text(place, height, word, **CENTRED, bbox=box)
    for place in range(len(answering)):
        ends = {"xy": (len(asking) - 1, 0.83), "xytext": (place, 0.17)}
        ax.annotate("", **ends, arrowprops=ARROW | {"color": ROSE})
    ax.text(-0.75, 1.0, "queries", **CENTRED, color=BLUE)
    ax.text(-0.75, 0.0, "keys,\nvalues", **CENTRED, color=LIGHT)
    ax.text(1.0, 1.5, title, **CENTRED, weight="bold")
    ax.set(xlim=(-1.2, 2.6), ylim=(-0.4, 1.7))
    ax.axis("off")


def draw_layer(ax, n_heads, n_layers):
    """Draw what one layer does to the vectors of the tokens.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    n_heads, n_layers : int
        Heads in the layer, and layers in the model.
    """
    straight = ARROW | {"color": "black"}
    ax.annotate("", xy=(0, 6.0), xytext=(0, 0.3), arrowprops=straight)
    for words, base in (
        (f"attention:\n{n_heads} heads", 0.8),
        ("a network,\ntoken by token", 3.5),
    ):
        for start, end, bend in (
            ((0, base), (1.5, base + 0.55), "angle,angleA=0,angleB=90,rad=6"),
            ((1.5, base + 1.55), (0.17, base + 2.1), "angle,angleA=90,angleB=0,rad=6"),
        ):
            style = ARROW | {"color": BLUE, "connectionstyle": bend}
            ax.annotate("", xy=end, xytext=start, arrowprops=style)
        ax.text(1.5, base + 1.05, words, **CENTRED, bbox=ROUND | {"edgecolor": BLUE})
        plus = {"boxstyle": "circle,pad=0.1", "facecolor": "white"}
        ax.text(0, base + 2.1, "+", **CENTRED, bbox=plus, fontsize="small")
    ax.text(0.9, 6.35, f"to the next of {n_layers} layers", **CENTRED)
    ax.text(0.9, -0.05, "a vector for each token", **CENTRED)
    ax.text(0.9, 7.2, "a layer", **CENTRED, weight="bold")
    ax.set(xlim=(-0.6, 2.6), ylim=(-0.4, 7.5))
    ax.axis("off")
