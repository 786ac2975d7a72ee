"""Three scores, a shift that they share, and an option that does not share it."""

import numpy as np

from attention_lib import softmax
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["shift"]


def shift(scores, caption, question, *, by=0.0, low=-6.0, high=6.0):
    """Make the figure of a shift that all scores share.

    Parameters
    ----------
    scores : sequence of 3 floats
        The scores at the start, with one decimal.
    caption, question : str
        What to conclude, and what to predict first.
    by : float, default 0.0
        The shift at the start.
    low, high : float, default -6.0 and 6.0
        Its ends.

    Returns
    -------
    Widget
        The figure.
    """
    scores = np.asarray(scores, dtype=np.float64)
    weights = softmax(scores + by)
    rows = [
        (f"{key}", shown(score, 1), shown(score + by, 1), shown(weight, 4))
        for key, (score, weight) in enumerate(zip(scores, weights, strict=True), 1)
    ]
    rows += [("null option", "–", "–", "–")]
    rows += [("all keys", "", "", shown(weights.sum(), 4))]
    fallback = still("Weights", ["key", "score", "shifted", "weight"], rows)
    start = {"scores": scores.tolist(), "shift": by, "low": low, "high": high}
    return Widget("shift", caption, question, fallback, **start)
