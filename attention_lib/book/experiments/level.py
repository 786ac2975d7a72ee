"""Ask how large an output is when the row grows, and when the scores do.

Protocol. Scores are from N(0, scale²) and values from N(0, 1), or between 0 and 1 with
all of these equally likely. Measured is the root mean square of ``w(s) . v`` over 500
rows, for 4 to 4096 keys of scale 1, and for 64 keys of scale 0.1 to 100; 5 replicas.
Nothing is trained.

For a map that weighs each key by itself there is a formula, and for a sum of one as
well: with mean m and variance V of the values it is ``sqrt(m² + V E[Σ w²])``. Where m
is zero, averaging shrinks what it gives; where it is not, the mean stays. In both cases
it is no larger than ``sqrt(m² + V)``, that of the values.
"""

import math

import numpy as np

from attention_lib.book.experiments import maps

__all__ = ["MAPS", "VALUES", "output_size", "predicted", "protocol"]

MAPS = ("softmax", "raw", "relu", "relu/n", "sig+b")
KEYS = (4, 16, 64, 256, 1024, 4096)
SCALES = (0.1, 1.0, 10.0, 100.0)
VALUES = {  # how they are drawn, their mean and their variance
    "mean 0": (lambda rng, shape: rng.normal(size=shape), 0.0, 1.0),
    "0 to 1": (lambda rng, shape: rng.random(shape), 0.5, 1 / 12),
}


def output_size(
    weighting, n, *, values="mean 0", scale=1.0, rows=500, n_replicas=5, seed=0
):
    """Measure the root mean square of outputs.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    n : int
        Number of keys.
    values : {"mean 0", "0 to 1"}
        How values are drawn.
    scale : float, default 1.0
        Standard deviation of the scores.
    rows, n_replicas, seed : int
        Rows of each replica, replicas, and where their stream starts.

    Returns
    -------
    array, shape (n_replicas,)
        Sizes of outputs.
    """
    weigh, rng = maps.get_map(weighting), np.random.default_rng(seed)
    draw, _, _ = VALUES[values]
    sizes = []
    for _ in range(n_replicas):
        weights = weigh(scale * rng.normal(size=(rows, n)))
        outputs = (weights * draw(rng, (rows, n))).sum(-1)
        sizes.append(math.sqrt((outputs**2).mean()))
    return np.array(sizes)


def predicted(name, n, *, values="mean 0", scale=1.0):
    """Give what a formula says of the size of outputs, or None.

    Parameters
    ----------
    name : str
        A map. For softmax there is a formula where many keys share the weight:
        ``E[Σ w²]`` tends to ``e^(scale²) / n``.
    n, values, scale
        As in `output_size`.

    Returns
    -------
    float or None
        Root mean square.
    """
    _, mean, variance = VALUES[values]
    if name == "softmax":
        if n < 50 * math.exp(scale**2):
            return None
        return math.sqrt(mean**2 + variance * math.exp(scale**2) / n)
    part = 1 / n if name == "relu/n" else 1.0
    if name in {"relu", "relu/n"}:
        first, second = scale / math.sqrt(2 * math.pi), scale**2 / 2
    elif name == "raw":
        first, second = 0.0, scale**2
    else:
        return None
    one, pairs = n * second * (variance + mean**2), n * (n - 1) * (first * mean) ** 2
    return part * math.sqrt(one + pairs)


def protocol():
    """Measure every map with both kinds of values."""
    return {
        "settings": {"seed": 0, "replicas": 5, "rows": 500},
        "cells": [
            {
                "map": name,
                "values": values,
                "by_keys": {n: output_size(name, n, values=values) for n in KEYS},
                "predicted": {n: predicted(name, n, values=values) for n in KEYS},
                "by_scale": {
                    scale: output_size(name, 64, values=values, scale=scale)
                    for scale in SCALES
                },
            }
            for values in VALUES
            for name in MAPS
        ],
    }
