"""The figures of cost: a roof of two ceilings, keys that are read, steps of a ring."""

from typing import NamedTuple

import numpy as np

from attention_lib.book.plots import FIRST, FOURTH, SECOND, THIRD, label_lines
from attention_lib.book.plots_of_weightings import WEIGHTING_STYLES
from attention_lib.book.timings import saved

__all__ = ["Roof", "draw_keys_read", "draw_roof", "draw_work", "roof_of"]


class Roof(NamedTuple):
    """The two ceilings of a machine, as one run measured them.

    Attributes
    ----------
    product : float
        GFLOP/s of a product of matrices.
    copy : float
        GB/s, read and written, of a copy.
    machine : str
        What was measured, and when.
    """

    product: float
    copy: float
    machine: str

    @property
    def ridge(self):
        """The operations a byte from which on the product is the limit."""
        return self.product / self.copy

    def at(self, intensity):
        """Give the most GFLOP/s at so many operations a byte."""
        return np.minimum(self.product, self.copy * np.asarray(intensity))


def roof_of(benchmark):
    """Read the ceilings of a benchmark, or give None where it has measured none.

    Parameters
    ----------
    benchmark : str
        The name of a saved result, whose rows "product" and "copy" are taken.

    Returns
    -------
    Roof or None
        Medians, of one run.
    """
    result = saved(benchmark)
    if result is None:
        return None
    found = {}
    for kind, unit in (("product", "GFLOP/s"), ("copy", "GB/s")):
        rows = [row for row in result["rows"] if row["case"].startswith(kind)]
        if len(rows) != 1 or rows[0]["measure"] != unit:
            return None
        found[kind] = rows[0]["median"]
    device = result.get("gpu", {}).get("device", result["machine"]["processor"])
    return Roof(**found, machine=f"{device}, {result['date']}")


def draw_roof(ax, roof, reached):
    """Draw the roof, and what was reached below it.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    roof : Roof
        The ceilings.
    reached : dict of str to (float, float)
        Operations a byte, and GFLOP/s, by name.
    """
    across = np.array([x for x, _ in reached.values()])
    x = np.geomspace(min(*across, roof.ridge) / 4, max(*across, roof.ridge) * 4, 201)
    ax.plot(x, roof.at(x), color="black", linestyle="-", linewidth=1.5)
    styles = (FIRST, SECOND, THIRD, FOURTH)
    for (name, (place, rate)), style in zip(reached.items(), styles, strict=False):
        look = {"color": style["color"]}
        ends = [rate, float(roof.at(place))]
        ax.plot([place, place], ends, linestyle=":", linewidth=1.2, **look)
        ax.plot(place, rate, style["marker"], markersize=8, **look)
        ax.annotate(
            name,
            (place, rate),
            xytext=(0, -9),
            textcoords="offset points",
            ha="center",
            va="top",
            **look,
        )
    ax.set(xscale="log", yscale="log")
    lowest = min(min(rate for _, rate in reached.values()), roof.at(x[0]))
    ax.set(ylim=(lowest / 3, roof.product * 2.2))
    ax.set(xlabel="operations a byte", ylabel="GFLOP/s")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")


def draw_keys_read(ax, lengths, read):
    """Draw how many keys a query reads, against the number that there are.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    lengths : sequence of int
        Numbers of keys.
    read : dict of (str, str) to sequence of float
        Keys read, by weighting and by a label; a second label of a weighting is
        drawn with thinner lines.
    """
    ax.set(xscale="log", yscale="log", xlabel="number of keys")
    ax.set(ylabel="keys with weight")
    seen = set()
    for (weighting, label), keys in read.items():
        style = WEIGHTING_STYLES[weighting] | {
            "linewidth": 1 if weighting in seen else 2
        }
        seen.add(weighting)
        ax.plot(lengths, keys, **style, label=label)
    ax.set_xticks(lengths, [f"{n:,}" for n in lengths])
    ax.yaxis.set_major_formatter("{x:,g}")
    ax.minorticks_off()
    ax.margins(y=0.1)
    label_lines(ax)


def draw_work(ax, pairs, name):
    """Draw how much each process computes in each step, as shades with numbers.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    pairs : array, shape (steps, processes)
        Pairs of query and key, as a share of those of a whole block.
    name : str
        Written above.
    """
    pairs = np.asarray(pairs, dtype=float)
    ax.imshow(pairs, vmin=0, vmax=1, aspect="auto")
    for (step, process), share in np.ndenumerate(pairs):
        color = "white" if share < 0.6 else "black"
        words = f"{share:.2f}".rstrip("0").rstrip(".")
        ax.text(process, step, words, ha="center", va="center", color=color)
    steps, processes = pairs.shape
    ax.set_xticks(range(processes), range(1, processes + 1))
    ax.set_yticks(range(steps), range(1, steps + 1))
    ax.set(xlabel="process", ylabel="step")
    ax.text(0.5, 1.04, name, transform=ax.transAxes, ha="center", va="bottom")
    for spine in ax.spines.values():
        spine.set_visible(False)
