"""Ask whether softmax's denominator matters where softmax is the best answer.

Protocol. A set has 32 pairs of a unit key (16 dimensions) and a value from N(0, 1)
(8). The query is one of the keys with noise 0.3 N(0, I). Given the set, the best guess
of its value averages all values by softmax(q . k / 0.09): softmax is favoured by
construction. One head (d 32), scores 4 (q . k / sqrt(d) + b) with a learned b that
starts at -log(32) / 4, linear read-out, no LayerNorm; mean square error. 500 batches
of 64; Adam (0.9, 0.98), clipped at 1 a replica, 10 % warm-up, cosine to zero, each map
at its best rate; 6 replicas. Measured is the *excess risk*, the mean square distance
from the best guess, on the same 1024 sets of 32 pairs and of 256; the values have
variance 1. Beside it: what an answer of zero gets, and for each map that weighs a key
by itself the least that any such map could get.

A toy that shows a mechanism. The normalised sigmoid owes its place to b: far below zero
it is softmax. Linear attention does best at the last rate of the grid, where it has
learned little more than at the others. A normalised ReLU is left out: most of its
replicas die at the start, whatever the rate.
"""

import math

import torch

from attention_lib.book.experiments import limits, maps, rates, replicas

__all__ = ["LENGTHS", "data", "protocol", "score", "task"]

D_KEY, D_VALUE, WIDTH = 16, 8, 32
PAIRS, NOISE, SHARPNESS = 32, 0.3, 4.0
SCALE = SHARPNESS / WIDTH**0.5  # what q . k is multiplied by
LENGTHS = (32, 256)
TESTED = 1024  # sets of each length
MAPS = (
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


def sets(source, n_replicas, size, pairs=PAIRS, noise=NOISE):
    """Draw keys, values, a query, its value, and the best guess of it."""
    shape = (n_replicas, size, pairs)
    keys = replicas.units(source, *shape, D_KEY)
    values = replicas.normal(source, *shape, D_VALUE)
    off = replicas.normal(source, n_replicas, size, 1, D_KEY)
    query = keys[..., :1, :] + noise * off
    best = posterior(keys, query, noise) @ values
    return keys, values, query, values[..., 0, :], best[..., 0, :]


def posterior(keys, query, noise=NOISE):
    """Give the chance of each key to have made the query, (..., 1, keys)."""
    return torch.softmax(query @ keys.transpose(-1, -2) / noise**2, -1)


def data(seed=0, *, lengths=LENGTHS, size=TESTED):
    """Draw what heads are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    lengths : sequence of int
        Numbers of pairs.
    size : int, default 1024
        Number of sets of each.

    Returns
    -------
    dict of int to sequence of Tensor, each of shape (1, size, ...)
        Keys, values, query, value and best guess by number of pairs, the same for all
        replicas.
    """
    source = replicas.stream(seed, "test")
    return {length: sets(source, 1, size, length) for length in lengths}


def start(source, n_replicas, weigh):
    """Start the head, the level of its scores, what else a map has, the read-out."""
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
    if isinstance(weigh, maps.LearnedScale):  # softmax, for as many pairs as here
        scale = 1 / math.log(PAIRS)
        parameters["scale"] = torch.full_like(parameters["level"], scale)
        parameters["scale"].requires_grad_()
    return parameters


def look_up(parameters, weigh, keys, values, query, *, scale=SCALE):
    """Give the guess of the value, (replicas, size, 8), and the weights of the keys."""
    if isinstance(weigh, maps.LearnedScale):
        weigh = weigh.with_scale(parameters["scale"])
    query = replicas.apply(query, parameters["query"])
    keys = replicas.apply(keys, parameters["key"])
    values = replicas.apply(values, parameters["value"])
    if "level" in parameters and not hasattr(weigh, "features"):  # a coordinate more
        level = SHARPNESS / scale * parameters["level"]
        query = torch.cat([query, level.expand(*query.shape[:-1], 1)], -1)
        keys = torch.cat([keys, torch.ones_like(keys[..., :1])], -1)
    weights = replicas.weights_of(weigh, query, keys, scale=scale)
    guess = replicas.apply(weights @ values, parameters["read"])
    return guess[..., 0, :], weights[..., 0, :]


def losses(parameters, weigh, keys, values, query, value, best, *, scale=SCALE):
    """Give the mean square error of each replica."""
    guess, _ = look_up(parameters, weigh, keys, values, query, scale=scale)
    return (guess - value).square().mean((1, 2))


def score(parameters, weigh, data, *, scale=SCALE):
    """Measure trained heads with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : dict of int to sequence of Tensor
        As `data` draws them.
    scale : float
        What the products of queries and keys are multiplied by.

    Returns
    -------
    dict of str to dict of int to array, shape (n_replicas,)
        ``excess_risk`` by number of pairs.
    """
    excess = {}
    for length, drawn in data.items():
        frozen, (*given, _, best) = replicas.frozen(parameters, drawn)
        guess, _ = look_up(frozen, weigh, *given, scale=scale)
        excess[length] = (guess - best).square().mean((1, 2)).numpy()
    return {"excess_risk": excess}


def task():
    """Give what heads are trained for."""
    return rates.Task(
        start=start,
        draw=sets,
        losses=losses,
        data=data,
        score=score,
        n_replicas=6,
        steps=500,
        batch=64,
    )


def protocol():
    """Train every map."""
    tested = data()
    return {
        "settings": task().settings,
        "silence": {n: best.square().mean() for n, (*_, best) in tested.items()},
        "cells": [
            {
                "map": name,
                "floor": {
                    n: limits.bayes_lookup(name, keys, query, NOISE)
                    for n, (keys, _, query, *_) in tested.items()
                },
                **rates.at_best_rate(task(), name),
            }
            for name in MAPS
        ],
    }
