"""A query among keys, which a reader drags, and the output among the values."""

import numpy as np

from attention_lib import softmax
from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["drag"]


def drag(keys, values, caption, question, *, query, sharpness, reach=1.5, frame):
    """Make the figure of a query that can be dragged.

    Parameters
    ----------
    keys : array, shape (3, 2)
        Three keys in the plane.
    values : array, shape (3, 2)
        Their values, in a plane of their own.
    caption, question : str
        What to conclude, and what to predict first.
    query : sequence of 2 floats
        Where it is at the start.
    sharpness : float
        What multiplies each dot product of query and key.
    reach : float, default 1.5
        How far each coordinate of the query goes.
    frame : sequence of 2 floats
        The ends of both axes on which values and output are drawn.

    Returns
    -------
    Widget
        The figure.
    """
    keys, values = np.asarray(keys, float), np.asarray(values, float)
    scores = sharpness * keys @ query
    weights = softmax(scores)
    rows = [
        (f"{key}", shown(score), shown(weight, 4))
        for key, (score, weight) in enumerate(zip(scores, weights, strict=True), 1)
    ]
    output = [shown(x, 4) for x in weights @ values]
    fallback = still("Weights", ["key", "score", "weight"], rows) + still(
        "Output",
        ["coordinate", "of the output"],
        zip(("first", "second"), output, strict=True),
    )
    start = {"keys": keys.tolist(), "values": values.tolist(), "query": list(query)}
    start |= {"sharpness": sharpness, "reach": reach, "frame": list(frame)}
    return Widget("drag", caption, question, fallback, **start)
