"""A key that leads all others: its weight by its lead and the length of the row."""

import math

import numpy as np

from attention_lib import softmax
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["STOPS", "heat"]

STOPS = tuple(2**power for power in range(1, 21))


def heat(caption, question, *, lead=5.0, keys=16, top=18.0):
    """Make the figure of the share that a lead buys.

    Parameters
    ----------
    caption, question : str
        What to conclude, and what to predict first.
    lead : float, default 5.0
        How far one score is above all others, which tie, at the start.
    keys : int, default 16
        Their number, with the one that leads; one of `STOPS`.
    top : float, default 18.0
        The longest lead.

    Returns
    -------
    Widget
        The figure.
    """
    weight = softmax(np.append(lead, np.zeros(keys - 1)))[0]
    needed = math.log(keys - 1)
    rows = [
        ("its weight", shown(weight, 4)),
        ("all others together", shown(1 - weight, 4)),
        ("lead for a half", shown(needed, 4)),
        ("lead for nine tenths", shown(needed + math.log(9), 4)),
    ]
    fallback = still("The leading key", ["quantity", "value"], rows)
    start = {"lead": lead, "keys": keys, "stops": list(STOPS), "top": top}
    return Widget("heat", caption, question, fallback, **start)
