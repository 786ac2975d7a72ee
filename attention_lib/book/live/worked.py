"""The worked example: three scores, a temperature, and a row that grows."""

import numpy as np

from attention_lib import effective_support, entropy, max_weight, softmax
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["worked"]

STOPS = (0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000)


def worked(scores, caption, question):
    """Make the figure of the worked example, to change.

    Parameters
    ----------
    scores : sequence of 3 floats
        The scores at the start, with one decimal.
    caption, question : str
        What to conclude, and what to predict first.

    Returns
    -------
    Widget
        The figure.
    """
    scores = np.asarray(scores, dtype=np.float64)
    positive, weights = np.exp(scores), softmax(scores)
    columns = scores, positive, weights
    rows = [
        (f"{key}", shown(score, 1), shown(exponential, 4), shown(weight, 4))
        for key, (score, exponential, weight) in enumerate(
            zip(*columns, strict=True), 1
        )
    ]
    rows += [("each added", "–", "–", "–")]
    rows += [("sum", "", shown(positive.sum(), 4), shown(weights.sum(), 4))]
    measures = [
        ("keys", f"{len(scores)}"),
        ("largest weight", shown(max_weight(weights), 4)),
        ("entropy, nats", shown(entropy(weights), 4)),
        ("effective support, keys", shown(effective_support(weights), 4)),
    ]
    names = ["key", "score", "exponential", "weight"]
    fallback = still("From scores to weights", names, rows)
    fallback += still("How focused it is", ["measure", "value"], measures)
    start = {"scores": scores.tolist(), "temperature": 1.0, "stops": list(STOPS)}
    return Widget("worked", caption, question, fallback, **start)
