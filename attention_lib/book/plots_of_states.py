"""The figures of states: a tree of merges, and one merge step by step."""

import numpy as np

from attention_lib import finalize, merge, partial_attention
from attention_lib.book.palette import SERIES

__all__ = ["draw_merge_steps", "draw_merge_tree"]

FIRST, SECOND = (colour.light for colour in SERIES[:2])  # the two states that merge


def draw_merge_steps(axes, first, second):
    """Draw how the totals of two states become one, in three pictures.

    The exponentials of each state are bars, in proportion to the largest one that
    they are measured by: each state's own, then that of both, then one on the other.

    Parameters
    ----------
    axes : three matplotlib.axes.Axes
        Where to draw the states as they come, rescaled, and added.
    first, second : array, shapes (n,) and (m,)
        Scores of the keys of each state.
    """
    first, second = np.asarray(first), np.asarray(second)
    top = max(first.max(), second.max())
    states = [(first, FIRST, 0), (second, SECOND, len(first) + 0.5)]
    for ax, shared in zip(axes[:2], (False, True), strict=True):
        for scores, color, start in states:
            unit = top if shared else scores.max()
            heights = np.exp(scores - unit)
            places = start + np.arange(len(scores))
            ax.bar(places, heights, width=0.8, color=color)
            words = f"max {unit:g}\ntotal {heights.sum():.2f}"
            _write_below(ax, places.mean(), words, color)
    below = 0
    for scores, color, _ in states:
        height = np.exp(scores - top).sum()
        axes[2].bar(0, height, bottom=below, width=0.5, color=color)
        below += height
    axes[2].set_xlim(-1, 1)
    _write_below(axes[2], 0, f"max {top:g}\ntotal {below:.2f}", "black")
    names = ("each by its\nown maximum", "both by the\nlarger one", "added")
    for ax, name in zip(axes, names, strict=True):
        ax.set(xticks=[], ylim=(0, 1.7))
        ax.text(0.5, 1.03, name, transform=ax.transAxes, ha="center", va="bottom")
    axes[0].set_ylabel("exponential, relative")


def _write_below(ax, place, words, color):
    ax.annotate(
        words,
        (place, 0),
        xytext=(0, -6),
        textcoords="offset points",
        color=color,
        ha="center",
        va="top",
        annotation_clip=False,
    )


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
    ax.text(places[0] + 0.55, height, f"out / total = {output:.2f}", va="center")
    ax.set(xlim=(-0.6, len(scores) - 0.4), ylim=(-0.7, height + 0.4))
    ax.axis("off")


def _state_of_one(score, value):
    """Give the state of a single key."""
    one, score, value = (np.array([[float(x)]]) for x in (1, score, value))
    return partial_attention(one, score, value, scale=1.0)


def _write_state(ax, place, height, state):
    numbers = ((n, getattr(state, n)) for n in ("max", "total", "out"))
    ax.text(
        place,
        height,
        "\n".join(f"{name:5} {number.item():5.2f}" for name, number in numbers),
        ha="center",
        va="center",
        family="monospace",
        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": FIRST},
    )
