"""Measure how well a row of weights sums to one on a computer.

Protocol. Scores come from N(0, 1), and from N(0, 8²) where it is said. (1) The sum, in
float64, of 4096 weights computed in three types: 8 replicas of 64 rows, the worst row
of each. (2) Where the exponential overflows, where it is exactly zero, and below which
score it is *subnormal*, with fewer and fewer digits, by bisection. A processor set to
flush such numbers to zero has none there. (3) The largest relative error of a weight
among 16384 in float32, in units of 2^-24, for four ways to compute it: as the formula
stands, with the maximum subtracted first, and online, one key at a time and 128 at a
time; 5 replicas of 4 rows. Subtracting the maximum buys range and not accuracy
(Blanchard, Higham and Higham, 2021, https://doi.org/10.1093/imanum/draa038). (4)
Attention over 24 blocks of 1000 keys, merged in the order of a random tree, against the
whole, in float64; 1000 trees. (5) Row sums under dropout 0.1 of 64 weights; 5 replicas
of 1000 rows.
"""

import numpy as np
import torch

from attention_lib import (
    finalize,
    merge,
    online_softmax,
    partial_attention,
    scaled_dot_product_attention,
    softmax,
)

__all__ = [
    "dropout_row_sums",
    "exponential_range",
    "merge_errors",
    "protocol",
    "row_sum_errors",
    "subnormal_below",
    "weight_errors",
]

UNIT = 2.0**-24  # half the distance of float32 numbers just above one
BLOCK = 128  # keys that are taken in at a time
WIDEST = 1000.0  # a score at which every type overflows


def row_sum_errors(dtype, n=4096, *, rows=64, n_replicas=8, seed=0):
    """Measure how far sums of weights are from one.

    Parameters
    ----------
    dtype : {"float16", "bfloat16", "float32"}
        Type of the scores and the weights.
    n, rows : int
        Keys of a row, and rows of a replica.
    n_replicas, seed : int
        Replicas, and where their stream starts.

    Returns
    -------
    array, shape (n_replicas,)
        Largest error of a row.
    """
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.normal(size=(n_replicas, rows, n)))
    weights = softmax(scores.to(getattr(torch, dtype)))
    return (weights.double().sum(-1) - 1).abs().amax(-1).numpy()


def exponential_range(dtype):
    """Find the largest score whose exponential is zero, and the largest finite one.

    Parameters
    ----------
    dtype : {"float16", "float32", "float64"}
        Type of the score and the exponential.

    Returns
    -------
    tuple of float
        At the first and below ``e^s`` is zero; above the second it is infinite.
    """
    number = np.dtype(dtype).type
    with np.errstate(over="ignore", under="ignore"):
        zero = last(number, lambda s: np.exp(s) == 0, -WIDEST, 0.0)
        finite = last(number, lambda s: np.isfinite(np.exp(s)), 0.0, WIDEST)
    return zero, finite


def subnormal_below(dtype):
    """Find the largest score whose exponential is below the smallest normal number.

    Parameters
    ----------
    dtype : {"float16", "float32", "float64"}
        Type of the score and the exponential.

    Returns
    -------
    float
        At it and below, ``e^s`` is there only by gradual underflow.
    """
    number, tiny = np.dtype(dtype).type, np.finfo(dtype).tiny
    with np.errstate(under="ignore"):
        return last(number, lambda s: np.exp(s) < tiny, -WIDEST, 0.0)


