"""Claims 1 and 2, the essay's introduction: what softmax is said to do."""

import math

import numpy as np

from attention_lib import (
    attention_weights,
    masks,
    scaled_dot_product_attention,
    softmax,
)
from attention_lib.book.claims.ledger import claim


@claim(
    "1",
    "intro",
    "Softmax turns the attention weights into a probability distribution.",
    "true with conditions",
    "It turns scores into weights: for each query, a distribution over the keys that "
    "no mask hides. With every key hidden there is none, and dropout in training "
    "breaks the sum.",
    "02_normalization#A row of shares",
)
def rows_sum_to_one_until_weights_are_dropped():
    """Sum rows of weights: masked, all masked, and with dropout."""
    rng = np.random.default_rng(0)
    query, key = rng.normal(size=(2, 64, 16))
    weights = attention_weights(query, key, masks.causal(64, 64))
    assert (weights >= 0).all()
    assert abs(weights.sum(-1) - 1).max() < 1e-14
    nothing = np.zeros((64, 64), bool)
    assert not attention_weights(query, key, nothing).any()
    # Attention to values that are all one gives the sums.
    sums = scaled_dot_product_attention(
        query, key, np.ones((64, 1)), dropout_p=0.1, rng=rng
    )
    assert sums.min() < 0.9 < 1.05 < sums.max()
    return f"sums {sums.min():.2f} to {sums.max():.2f} with dropout 0.1"


@claim(
    "2",
    "intro",
    "So the model focuses on the most relevant parts and ignores the rest.",
    "true with conditions",
    "It plays the rest down, and never ignores it. Where one of n keys leads all "
    "others by g or more, these keep at most (n - 1)/(n - 1 + e^g) of the weight, and "
    "exactly that if all trail by g: with enough keys, almost all.",
    "01_motivation#Soft means that everything is read",
)
def the_irrelevant_keys_together_outweigh_the_relevant_one():
    """Let one key lead by 5, among ever more others."""
    gap, shares = 5.0, []
    for n in (16, 1024, 131072):
        most = (n - 1) / (n - 1 + math.exp(gap))
        tied = softmax(np.append(np.zeros(n - 1), gap))
        spread = softmax(np.append(-np.linspace(0, 9, n - 1), gap))
        assert min(tied.min(), spread.min()) > 0
        assert 1 - spread[-1] < most
        assert math.isclose(1 - tied[-1], most, rel_tol=1e-9)
        shares.append(most)
    assert shares[0] < 0.1 < 0.8 < shares[1] < 0.99 < shares[2]
    return f"{shares[1]:.0%} of the weight on 1023 others"
