"""O13: what the essay leaves out of its motivation."""

import numpy as np

from attention_lib import PositiveRandomFeatures as Features
from attention_lib import linear_attention as linear
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim


@claim(
    "O13",
    "01_motivation",
    "Softmax attention is a kernel smoother, which random features approach in linear "
    "time.",
    "missing",
    "Before the division a weight is e^(q · k), the mean product of random features "
    "of query and key. With m of them no matrix of all pairs is built, and the error "
    "falls like one over the root of m, once m is large enough: for long queries and "
    "keys, very large.",
    "01b_memory_and_cost#A kernel in disguise",
)
def random_features_approach_softmax_attention():
    """Take 16 times as many features: a quarter of the error."""
    rng, error = np.random.default_rng(0), {}
    for length in (0.7, 3.0):
        query, key, value = rng.normal(size=(3, 32, 8))
        query, key = length * query / 8**0.5, length * key / 8**0.5
        exact = attend(query, key, value, scale=1.0)
        for m in (64, 1024):
            draws = [Features.draw(8, m, rng) for _ in range(10)]
            near = [linear(query, key, value, feature_map=f) for f in draws]
            error[length, m] = np.std(near - exact)
    assert 2.5 < error[0.7, 64] / error[0.7, 1024] < 6
    assert error[3.0, 64] / error[3.0, 1024] < 2
    return f"{error[0.7, 64]:.3f} falls to {error[0.7, 1024]:.3f}"
