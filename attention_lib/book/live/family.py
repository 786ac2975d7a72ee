"""Three scores under a number that sharpens or flattens their weights."""

import numpy as np

from attention_lib import effective_support, entmax, entropy, softmax
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["family"]


def family(scores, caption, question, *, by="temperature", value=1.0):
    """Make the figure of a family of weights with one parameter.

    Parameters
    ----------
    scores : sequence of 3 floats
        The scores of three keys.
    caption, question : str
        What to conclude, and what to predict first.
    by : {"temperature", "alpha"}
        Whether softmax at a temperature, or entmax of an alpha.
    value : float, default 1.0
        The parameter at the start.

    Returns
    -------
    Widget
        The figure.
    """
    scores = np.array(scores, dtype=np.float64)
    if by == "temperature":
        weights, ends = softmax(scores, temperature=value), (0.1, 100.0)
    else:
        weights, ends = entmax(scores, alpha=value), (0.25, 4.0)
    rows = [
        (f"{key}", shown(score, 1), shown(weight, 4))
        for key, (score, weight) in enumerate(zip(scores, weights, strict=True), 1)
    ]
    measures = {
        "largest weight": weights.max(),
        "entropy, nats": entropy(weights),
        "effective support, keys": effective_support(weights),
    }
    fallback = still("Weights", ["key", "score", "weight"], rows) + still(
        "How spread out they are",
        ["measure", "value"],
        [(name, shown(float(x), 4)) for name, x in measures.items()],
    )
    start = {"scores": scores.tolist(), "by": by, "value": value}
    start |= {"low": ends[0], "high": ends[1]}
    return Widget("family", caption, question, fallback, **start)
