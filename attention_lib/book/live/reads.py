"""The words of a sentence, one of which asks and reads the others."""

import numpy as np

from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["reads"]


def reads(words, weights, caption, question, *, asks=-1):
    """Make the figure of what each word of a sentence reads.

    Parameters
    ----------
    words : sequence of str
        The words, each another one.
    weights : array, shape (words, words)
        One row for each word that asks.
    caption, question : str
        What to conclude, and what to predict first.
    asks : int, default -1
        The place of the word that asks at the start.

    Returns
    -------
    Widget
        The figure.
    """
    # As many digits as anyone will see: the state stands in the page.
    weights = np.asarray(weights, dtype=np.float64).round(6)
    asks %= len(words)
    rows = zip(words, [shown(w, 4) for w in weights[asks]], strict=True)
    fallback = still("What it reads", ["word", "weight"], rows)
    start = {"words": list(words), "weights": weights.tolist(), "asks": asks}
    return Widget("reads", caption, question, fallback, **start)
