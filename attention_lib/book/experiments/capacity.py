"""Ask how many pairs a map can recall, untrained.

Protocol. Keys and values are unit vectors of 32 dimensions. A query is a stored key
with noise, ``unit(key + 0.08 N(0, I))``. The head answers ``w(q . k) V``, and is right
if the stored value is the nearest. 8 replicas, each with its own pairs and 256 queries.
Nothing is trained, so this says what a map *can* separate, not what a model would
learn.

At sharpness 1, ``e^s`` has the slope of the raw scores at zero, and more above it, and
yet recalls less: it also gives each key a share of one, whatever it scores, and all
these shares of values that nobody asked for drown the answer. ``e^s - 1`` takes them
away. Attention's own scale makes the keys and queries as long as the root of the
dimension, and so multiplies their cosines by √d. A trap: a sigmoid with the bias -log n
is not sharp at the same scale.

The associative memory is that of Schlag, Irie and Schmidhuber (2021),
https://arxiv.org/abs/2102.11174, and Ramsauer et al. (2020),
https://arxiv.org/abs/2008.02217.
"""

import math

import numpy as np

from attention_lib import ReLU, Sigmoid, Softmax
from attention_lib.book.experiments import maps

__all__ = ["MEMORIES", "PAIRS", "protocol", "recall", "recall_curves"]

D, NOISE, QUERIES = 32, 0.08, 256
PAIRS = (32, 128, 512, 2048, 8192)

# Name in the tables: the map, and what the scores are multiplied by.
MEMORIES = {
    "raw": (maps.Raw(), 1.0),
    "relu³": (ReLU(power=3), 1.0),
    "e^s − 1 β=1": (maps.ExpMinusOne(), 1.0),
    "softmax β=1": (Softmax(), 1.0),
    "softmax β=√d": (Softmax(), math.sqrt(D)),
    "softmax β=20": (Softmax(), 20.0),
    "sig+b β=20": (Sigmoid(bias="-log n"), 20.0),
}


def recall(weighting, pairs, *, sharpness=1.0, n_replicas=8, seed=0):
    """Store pairs, ask for some of them, and count the right answers.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    pairs : int
        Number of stored pairs.
    sharpness : float, default 1.0
        What the scores are multiplied by.
    n_replicas, seed : int
        Replicas, each with its own pairs and queries, and where their stream starts.

    Returns
    -------
    array, shape (n_replicas,)
        Part of the queries that get their own value.
    """
    weighting, rng = maps.get_map(weighting), np.random.default_rng(seed)
    return np.array(
        [recall_once(weighting, pairs, sharpness, rng) for _ in range(n_replicas)]
    )


def recall_once(weighting, pairs, sharpness, rng):
    """Give the part of right answers in one memory."""
    keys, values = units(rng, pairs), units(rng, pairs)
    asked = rng.integers(pairs, size=QUERIES)
    queries = keys[asked] + NOISE * rng.normal(size=(QUERIES, D))
    queries /= np.linalg.norm(queries, axis=-1, keepdims=True)
    answers = weighting(sharpness * queries @ keys.T) @ values
    return np.mean((answers @ values.T).argmax(-1) == asked)


def units(rng, count):
    """Draw directions."""
    drawn = rng.normal(size=(count, D))
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


def recall_curves(names=tuple(MEMORIES), pairs=PAIRS, *, n_replicas=8, seed=0):
    """Give the recall of some memories at some numbers of pairs.

    Parameters
    ----------
    names : sequence of str
        Some of `MEMORIES`.
    pairs : sequence of int
        Numbers of stored pairs.
    n_replicas, seed : int
        As in `recall`.

    Returns
    -------
    dict of str to array, shape (len(pairs), n_replicas)
        Part of right answers, by name.
    """
    curves = {}
    for name in names:
        weighting, sharpness = MEMORIES[name]
        curves[name] = np.array(
            [
                recall(
                    weighting, n, sharpness=sharpness, n_replicas=n_replicas, seed=seed
                )
                for n in pairs
            ]
        )
    return curves


def protocol():
    """Run every memory at every number of pairs."""
    return {
        "settings": {
            "seed": 0,
            "replicas": 8,
            "d": D,
            "noise": NOISE,
            "queries": QUERIES,
        },
        "pairs": PAIRS,
        "recall": recall_curves(),
    }
