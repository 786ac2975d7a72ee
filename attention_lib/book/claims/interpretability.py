"""Claim 17, the essay's section 2.3: interpretability."""

import numpy as np

from attention_lib import sigmoid, softmax
from attention_lib.book.claims.ledger import claim
from attention_lib.book.claims.samples import near


def differences_are_log_odds_and_the_level_is_lost():
    """Get the differences back from the weights, then move the level."""
    scores = np.random.default_rng(0).uniform(0, 9, (1000, 8))
    weights = softmax(scores)
    log_odds = np.log(weights[:, 1:] / weights[:, :1])
    exact = near(log_odds, scores[:, 1:] - scores[:, :1])
    none, every = np.full(8, -9.0), np.full(8, 9.0)
    lost = near(softmax(none), softmax(every))
    return exact and lost and sigmoid(none).sum() < 0.01 < 7.9 < sigmoid(every).sum()


@claim(
    "17",
    "2.3",
    "Raw similarity scores can be hard to interpret.",
    "One by one they are: with the same score a key gets nearly all the weight, or "
    "nearly none. The difference of two is exactly the logarithm of the odds between "
    "their keys. What softmax cannot tell is their common level: whether all keys "
    "match or none does.",
    "02c_buys_and_costs#It forgets the level",
    over=[2.0, -50.0, 0.0, 700.0],
    besides=differences_are_log_odds_and_the_level_is_lost,
    stays={
        "the mean of the values": "it speaks of the weights alone",
        "sparsemax": "it compares scores, too",
    },
)
def a_score_alone_says_nothing_of_the_weight(score):
    """Put a key with this score among weaker ones, and among stronger ones."""
    most = softmax(score + np.array([0.0, -9.0, -9.0]))[0]
    least = softmax(score + np.array([0.0, 9.0, 9.0]))[0]
    holds = 1 >= most > 0.99 and 0 <= least < 0.01
    return holds, f"a score of {score:g} gets {most:.2%} or {least:.2%}"
