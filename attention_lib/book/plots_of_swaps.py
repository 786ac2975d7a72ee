"""The figure of what other maps cost a trained model, in the order of their costs."""

import numpy as np

from attention_lib.book.palette import WEIGHTINGS

__all__ = ["draw_prices"]

# Each in the colour of a rule that is in it.
STYLES = tuple(
    {"color": WEIGHTINGS[rule].light, "marker": mark}
    for rule, mark in (
        ("softmax", "o"),
        ("entmax", "s"),
        ("sigmoid", "^"),
        ("relu", "D"),
    )
)
TICKS = (0, 0.01, 0.1, 1, 10)
OVERFLOWS = "overflows"


def draw_prices(ax, prices, families, ticks=TICKS):
    """Draw a dot for the mean cost of each map, and a line from the least to the most.

    The cheapest map is at the top. The axis is linear up to its first tick above zero,
    and logarithmic beyond. A map whose numbers overflow stands last, without a dot.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw; a row takes about a fifth of an inch.
    prices : dict of str to array of shape (texts,)
        Costs of each map, in nats a token; NaN where numbers overflow.
    families : dict of str to sequence of str
        At most four families, and their maps: each has a colour and a mark. Maps that
        are not among the prices are left out, and so are prices of no family.
    ticks : sequence of float, default (0, 0.01, 0.1, 1, 10)
        Costs to write on the axis.
    """
    known = {
        name: np.asarray(prices[name], dtype=float)
        for names in families.values()
        for name in names
        if name in prices
    }
    # NaN is sorted behind every number.
    names = sorted(
        known, key=lambda name: np.nan_to_num(known[name].mean(), nan=np.inf)
    )
    rows = {name: row for row, name in enumerate(names)}
    ax.set_xscale("symlog", linthresh=ticks[1], linscale=0.5)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.axvline(0, color="black", linewidth=0.8, linestyle="-", label="_nothing")
    for (family, members), style in zip(families.items(), STYLES, strict=False):
        here = [name for name in members if name in rows]
        _draw_family(ax, {rows[name]: known[name] for name in here}, style, family)
    ax.set_yticks(range(len(names)), names)
    ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="cost (nats a token)")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", linewidth=0.4, alpha=0.6)
    ax.set_axisbelow(True)
    # Above: inside, it would hide ranges or the line at zero.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)


def _draw_family(ax, costs, style, label):
    """Draw the maps of a family, by row."""
    color = style["color"]
    finite = {row: each for row, each in costs.items() if np.isfinite(each).all()}
    for row, each in finite.items():
        ends = (each.min(), each.max())
        ax.plot(ends, (row, row), "-", color=color, linewidth=1.5, label="_range")
    means = [each.mean() for each in finite.values()]
    ax.plot(means, list(finite), style["marker"], color=color, label=label)
    for row in costs.keys() - finite.keys():
        ax.annotate(
            OVERFLOWS,
            (1, row),
            xycoords=("axes fraction", "data"),
            color=color,
            ha="right",
            va="center",
        )
