"""A walk to other weights that give the same output."""

import numpy as np

from attention_lib.book.live.widget import Widget, shown, still

__all__ = ["nullspace", "others"]


def nullspace(weights, values, caption, question):
    """Make the figure of weights that walk while their output stays.

    Parameters
    ----------
    weights : array, shape (n,)
        Positive, with a sum of one.
    values : array, shape (n, 2)
        Of the keys; n is at least 4.
    caption, question : str
        What to conclude, and what to predict first.

    Returns
    -------
    Widget
        The figure.
    """
    weights, values = (np.asarray(each, dtype=np.float64) for each in (weights, values))
    ends = others(weights, values)
    rows = [
        (f"{key}", shown(start, 4), shown(end, 4), shown(start, 4))
        for key, (start, end) in enumerate(zip(weights, ends[0], strict=True), 1)
    ]
    output = [
        (f"{name}, {when}", shown(z, 12))
        for name, z in zip(("first", "second"), weights @ values, strict=True)
        for when in ("at the start", "now")
    ]
    fallback = still("Weights", ["key", "at the start", "at the end", "now"], rows)
    fallback += still("Output", ["coordinate", "value"], output)
    return Widget(
        "nullspace",
        caption,
        question,
        fallback,
        values=values.tolist(),
        weights=weights.tolist(),
        others=ends.tolist(),
    )


def others(weights, values):
    """Walk from some weights along each direction that leaves sum and output alone.

    A direction has two sides; the walk takes the one that leads farther.

    Parameters
    ----------
    weights : array, shape (n,)
        Positive, with a sum of one.
    values : array, shape (n, d)
        Of the keys.

    Returns
    -------
    array, shape (n - d - 1, n)
        In each row the weights where the first one has come to zero.

    Examples
    --------
    The middle one of three values in a line can give way to its neighbours:

    >>> others(np.array([0.2, 0.6, 0.2]), np.array([[-1.0], [0.0], [1.0]])).round(9)
    array([[0.5, 0. , 0.5]])
    """
    equations = np.column_stack([values, np.ones(len(weights))]).T
    free = np.linalg.svd(equations)[2][len(equations) :]
    return np.array([_farther(weights, direction) for direction in free])


def _farther(weights, direction):
    """Go as far as weights allow, to the side on which that is farther."""
    there, back = (
        (weights[side < 0] / -side[side < 0]).min() for side in (direction, -direction)
    )
    step = there if there >= back else -back
    # Rounding could leave a weight below zero by an ulp.
    return np.maximum(weights + step * direction, 0)