def last(number, holds, low, high):
    """Bisect for the last score at which `holds`, which is true at `low`."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(number(middle)) else (low, middle)
    return float(number(low))


def weight_errors(spread=1.0, n=16384, *, rows=4, n_replicas=5, seed=0):
    """Compare four ways to compute softmax in float32 with float64.

    Parameters
    ----------
    spread : float, default 1.0
        Standard deviation of the scores.
    n, rows : int
        Keys of a row, and rows of a replica.
    n_replicas, seed : int
        Replicas, and where their stream starts.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        Largest relative error of a weight in units of 2^-24, by name of the way.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.normal(scale=spread, size=(n_replicas, rows, n)).astype(np.float32)
    exact = softmax(drawn.astype(np.float64))
    shifted = np.exp(drawn - drawn.max(-1, keepdims=True))

    def online(step):
        """Weigh with the maximum and the sum of a pass in blocks."""
        blocks = np.split(drawn, range(step, n, step), axis=-1)
        *_, (peak, total) = online_softmax(blocks)
        return np.exp(drawn - peak[..., None]) / total[..., None]

    ways = {
        "naive": np.exp(drawn) / np.exp(drawn).sum(-1, keepdims=True),
        "max subtracted": shifted / shifted.sum(-1, keepdims=True),
        "online": online(1),
        f"online, {BLOCK} at a time": online(BLOCK),
    }
    return {
        name: (abs(weights - exact) / exact).max((1, 2)) / UNIT
        for name, weights in ways.items()
    }


def merge_errors(trees=1000, n=1000, blocks=24, *, seed=0):
    """Merge blocks of keys in the order of random trees.

    Parameters
    ----------
    trees, n, blocks : int
        Number of trees, of keys, and of blocks of each tree.
    seed : int
        Where the random stream starts.

    Returns
    -------
    array, shape (trees,)
        Largest difference from attention over all keys, relative to its largest entry.
    """
    rng = np.random.default_rng(seed)
    query, key, value = (rng.normal(size=(size, 8)) for size in (1, n, n))
    whole = scaled_dot_product_attention(query, key, value)
    errors = []
    for _ in range(trees):
        cuts = np.sort(rng.choice(np.arange(1, n), blocks - 1, replace=False))
        states = [
            partial_attention(query, key[part], value[part], n_keys=n)
            for part in np.split(rng.permutation(n), cuts)
        ]
        while len(states) > 1:
            first, second = rng.choice(len(states), 2, replace=False)
            merged = merge(states[first], states[second])
            states = [s for i, s in enumerate(states) if i not in (first, second)]
            states.append(merged)
        errors.append(abs(finalize(states[0]) - whole).max())
    return np.array(errors) / abs(whole).max()


def dropout_row_sums(p=0.1, n=64, *, rows=1000, n_replicas=5, seed=0):
    """Sum the weights of rows under dropout: attention to values that are all one.

    Parameters
    ----------
    p : float, default 0.1
        Part of the weights that are dropped; the others are divided by ``1 - p``.
    n, rows : int
        Keys of a row, and rows of a replica.
    n_replicas, seed : int
        Replicas, and where their stream starts.

    Returns
    -------
    array, shape (n_replicas, rows)
        Sums.
    """
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n_replicas, rows, n))
    keys = np.broadcast_to(np.eye(n), (n_replicas, n, n))
    ones = np.ones((n_replicas, n, 1))
    sums = scaled_dot_product_attention(
        scores, keys, ones, scale=1.0, dropout_p=p, rng=rng
    )
    return sums[..., 0]


def protocol():
    """Measure everything."""
    sums = dropout_row_sums()
    types = ("float16", "bfloat16", "float32")
    return {
        "settings": {
            "seed": 0,
            "n": {"row sums": 4096, "errors": 16384, "merges": 1000},
        },
        "row_sum_error": {dtype: row_sum_errors(dtype) for dtype in types},
        "exponential_range": {
            dtype: exponential_range(dtype)
            for dtype in ("float16", "float32", "float64")
        },
        "subnormal_below": {
            dtype: subnormal_below(dtype) for dtype in ("float16", "float32", "float64")
        },
        "weight_error": {str(spread): weight_errors(spread) for spread in (1.0, 8.0)},
        "merge_error": {"trees": 1000, "worst": merge_errors().max()},
        "dropout": {
            "std": sums.std(1),
            "smallest": sums.min(1),
            "largest": sums.max(1),
        },
    }
