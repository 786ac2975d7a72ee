"""The figures of what maps tell: every replica a dot, and maps without a name."""

from string import ascii_uppercase

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND, THIRD, label_lines

__all__ = ["draw_lettered", "draw_methods", "draw_pairs"]

STYLES = (FIRST, FOURTH, THIRD, SECOND)
CORNER = {"ha": "right", "va": "top", "fontsize": 14, "weight": "bold"}
ASIDE = 0.18  # how far apart the groups of one method stand


def draw_methods(ax, groups, label):
    """Draw what each method reaches: a dot for each replica, a line at their mean.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    groups : dict of str to dict of str to sequence of float
        Four at most, by their labels; in each, by method, one number a replica. All
        have the same methods, which are written below the axis.
    label : str
        What is measured, for the axis.
    """
    methods = list(next(iter(groups.values())))
    shifts = ASIDE * (np.arange(len(groups)) - (len(groups) - 1) / 2)
    ax.set(ylabel=label, xlim=(-0.5, len(methods) - 0.5))
    ax.set_xticks(
        range(len(methods)), [name.replace(" × ", "\n× ") for name in methods]
    )
    styles = STYLES[: len(groups)]
    for (name, found), shift, style in zip(groups.items(), shifts, styles, strict=True):
        dots = {"color": style["color"], "marker": style["marker"], "linestyle": ""}
        for place, method in enumerate(methods):
            each = np.sort(found[method])
            aside = np.linspace(-0.04, 0.04, len(each))  # so that equal ones show
            ax.plot(place + shift + aside, each, **dots, markersize=4, alpha=0.7)
            ends = place + shift + np.array([-0.07, 0.07])
            line = {"color": style["color"], "linestyle": "-", "linewidth": 1.5}
            ax.plot(ends, np.full(2, each.mean()), **line)
        # Unseen, at the right end of the axes: there the label stands.
        place = len(methods) - 0.5
        ax.plot(place, each.mean(), alpha=0, color=style["color"], label=name)
    label_lines(ax)


def draw_pairs(ax, groups, label):
    """Draw two groups of the same measures, one row each, with a dot for a replica.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    groups : dict of str to dict of str to sequence of float
        Two, by their labels, which stand above the first measure; in each, by measure,
        one number a replica.
    label : str
        What is measured, for the axis.
    """
    measures = list(next(iter(groups.values())))
    places = range(len(measures))[::-1]
    ax.set(xlabel=label, ylim=(-0.5, len(measures) - 0.3))
    ax.set_yticks(places, measures)
    for (name, found), style in zip(groups.items(), (FIRST, FOURTH), strict=True):
        dots = {"color": style["color"], "marker": style["marker"], "linestyle": ""}
        for place, measure in zip(places, measures, strict=True):
            each = found[measure]
            ax.plot(each, np.full(len(each), place), **dots, markersize=5, alpha=0.7)
        above = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center"}
        top = np.mean(found[measures[0]]), places[0]
        ax.annotate(name, top, **above, color=style["color"])


def draw_lettered(axes, maps):
    """Draw maps of weights side by side, each with a letter in place of its name.

    Parameters
    ----------
    axes : sequence of matplotlib.axes.Axes
        Where to draw, one for each map.
    maps : sequence of array, each of shape (n, n)
        Weights, a row for each query, on one scale from zero to one.
    """
    for ax, weights, letter in zip(axes, maps, ascii_uppercase, strict=False):
        ax.imshow(weights, vmin=0, vmax=1)
        ax.text(0.97, 0.95, letter, transform=ax.transAxes, color="white", **CORNER)
        ax.set(xticks=[], yticks=[], xlabel="key")
    axes[0].set_ylabel("query")
