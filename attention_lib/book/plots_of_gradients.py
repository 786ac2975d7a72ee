"""Two panels: how softmax's rows move, and what trains their scores."""

import numpy as np

from attention_lib.book.plots import (
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    draw_range,
    label_lines,
)

__all__ = ["GRADIENTS", "draw_gradients", "draw_moves", "per_score"]

LIMITS = (5e-4, 5)

# What `root_d.at_start` measures, by what the gradient is of.
GRADIENTS = {
    "a batch": "batch",
    "expected": "parameters",
    "median example": "median",
}
_STYLES = {  # by how scores are scaled, and by what the gradient is of
    "raw": THIRD,
    "÷ √d": FIRST,
    "÷ d": SECOND,
    "a batch": THIRD,
    "expected": FIRST,
    "median example": FOURTH,
}


def draw_moves(ax, measured):
    """Draw the mean norm of softmax's Jacobian at random, by the size of a key.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    measured : dict
        ``at_random`` of `root_d`'s saved result: measures by how scores are scaled,
        and by d.
    """
    for label, by_size in measured.items():
        norms = [found["jacobian"] for found in by_size.values()]
        _draw(ax, [int(d) for d in by_size], norms, label)
    ax.set(ylabel="mean norm of the Jacobian", ylim=(0, None))
    label_lines(ax)


def per_score(measured, d, label):
    """Give how many times as large a gradient is where scores are raw, by replica.

    Raw scores move the root of d times as far with their matrices, and so do the
    gradients with respect to these. That factor is taken out.

    Parameters
    ----------
    measured : dict
        ``at_start`` of `root_d`'s saved result.
    d : str
        Coordinates of a key.
    label : str
        One of `GRADIENTS`.
    """
    name = GRADIENTS[label]
    raw, divided = (measured[scaled][d][name] for scaled in ("raw", "÷ √d"))
    factor = 1 if name == "median" else int(d) ** 0.5
    return np.divide(raw, divided) / factor


def draw_gradients(ax, measured):
    """Draw how many times as large the gradients are where scores are raw.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    measured : dict
        ``at_start`` of `root_d`'s saved result. The replicas have the same starts and
        the same data, however their scores are scaled.
    """
    sizes = [int(d) for d in measured["raw"]]
    one = np.ones(len(sizes))
    ax.plot(sizes, one, color="black", linewidth=0.8, linestyle="-", label="_one")
    ax.set(yscale="log", ylabel="gradient per score,\nraw over ÷ √d", ylim=LIMITS)
    for label in GRADIENTS:
        each = [per_score(measured, d, label) for d in measured["raw"]]
        # The least may be an estimate of zero, which has no logarithm.
        _draw(ax, sizes, each, label, least=LIMITS[0])
    label_lines(ax)


def _draw(ax, sizes, each, label, least=-np.inf):
    """Draw one line with its band, over the sizes of a key."""
    draw_range(ax, sizes, each, least, label=label, **_STYLES[label])
    ax.set(xscale="log", xlabel="d")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
