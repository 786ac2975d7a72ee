"""One head, healthy and with four faults, and numbers that tell them apart.

The head reads 12 tokens, and no later one. Each fault is a line of code that runs
without an error. What it does can be seen in the map of the weights, and said by a
number.
"""

import numpy as np

from attention_lib import attention_scores, attention_weights, entropy, softmax

__all__ = ["FAULTS", "diagnosis", "maps", "readings"]

# What is wrong, by the name of the fault.
FAULTS = {
    "wrong axis": "softmax over the queries: each column sums to one",
    "dead head": "all keys are equal: so are the weights of all that is seen",
    "healthy": "nothing",
    "wrong mask": "the mask begins a token late: each sees the next one",
    "saturated head": "the scores are not divided by the root of their dimension",
}


def maps(seed=0, n=12, d=64):
    """Give the weights of the head for the same tokens, with each fault and with none.

    Parameters
    ----------
    seed : int, default 0
        Where the random tokens start.
    n : int, default 12
        Number of tokens.
    d : int, default 64
        Dimension of queries and keys.

    Returns
    -------
    dict of str to array, shape (n, n)
        By the names of `FAULTS`; a row for each query.
    """
    query, key = np.random.default_rng(seed).normal(size=(2, n, d))
    scores, seen = attention_scores(query, key, is_causal=True)
    late = np.tri(n, k=1, dtype=bool)
    same = np.broadcast_to(key.mean(0), key.shape)
    return {
        "wrong axis": softmax(scores, axis=0, where=seen),
        "dead head": attention_weights(query, same, is_causal=True),
        "healthy": attention_weights(query, key, is_causal=True),
        "wrong mask": attention_weights(query, key, late),
        "saturated head": attention_weights(query, key, is_causal=True, scale=1.0),
    }


def readings(weights):
    """Read four numbers off the map of a head that should see no later token.

    Parameters
    ----------
    weights : array, shape (n, n)
        A row for each query, of three at least.

    Returns
    -------
    dict of str to float
        ``off one``, how far the sum of a row is from one, at most; ``later``, the part
        of all weight that lies above the diagonal; ``evenness``, the entropy of a row
        as a part of the largest that it could have, in the mean of all rows but the
        first; ``rows differ``, the mean distance (half the sum of absolute
        differences) of a row from the last one, as far as it sees.
    """
    n = len(weights)
    rows = _shares(np.tril(weights))
    last = _shares(np.tril(np.broadcast_to(rows[-1], rows.shape)))
    return {
        "off one": abs(weights.sum(-1) - 1).max(),
        "later": np.triu(weights, 1).sum() / weights.sum(),
        "evenness": (entropy(rows)[1:] / np.log(np.arange(2, n + 1))).mean(),
        "rows differ": abs(rows - last).sum(-1)[1:-1].mean() / 2,
    }


def _shares(rows):
    """Divide each row by its sum; one of zeros stays so."""
    total = rows.sum(-1, keepdims=True)
    return rows / np.where(total == 0, 1, total)


def diagnosis(weights):
    """Say which of `FAULTS` the readings of a map show.

    Parameters
    ----------
    weights : array, shape (n, n)
        A row for each query.

    Returns
    -------
    str
        A name of `FAULTS`.

    Examples
    --------
    >>> diagnosis(np.tri(3) / np.arange(1, 4)[:, None])
    'dead head'
    """
    found = readings(weights)
    if found["later"] > 1e-9:
        return "wrong mask"
    if found["off one"] > 1e-9:
        return "wrong axis"
    if found["rows differ"] < 1e-9 and found["evenness"] > 1 - 1e-9:
        return "dead head"
    return "saturated head" if found["evenness"] < 0.5 else "healthy"
