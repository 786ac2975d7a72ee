"""Claims 7 to 11, the essay's sections 2 and 2.1: normalisation."""

import numpy as np

from attention_lib import (
    attention_scores,
    attention_weights,
    entropy,
    logsumexp,
    softmax,
)
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim


@claim(
    "7",
    "2",
    "Softmax turns raw similarity scores, usually dot products, into a probability "
    "distribution.",
    "true",
    "Of scaled dot products: attention also divides them by the root of their "
    "dimension, which the essay leaves out.",
    "02_normalization#A row of shares",
)
def weights_are_the_softmax_of_scaled_products():
    """Compute the weights step by step, with the root and without."""
    query, key = np.random.default_rng(0).normal(size=(2, 9, 16))
    weights = attention_weights(query, key)
    assert (weights > 0).all()
    assert abs(weights.sum(-1) - 1).max() < 1e-14
    products = query @ key.T
    assert np.allclose(weights, softmax(products / 16**0.5))
    off = abs(weights - softmax(products)).max()
    assert off > 0.1
    return f"without the root, weights are off by up to {off:.2f}"


@claim(
    "8",
    "2.1",
    "Raw scores such as dot products can range widely, without fixed bounds.",
    "true",
    "The spread of dot products grows with the root of the dimension. Queries and "
    "keys of length one, though, have scores between -1 and 1.",
    "02_normalization#How far do scores spread?",
)
def products_spread_as_the_root_of_the_dimension():
    """Multiply random queries and keys, then make each of length one."""
    rng, spread = np.random.default_rng(0), []
    for d in (64, 1024):
        vectors = rng.normal(size=(2, 300, d))
        scores, _ = attention_scores(*vectors, scale=1.0)
        spread.append(scores.std())
        assert abs(spread[-1] / d**0.5 - 1) < 0.05
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        bounded, _ = attention_scores(*vectors, scale=1.0)
        assert abs(bounded).max() <= 1
    return "spread {:.0f} at d = 64, {:.0f} at 1024".format(*spread)


@claim(
    "9",
    "2.1",
    "Softmax brings all of them into [0, 1], with a sum of one.",
    "true",
    "In exact arithmetic, two or more finite scores get weights strictly between 0 "
    "and 1. The ends are reached through a mask, through rounding, or with one key.",
    "02_normalization#A row of shares",
)
def the_ends_need_a_mask_rounding_or_a_single_key():
    """Weigh rows in two types, then reach for zero and one."""
    rows = np.random.default_rng(0).uniform(-10, 10, (1000, 8))
    for dtype in (np.float32, np.float64):
        weights = softmax(rows.astype(dtype))
        assert (weights > 0).all()
        assert (weights < 1).all()
        off = abs(weights.sum(-1, dtype=float) - 1).max()
        assert off < 8 * np.finfo(dtype).eps
    masked = softmax(rows, where=np.arange(8) < 5)
    assert not masked[:, 5:].any()
    far = np.array([0, -104], np.float32)
    assert softmax(far).tolist() == [1, 0]
    assert softmax(rows[:, :1]).tolist() == [[1]] * 1000
    return f"{weights.min():.0e} is the smallest of 8000"


@claim(
    "10",
    "2.1",
    "The weights then have a clear probabilistic meaning.",
    "true with conditions",
    "They are a distribution, but attention draws nothing from it. A meaning that is "
    "exact: the chance that a key wins when Gumbel noise is added to each score. "
    "Another: the best trade of expected score and entropy.",
    "02b_probabilities#Probabilities of what?",
)
def a_weight_is_the_chance_to_win_under_gumbel_noise():
    """Hold 100,000 noisy contests, and try 1000 other distributions."""
    rng, scores = np.random.default_rng(0), np.array([2.0, 1.0, 0.1])
    weights = softmax(scores)
    noise = rng.gumbel(size=(100_000, 3))
    wins = np.bincount((scores + noise).argmax(-1)) / len(noise)
    assert abs(wins - weights).max() < 0.006  # 4 standard errors
    # What p lacks in the trade is its divergence from softmax.
    p = rng.dirichlet(np.ones(3), 1000)
    lacks = logsumexp(scores) - (p @ scores + entropy(p))
    divergence = (p * np.log(p / weights)).sum(-1)
    assert np.allclose(lacks, divergence, rtol=0, atol=1e-13)
    return "won {:.3f}, {:.3f}, {:.3f}".format(*wins)


@claim(
    "11",
    "2.1",
    "This helps the model to understand which parts matter more.",
    "true with conditions",
    "Nothing is understood: the output is linear in the weights. What the sum of one "
    "buys is a bound: each output is an average of the values, and no larger than the "
    "largest.",
    "02c_buys_and_costs#What it buys",
)
def the_output_stays_between_the_values():
    """Count outputs beyond the values, with a sum of one and without."""
    rng = np.random.default_rng(0)
    query, key, value = (rng.normal(size=(n, 8)) for n in (1000, 16, 16))
    low, high = value.min(0) - 1e-12, value.max(0) + 1e-12
    beyond = {}
    for rule in ("softmax", "sigmoid"):
        output = attend(9 * query, key, value, weighting=rule)
        beyond[rule] = ((output < low) | (output > high)).any(-1).mean()
    assert beyond["softmax"] == 0
    assert beyond["sigmoid"] > 0.5
    return "beyond: {softmax:.0%}; sigmoid, {sigmoid:.0%}".format(**beyond)
