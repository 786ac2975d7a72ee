"""The figures of rows of weights: a trained head, and a stack of layers."""

import numpy as np

from attention_lib.book.plots import FIRST, label_lines

__all__ = ["draw_head", "draw_layers", "finish_sizes"]

ABOVE = {
    "xytext": (0, 3),
    "textcoords": "offset points",
    "ha": "center",
    "fontsize": "small",
}
IN_ROW = {"color": "white", "ha": "center", "va": "center", "fontsize": "small"}


def draw_head(axes, weights, norms, trigger):
    """Draw a head's weights, and below them how long the keys' values are.

    Parameters
    ----------
    axes : two matplotlib.axes.Axes
        Where to draw the weights, and the lengths.
    weights : array, shape (n, n)
        One row for each query.
    norms : array, shape (n,)
        Length of each key's value.
    trigger : int
        Query to point at.
    """
    above, below = axes
    places = np.arange(len(norms))
    image = above.imshow(weights, vmin=0, vmax=1, aspect="auto")
    share = weights[trigger, 1:trigger].mean()
    above.text((trigger + 1) / 2, trigger, f"{share:.2f} each", **IN_ROW)
    above.figure.colorbar(image, ax=above, label="weight")
    above.annotate(
        "trigger",
        (trigger + 0.6, trigger),
        xytext=(24, 0),
        textcoords="offset points",
        color="white",
        verticalalignment="center",
        arrowprops={"arrowstyle": "->", "color": "white"},
    )
    above.set(ylabel="query", xticks=places[::3], yticks=places[::3])
    below.bar(places, norms, color=FIRST["color"])
    below.set(xlabel="key", ylabel="length\nof value", xticks=places[::3])
    below.set_xlim(-0.5, len(norms) - 0.5)
    for ax in axes:
        ax.set_xticks(places[::3], ["BOS", *map(str, places[3::3])])
    below.annotate("≈ 0", (0, norms[0]), **ABOVE)


def finish_sizes(left, right, largest):
    """Give two panels of sizes a line at the size of the values, and labels.

    Parameters
    ----------
    left, right : matplotlib.axes.Axes
        Panels that share their vertical axis; the lines of the right one have labels.
    largest : two floats
        Where the line of each is.
    """
    for ax, size in zip((left, right), largest, strict=True):
        ax.axhline(size, color="black", linewidth=0.8, linestyle="-", label="_size")
        ax.annotate(
            "size of the values",
            (ax.get_xlim()[1], size),
            xytext=(0, 3),
            textcoords="offset points",
            fontsize="small",
            ha="right",
        )
    label_lines(right)


def draw_layers(ax, measures, floor):
    """Draw the median of each measure by layer, with the range of all stacks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    measures : dict of str to array, shape (n_layers + 1, n_stacks)
        What was measured before the first layer and after each, by label.
    floor : float
        Below it all is rounding, which differs between processors: drawn as the floor.
    """
    ax.set(yscale="log", xlabel="layer", ylim=(floor / 10, 3))
    for label, measured in measures.items():
        measured = np.maximum(measured, floor)
        layers = np.arange(len(measured))
        (line,) = ax.plot(layers, np.median(measured, axis=1), label=label)
        low, high = measured.min(axis=1), measured.max(axis=1)
        ax.fill_between(layers, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(xticks=range(0, len(layers), 2))
    label_lines(ax)
