"""O13: what the essay leaves out of its motivation."""

import numpy as np

from attention_lib import PositiveRandomFeatures as Features
from attention_lib import linear_attention as linear
from attention_lib import scaled_dot_product_attention as attend
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near

FEW, MANY = 64, 1024


def short_vectors():
    """Draw queries and keys whose products are no larger than about one."""
    rng = np.random.default_rng(0)
    for n, d, length in ((32, 8, 0.7), (16, 4, 0.5)):
        query, key, value = rng.normal(size=(3, n, d))
        yield length * query / d**0.5, length * key / d**0.5, value


def longer_vectors_need_very_many():
    """Make queries and keys three times as long as their dimension's root allows."""
    query, key, value = np.random.default_rng(0).normal(size=(3, 32, 8))
    few, many = errors(3 * query / 8**0.5, 3 * key / 8**0.5, value)
    return few / many < 2


def errors(query, key, value):
    """Give the root mean square errors of few features and of 16 times as many."""
    rng, exact = np.random.default_rng(0), attend(query, key, value, scale=1.0)
    for m in (FEW, MANY):
        draws = [
            Features.draw(query.shape[-1], m, rng, orthogonal=False) for _ in range(20)
        ]
        approached = [linear(query, key, value, feature_map=f) for f in draws]
        yield np.sqrt(np.mean((approached - exact) ** 2))


def kept(key, value, phi):
    """Give the size of what linear attention remembers of the keys."""
    _, state = linear(key, key, value, feature_map=phi, return_state=True)
    return state.products.size


@claim(
    "O13",
    "01_motivation",
    "Softmax attention is a kernel smoother, which random features approach in linear "
    "time.",
    "Before the division a weight is e^(q · k), the mean product of random features "
    "of query and key. With m of them no matrix of all pairs is built, and the error "
    "falls like one over the root of m, once m is large enough: for long queries and "
    "keys, very large.",
    "01b_memory_and_cost#A kernel in disguise",
    over=short_vectors,
    besides=longer_vectors_need_very_many,
)
def a_smoother_that_random_features_approach(case):
    """Compare with the smoother; take 16 times the features, for a quarter error.

    What linear attention keeps of the keys must be as large for twice as many.
    """
    query, key, value = case
    kernel = np.exp(query @ key.T)
    smooth = kernel @ value / kernel.sum(-1, keepdims=True)
    few, many = errors(*case)
    falls = 2.5 < few / many < 6
    phi = Features.draw(query.shape[-1], FEW, np.random.default_rng(0))
    sizes = {kept(key[:n], value[:n], phi) for n in (len(key) // 2, len(key))}
    holds = near(attend(*case, scale=1.0), smooth) and falls and len(sizes) == 1
    return holds, f"{few:.3f} falls to {many:.3f}"
