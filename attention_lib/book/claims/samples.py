"""Rows and inputs that many claims are tried on, and what many of them ask."""

import numpy as np

from attention_lib import scaled_dot_product_attention as attend

__all__ = ["distribution", "inputs", "near", "read", "rows"]


def rows():
    """Draw rows of 2 to 1000 scores, flat and wild; add ties, extremes, one key."""
    rng = np.random.default_rng(0)
    drawn = [
        rng.normal(scale=scale, size=(20, n))
        for n in (3, 2, 16, 1000)
        for scale in (1.0, 0.01, 10.0)
    ]
    edges = [[0.0, 0.0, 0.0, 0.0], [3.0, 3.0, -5.0], [-700.0, -701.0], [-5.0]]
    return drawn + [np.array([row]) for row in edges]


def inputs():
    """Draw queries, keys and values of several sizes, among them a single key."""
    rng = np.random.default_rng(0)
    for n_queries, n_keys, d_key, d_value in (
        (3, 7, 4, 4),
        (5, 16, 8, 2),
        (2, 1, 3, 3),
    ):
        sizes = (n_queries, d_key), (n_keys, d_key), (n_keys, d_value)
        yield tuple(rng.normal(size=size) for size in sizes)


def read(scores, values, method="auto"):
    """Attend with one query that scores the keys so, and give what it reads."""
    query, keys = np.ones((1, 1)), np.asarray(scores)[:, None]
    return attend(query, keys, values, scale=1.0, method=method)[0]


def near(found, expected):
    """Tell whether numbers agree but for rounding in float64."""
    return np.allclose(found, expected, rtol=1e-9, atol=1e-12)


def distribution(weights):
    """Tell whether each row of weights is one: none negative, and a sum of one."""
    return (weights >= 0).all() and near(weights.sum(-1), 1)
