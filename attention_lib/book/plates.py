"""A plate for each page of a chapter: its key figure, without a word.

Plates stand on the cards of the landing page, and for a page where its address is
shared. They are small there: so no labels, and thick lines.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from attention_lib import NormalizedReLU, entmax, softmax, sparsemax
from attention_lib.book import (
    plots,
    plots_of_costs,
    plots_of_focus,
    plots_of_heads,
    plots_of_needle,
    plots_of_rows,
    plots_of_sinks,
    plots_of_states,
    plots_of_swaps,
    plots_of_tokens,
    plots_of_weightings,
    seeded_bugs,
)
from attention_lib.book.claims import ESSAY, LEDGER
from attention_lib.book.experiments import arrays, capacity, depth, load, swapped
from attention_lib.book.palette import AMBER, GREEN, PURPLE, ROSE, SERIES
from attention_lib.book.timings import timed

__all__ = ["PLATES", "SIZE", "plate"]

SIZE = (6.0, 3.15)  # inches: the shape in which shared pictures are shown
SCORES = np.array([2.0, 1.0, 0.1])
STYLE = {"lines.linewidth": 4, "lines.markersize": 8, "image.cmap": "cividis"}
VERDICTS = {
    "true": ("o", GREEN),
    "true with conditions": ("s", AMBER),
    "false as stated": ("X", ROSE),
    "contested": ("D", PURPLE),
}


def plate(page):
    """Draw the plate of a page.

    Parameters
    ----------
    page : str
        The name of its file, without its ending: one of `PLATES`.

    Returns
    -------
    matplotlib.figure.Figure
        The plate, of `SIZE`.
    """
    with plt.style.context(["attention_lib.book.book", STYLE]):
        figure = plt.figure(figsize=SIZE)
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
        PLATES[page](figure)
        for ax in figure.axes:
            _silence(ax)
        # The layout is that of wordless axes.
        figure.canvas.draw()
    return figure


def _silence(ax):
    """Take all that is written off some axes."""
    for image in (*ax.images, *ax.collections):
        if image.colorbar is not None:
            image.colorbar.remove()
    for words in (*ax.texts, *filter(None, [ax.get_legend()])):
        words.remove()
    ax.set(title="", xlabel="", ylabel="")
    ax.axis("off")


def _motivation(figure):
    ax = figure.subplots()
    angles, values = np.array([0.3, 1.4, 2.4]), np.array([1.0, 2.0, 4.0])
    turns = np.linspace(0, 2.7, 270)
    cosines = np.cos(turns[:, None] - angles)
    hard = values[np.argmax(cosines, -1)]
    soft = {str(b): softmax(b * cosines) @ values for b in (50, 5)}
    plots_of_weightings.draw_steps(ax, turns, hard, soft)


def _memory(figure):
    ax = figure.subplots()
    ax.set(xscale="log", ylim=(-0.1, 1.1))
    names = ("softmax β=√d", "e^s − 1 β=1", "raw", "softmax β=1")
    curves = capacity.recall_curves(names)
    plots_of_weightings.draw_ranges(ax, capacity.PAIRS, curves)


def _normalization(figure):
    """Draw rows of shares, each as long as the others, from even to sharp."""
    ax = figure.subplots()
    sharpness = np.array([0.0, 0.25, 0.5, 1.0, 2.0])
    rows = softmax(sharpness[:, None] * np.append(SCORES, -0.5))
    starts = np.cumsum(rows, -1) - rows
    for share, start, colour in zip(rows.T, starts.T, SERIES, strict=True):
        ax.barh(-np.arange(len(rows)), share, 0.7, left=start, color=colour.light)


def _probabilities(figure):
    """Draw three scores with Gumbel noise: how often each is the largest is softmax."""
    ax = figure.subplots()
    x = np.linspace(-2, 7, 361)
    for score, style in zip(1.5 * SCORES, plots.KEY_STYLES, strict=True):
        density = np.exp(-(x - score) - np.exp(-(x - score)))
        ax.plot(x, density, color=style["color"], linestyle=style["linestyle"])
        ax.fill_between(x, density, color=style["color"], alpha=0.15, linewidth=0)


def _buys_and_costs(figure):
    ways = {
        "with a skip": {"skip": True},
        "causal mask": {"skip": False, "causal": True},
        "matrices × 3": {"skip": False, "scale": 3.0},
        "attention alone": {"skip": False},
    }
    stacks = {name: depth.differences_left(**way) for name, way in ways.items()}
    plots_of_rows.draw_layers(figure.subplots(), stacks, floor=1e-12)


def _one_pass(figure):
    axes = figure.subplots(1, 3, sharey=True)
    plots_of_states.draw_merge_steps(axes, [2.0, 1.0], [0.1, 3.0])


def _focus(figure):
    plots_of_focus.draw_frontier(figure.subplots(), shares=(0.1, 0.5, 0.9))


def _sharpness(figure):
    found = load("sharpness")["result"]["sharpness"]
    costs = np.array([each["cost"] for each in found.values()]).T
    factors = [float(factor) for factor in found]
    plots_of_heads.draw_cost(figure.subplots(), factors, costs, {}, ())


def _long_rows(figure):
    plots_of_needle.draw_needle(figure.subplots())


def _interpretability(figure):
    saved = arrays("sinks")
    weight, brought = (
        saved[name].astype(float).mean(axis=0) for name in ("weight", "contribution")
    )
    plots_of_sinks.draw_layers(figure.subplots(), weight, brought)


def _which_token(figure):
    maps = list(seeded_bugs.maps().values())[:3]
    plots_of_tokens.draw_lettered(figure.subplots(1, 3), maps)


def _worked_example(figure):
    ax = figure.subplots()
    temperatures = np.geomspace(0.1, 30, 121)[:, None]
    weights = softmax(np.tile(SCORES, (121, 1)), temperature=temperatures)
    plots.draw_keys(ax, temperatures, weights)
    ax.axvline(1, color="black", linewidth=1.5, linestyle="-")
    ax.set(xscale="log")


def _alternatives(figure):
    scores = 1.5 * np.random.default_rng(0).normal(size=(1500, 3))
    maps = {
        "softmax": softmax,
        "sparsemax": sparsemax,
        "relu / sum": NormalizedReLU(),
    }
    for ax, (name, weigh) in zip(figure.subplots(1, 3), maps.items(), strict=True):
        weights = weigh(scores)
        plots_of_weightings.draw_simplex(ax, weights[weights.any(-1)], name)


def _one_family(figure):
    ax = figure.subplots()
    leads = np.linspace(0, 8, 321)
    rows = np.column_stack([leads, np.zeros((321, 9))])
    styles = plots_of_weightings.WEIGHTING_STYLES
    family = {"sparsemax": 2, "entmax-1.5": 1.5, "softmax": 1, "entmax-0.5": 0.5}
    for name, alpha in family.items():
        ax.plot(leads, entmax(rows, alpha)[:, 0], **styles[name] | {"marker": ""})


def _which_weighting(figure):
    ax = figure.subplots()
    plots_of_swaps.draw_prices(ax, swapped.prices(), swapped.FAMILIES)


def _at_scale(figure):
    """Draw the roof that was measured, and attention below it."""
    intensities = {"in one matrix": 15.5, "in blocks": 60.0, "of one query": 0.5}
    reached = {
        name: (intensity, timed("many_processes", f"attention {name}")["median"])
        for name, intensity in intensities.items()
    }
    roof = plots_of_costs.roof_of("many_processes")
    plots_of_costs.draw_roof(figure.subplots(), roof, reached)


def _many_machines(figure):
    """Draw the work of a causal ring by steps: contiguous shards, and striped ones."""
    rows = np.arange(48)
    for ax, order in zip(
        figure.subplots(1, 2), (rows, rows.reshape(12, 4).T.ravel()), strict=True
    ):
        shards = np.split(order, 4)
        work = [
            [np.mean(shards[p][:, None] >= shards[(p - step) % 4]) for p in range(4)]
            for step in range(4)
        ]
        plots_of_costs.draw_work(ax, work, "")


def _summary(figure):
    """Draw a mark for each sentence of the essay, by what became of it."""
    ax = figure.subplots()
    found = sorted(
        (c.verdict for c in LEDGER if c.number in ESSAY), key=list(VERDICTS).index
    )
    height = math.ceil(len(found) / 9)
    for place, verdict in enumerate(found):
        mark, colour = VERDICTS[verdict]
        at = place // height, -(place % height)
        ax.plot(*at, mark, color=colour.light, markersize=22)
    ax.set(xlim=(-0.8, (len(found) - 1) // height + 0.8), ylim=(0.2 - height, 0.8))


PLATES = {
    "01_motivation": _motivation,
    "01b_memory_and_cost": _memory,
    "02_normalization": _normalization,
    "02b_probabilities": _probabilities,
    "02c_buys_and_costs": _buys_and_costs,
    "02d_one_pass": _one_pass,
    "03_focus": _focus,
    "03b_sharpness": _sharpness,
    "03c_long_rows": _long_rows,
    "04_interpretability": _interpretability,
    "04b_which_token": _which_token,
    "05_worked_example": _worked_example,
    "06_alternatives": _alternatives,
    "06b_one_family": _one_family,
    "06c_which_weighting": _which_weighting,
    "07_at_scale": _at_scale,
    "07b_many_machines": _many_machines,
    "08_summary": _summary,
}
