"""Ask what a factor of log n does to a head that is tested on longer rows.

Protocol. The look-up of `bayes_lookup`, with *little* noise in the queries, 0.1
N(0, I), or with *much*, 0.3 N(0, I): the best guess averages all values by
softmax(q . k / 0.01) or softmax(q . k / 0.09), in rows of every length. Heads are
trained on 32 pairs, by 600 batches of 64, otherwise as there, each map at its best
rate; 6 replicas. Scalable softmax multiplies the scores by log n and by a factor that
is trained, and starts as softmax of 32 pairs. Measured, on the same sets of 32, 256 and
2048 pairs: the *excess risk* of `bayes_lookup`, the weight of the key that made the
query, and the *sharpness*, what q . k is multiplied by in rows of 32, in the mean of
its coordinates. Beside them: what an answer of zero gets, the weight that the best
guess gives that key, and the excess risk of a head that is the best guess at 32 pairs.

A toy that shows a mechanism. How much noise the queries of a language model have is not
known; and sparsemax's sharpness is not to be compared with softmax's.
"""

import math
from functools import partial

from attention_lib.book.experiments import bayes_lookup, limits, rates, replicas

__all__ = ["NOISES", "TESTED", "data", "protocol", "score", "task"]

NOISES = {"little": 0.1, "much": 0.3}
TESTED = {32: 1024, 256: 512, 2048: 256}  # sets by number of pairs
MAPS = ("softmax", "scalable softmax", "sparsemax")


def data(seed=0, *, noise="little", sizes=TESTED):
    """Draw what heads are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    noise : {"little", "much"}
        How much of it the queries have.
    sizes : dict of int to int
        Number of sets by number of pairs.

    Returns
    -------
    dict of int to sequence of Tensor, each of shape (1, size, ...)
        As `bayes_lookup.data` gives them.
    """
    source = replicas.stream(seed, "test")
    return {
        pairs: bayes_lookup.sets(source, 1, size, pairs, NOISES[noise])
        for pairs, size in sizes.items()
    }


def score(parameters, weigh, data):
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

    Returns
    -------
    dict of str to array, shape (n_replicas,), or to dict of int to such arrays
        ``excess_risk`` and ``target_weight`` by number of pairs, and ``sharpness``.
    """
    excess, target = {}, {}
    for pairs, drawn in data.items():
        frozen, (*given, _, best) = replicas.frozen(parameters, drawn)
        guess, weights = bayes_lookup.look_up(frozen, weigh, *given)
        excess[pairs] = (guess - best).square().mean((1, 2)).numpy()
        target[pairs] = weights[..., 0].mean(1).numpy()
    return {
        "excess_risk": excess,
        "target_weight": target,
        "sharpness": sharpness(parameters),
    }


def sharpness(parameters):
    """Give what the products of queries and keys are multiplied by in rows of 32."""
    parameters, _ = replicas.frozen(parameters, ())
    products = (parameters["query"] * parameters["key"]).sum(-1)  # (replicas, 16)
    factor = bayes_lookup.SCALE * products.mean(-1)
    if "scale" in parameters:
        factor *= parameters["scale"].flatten() * math.log(bayes_lookup.PAIRS)
    return factor.numpy()


def task(noise="little"):
    """Give what heads are trained for, with little noise or with much."""
    return rates.Task(
        start=bayes_lookup.start,
        draw=partial(bayes_lookup.sets, noise=NOISES[noise]),
        losses=bayes_lookup.losses,
        data=partial(data, noise=noise),
        score=score,
        n_replicas=6,
        steps=600,
        batch=64,
    )


def protocol():
    """Train every map with little noise and with much."""
    tested = {noise: data(noise=noise) for noise in NOISES}
    return {
        "settings": task().settings | {"pairs": bayes_lookup.PAIRS},
        "noises": {
            noise: {
                "noise": NOISES[noise],
                "silence": {n: best.square().mean() for n, (*_, best) in sets.items()},
                "best weight": {n: best_weight(noise, d) for n, d in sets.items()},
            }
            for noise, sets in tested.items()
        },
        "cells": [
            {
                "map": name,
                "noise": noise,
                "floor": by_pairs(limits.bayes_lookup, name, noise, sets),
                "right at 32": by_pairs(limits.noisy_length, name, noise, sets),
                **rates.at_best_rate(task(noise), name),
            }
            for noise, sets in tested.items()
            for name in MAPS
        ],
    }


def best_weight(noise, drawn):
    """Give the mean weight of the target in the best guess."""
    keys, _, query, *_ = drawn
    return bayes_lookup.posterior(keys, query, NOISES[noise])[..., 0].mean()


def by_pairs(limit, name, noise, sets):
    """Give what a formula says at each number of pairs."""
    return {
        n: limit(name, keys, query, NOISES[noise])
        for n, (keys, _, query, *_) in sets.items()
    }
