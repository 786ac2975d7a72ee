"""The figures of rows of weights: a trained head, a stack of layers, a merge tree."""

import numpy as np

from attention_lib import finalize, merge, partial_attention
from attention_lib.book.plots import label_lines

__all__ = ["draw_head", "draw_layers", "draw_merge_tree", "finish_sizes"]

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
    below.bar(places, norms, color="#332288")
    below.set(xlabel="key", ylabel="length of value", xticks=places[::3])
    below.set_xlim(-0.5, len(norms) - 0.5)
    for ax in axes:
        ax.set_xticks(places[::3], ["BOS", *map(str, places[3::3])])
    below.annotate("≈ 0", (0, norms[0]), **ABOVE)


def finish_sizes(left, right, largest):
    """Give two panels of sizes their axes, and a line at the largest value.

    Parameters
    ----------
    left, right : matplotlib.axes.Axes
        Panels that share their vertical axis; the lines of the right one have labels.
    largest : float
        Where the line is.
    """
    for ax in (left, right):
        ax.set_xscale("log")
        ax.axhline(largest, color="black", linewidth=0.8, linestyle="-")
    left.annotate(
        "largest value",
        (left.get_xlim()[1], largest),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize="small",
        ha="right",
    )
    label_lines(right)


def draw_layers(ax, measures, floor):
    """Draw the mean of each measure against the layer, with the range of all stacks.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    measures : dict of str to array, shape (n_layers + 1, n_stacks)
        What was measured before the first layer and after each, by label.
    floor : float
        Below it all is rounding, which differs between processors: drawn as the floor.
    """
    for label, measured in measures.items():
        measured = np.maximum(measured, floor)
        layers = np.arange(len(measured))
        (line,) = ax.plot(layers, measured.mean(axis=1), label=label)
        low, high = measured.min(axis=1), measured.max(axis=1)
        ax.fill_between(layers, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(yscale="log", xlabel="layer", xticks=range(0, len(layers), 2))


def draw_merge_tree(ax, scores, values):
    """Draw the states of four keys, merged two by two up to the output.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    scores, values : array, shape (4,)
        One of each for each key.
    """
    pairs = zip(scores, values, strict=True)
    states = [_state_of_one(*pair) for pair in pairs]
    places, height = np.arange(len(states), dtype=float), 0
    for place, score, value in zip(places, scores, values, strict=True):
        ax.text(place, -0.5, f"s = {score:g}, v = {value:g}", ha="center", va="center")
    while states:
        for place, state in zip(places, states, strict=True):
            _write_state(ax, place, height, state)
        if len(states) == 1:
            break
        above = (places[::2] + places[1::2]) / 2
        for place, target in zip(places, np.repeat(above, 2), strict=True):
            ends = [place, target], [height + 0.27, height + 0.73]
            ax.plot(*ends, color="black", linewidth=0.8, linestyle="-")
        states = [merge(a, b) for a, b in zip(states[::2], states[1::2], strict=True)]
        places, height = above, height + 1
    output = finalize(states[0]).item()
    ax.text(places[0] + 0.55, height, f"o / l = {output:.2f}", va="center")
    ax.set(xlim=(-0.6, len(scores) - 0.4), ylim=(-0.7, height + 0.4))
    ax.axis("off")


def _state_of_one(score, value):
    """Give the state of a single key."""
    one, score, value = (np.array([[float(x)]]) for x in (1, score, value))
    return partial_attention(one, score, value, scale=1.0)


def _write_state(ax, place, height, state):
    numbers = zip("mlo", (state.max, state.total, state.out), strict=True)
    ax.text(
        place,
        height,
        "\n".join(f"{name} = {number.item():.2f}" for name, number in numbers),
        ha="center",
        va="center",
        family="monospace",
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "#332288"},
    )
