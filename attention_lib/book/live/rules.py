"""Six rules for weights on one row, each in the triangle of three weights."""

import numpy as np

import attention_lib as al
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["RULES", "rules"]

# By the names that figures write.
RULES = {
    "softmax": al.softmax,
    "entmax-1.5": al.entmax,
    "sparsemax": al.sparsemax,
    "sigmoid / sum": al.NormalizedSigmoid(),
    "relu / sum": al.NormalizedReLU(),
    "best key only": al.hardmax,
}


def rules(scores, caption, question, *, reach=5.0):
    """Make the figure of one row under several rules.

    Parameters
    ----------
    scores : sequence of 3 floats
        The scores at the start, with one decimal.
    caption, question : str
        What to conclude, and what to predict first.
    reach : float, default 5.0
        How far from zero a score can be moved.

    Returns
    -------
    Widget
        The figure.
    """
    scores = np.asarray(scores, dtype=np.float64)
    rows = [
        (name, *(shown(w, 4) for w in weigh(scores))) for name, weigh in RULES.items()
    ]
    fallback = still("Weights", ["rule", "key 1", "key 2", "key 3"], rows)
    start = {"scores": scores.tolist(), "reach": reach}
    return Widget("rules", caption, question, fallback, **start)
