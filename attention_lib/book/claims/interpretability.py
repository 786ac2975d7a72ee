"""Claim 17, the essay's section 2.3: interpretability."""

import numpy as np

from attention_lib import sigmoid, softmax
from attention_lib.book.claims.ledger import claim


@claim(
    "17",
    "2.3",
    "Raw similarity scores can be hard to interpret.",
    "true with conditions",
    "The difference of two scores is exactly the logarithm of the odds between their "
    "keys. What softmax cannot tell is their common level: whether all keys match or "
    "none does.",
    "02c_buys_and_costs#It forgets the level",
)
def differences_are_log_odds_and_the_level_is_lost():
    """Get the differences back from the weights, then move the level."""
    scores = np.random.default_rng(0).uniform(0, 9, (1000, 8))
    weights = softmax(scores)
    log_odds = np.log(weights[:, 1:] / weights[:, :1])
    assert np.allclose(log_odds, scores[:, 1:] - scores[:, :1])
    assert np.allclose(softmax(scores - 100), weights)
    none, every = np.full(8, -9.0), np.full(8, 9.0)
    assert np.allclose(softmax(none), 1 / 8)
    assert np.allclose(softmax(every), 1 / 8)
    assert sigmoid(none).sum() < 0.01 < 7.9 < sigmoid(every).sum()
    return f"{softmax(none)[0]:.3f} each at -9 and at 9"
