"""Ask whether softmax's denominator matters where softmax is the best answer.

Protocol. A set has 32 pairs of a unit key (16 dimensions) and a value from N(0, 1)
(8). The query is one of the keys with noise 0.3 N(0, I). Given the set, the best guess
of its value averages all values by softmax(q . k / 0.09): softmax is favoured by
construction. One head (d 32), scores 4 (q . k / sqrt(d) + b) with a learned b that
starts at -log(32) / 4, linear read-out, no LayerNorm; mean square error. 500 batches
of 64; Adam (0.9, 0.98), clipped at 1 a replica, 10 % warm-up, cosine to zero, rate
1e-2; 6 replicas. Measured is the *excess risk*, the mean square distance from the best
guess, for 32 and 256 pairs; the values have variance 1.

A toy that shows a mechanism. The normalised sigmoid owes its place to b: far below zero
it is softmax. A normalised ReLU is left out: most of its replicas die at the start,
which says something of initial weights only.
"""

import math

import torch

from attention_lib.book.experiments import maps, replicas

__all__ = ["LENGTHS", "protocol", "train_and_measure"]

D_KEY, D_VALUE, WIDTH = 16, 8, 32
PAIRS, NOISE, SHARPNESS = 32, 0.3, 4.0
LENGTHS = (32, 256)
TESTED = 512  # sets a replica and length
CELLS = (
    "softmax",
    "entmax-1.5",
    "sparsemax",
    "sig/Σ",
    "exp/n",
    "sig",
    "sig+b",
    "raw/n",
    "linear",
)


def sets(source, n_replicas, size, pairs):
    """Draw keys, values, a query, its value, and the best guess of it."""
    shape = (n_replicas, size, pairs)
    keys = replicas.units(source, *shape, D_KEY)
    values = replicas.normal(source, *shape, D_VALUE)
    noise = replicas.normal(source, n_replicas, size, 1, D_KEY)
    query = keys[..., :1, :] + NOISE * noise
    posterior = torch.softmax(query @ keys.transpose(-1, -2) / NOISE**2, -1)
    return keys, values, query, values[..., 0, :], (posterior @ values)[..., 0, :]


def start(source, n_replicas):
    """Start the head, the level of its scores, and the read-out."""
    sizes = {
        "query": (D_KEY, WIDTH),
        "key": (D_KEY, WIDTH),
        "value": (D_VALUE, WIDTH),
        "read": (WIDTH, D_VALUE),
    }
    parameters = {
        name: replicas.matrix(source, n_replicas, *size) for name, size in sizes.items()
    }
    level = -math.log(PAIRS) / SHARPNESS
    parameters["level"] = torch.full((n_replicas, 1, 1, 1), level, requires_grad=True)
    return parameters


def guesses(parameters, weighting, keys, values, query):
    """Give the model's guess of the value, (replicas, size, 8)."""
    query = replicas.apply(query, parameters["query"])
    keys = replicas.apply(keys, parameters["key"])
    values = replicas.apply(values, parameters["value"])
    if not hasattr(weighting, "features"):  # one more coordinate: the level
        level = WIDTH**0.5 * parameters["level"]
        query = torch.cat([query, level.expand(*query.shape[:-1], 1)], -1)
        keys = torch.cat([keys, torch.ones_like(keys[..., :1])], -1)
    weights = replicas.weights_of(weighting, query, keys, scale=SHARPNESS / WIDTH**0.5)
    return replicas.apply(weights @ values, parameters["read"])[..., 0, :]


def train_and_measure(
    weighting,
    *,
    lengths=LENGTHS,
    n_replicas=6,
    steps=500,
    rate=1e-2,
    seed=0,
):
    """Train one map on 32 pairs and measure its excess risk at several lengths.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    lengths : sequence of int
        Numbers of pairs it is tested on.
    n_replicas, steps, rate, seed
        As in the protocol.

    Returns
    -------
    dict of int to array, shape (n_replicas,)
        Excess risk by number of pairs.
    """
    weighting, source = maps.get_map(weighting), replicas.stream(seed)
    parameters = start(source, n_replicas)

    def losses():
        *given, value, _ = sets(source, n_replicas, 64, PAIRS)
        error = guesses(parameters, weighting, *given) - value
        return error.square().mean((1, 2))

    replicas.train(parameters, losses, steps, rate)
    excess = {}
    for length in lengths:
        *given, _, best = sets(source, n_replicas, TESTED, length)
        with torch.no_grad():
            distance = guesses(parameters, weighting, *given) - best
        excess[length] = distance.square().mean((1, 2)).numpy()
    return excess


def protocol():
    """Run every map."""
    return {
        "settings": {"seed": 0, "replicas": 6, "steps": 500, "batch": 64, "rate": 1e-2},
        "excess_risk": {name: train_and_measure(name) for name in CELLS},
    }
