"""Two halves of a row, whose states merge."""

import numpy as np

from attention_lib import partial_attention
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["halves"]


def halves(scores, values, caption, question):
    """Make the figure of two states that merge.

    Parameters
    ----------
    scores, values : sequence of 4 floats
        One of each for every key; the scores with one decimal.
    caption, question : str
        What to conclude, and what to predict first.

    Returns
    -------
    Widget
        The figure.
    """
    scores, values = np.asarray(scores, float), np.asarray(values, float)
    names = ["maximum", "total", "out", "out / total"]
    states = [_state(scores[part], values[part]) for part in (slice(2), slice(2, 4))]
    rows = zip(names, *states, "––––", strict=True)
    columns = ["state", "keys 1 and 2", "keys 3 and 4", "all four"]
    start = {"scores": scores.tolist(), "values": values.tolist()}
    return Widget("halves", caption, question, still("States", columns, rows), **start)


def _state(scores, values):
    """Give the cells of the state that some keys leave."""
    query, key, value = np.ones((1, 1)), scores[:, None], values[:, None]
    state = partial_attention(query, key, value, scale=1.0)
    maximum, total, out = (x.item() for x in (state.max, state.total, state.out))
    cells = (total, out, out / total)
    return shown(maximum), *(shown(cell, 4) for cell in cells)
