"""Ask how often a token is its own best match, before anything is learned.

Protocol. 16 tokens of 64 coordinates from N(0, 1) meet random matrices W_q and W_k from
N(0, 1/64). A token is *its own top key* if its own score is the largest of its row. 8
replicas of 200 draws. Chance is 1 in 16: queries and keys go through different
matrices, so that a token's score with itself is like any other. Nothing is trained.
"""

import numpy as np

from attention_lib import attention_scores

__all__ = ["own_top_key", "protocol"]


def own_top_key(n=16, d=64, *, draws=200, n_replicas=8, seed=0):
    """Count the tokens whose own key has the largest score.

    Parameters
    ----------
    n, d : int
        Number of tokens, and their size.
    draws : int, default 200
        Sets of tokens and matrices of each replica.
    n_replicas, seed : int
        Replicas, and where their stream starts.

    Returns
    -------
    array, shape (n_replicas,)
        Part of the tokens.
    """
    rng = np.random.default_rng(seed)
    return np.array([own_top_key_once(n, d, draws, rng) for _ in range(n_replicas)])


def own_top_key_once(n, d, draws, rng):
    """Give the part of one replica."""
    tokens = rng.normal(size=(draws, n, d))
    query, key = (
        tokens @ rng.normal(scale=d**-0.5, size=(draws, d, d)) for _ in range(2)
    )
    scores, _ = attention_scores(query, key)
    return np.mean(scores.argmax(-1) == np.arange(n))


def protocol():
    """Count, in each replica."""
    return {
        "settings": {"seed": 0, "replicas": 8, "draws": 200, "n": 16, "d": 64},
        "own_top_key": own_top_key(),
    }
