"""Ask what a head does with its weight when nothing matches.

Protocol. A set has 16 pairs of a unit key (16 dimensions) and a value from N(0, 1) (8).
Half of the queries are one of the keys and must return its value; the others are new
directions and must return zero. One head (d 32, with biases, scores q . k) with or
without a learned BOS token, and a linear read-out; mean square error. 800 batches of
64; Adam (0.9, 0.98), clipped at 1 a replica, 10 % warm-up, cosine to zero, each map at
its best rate; 6 replicas, tested on the same 2048 sets. Errors are relative to the
variance of the values.

A toy that shows a mechanism, and no law: whatever stands behind the head here is
linear, so that only the weights can say "nothing".
"""

from functools import partial

import torch

from attention_lib.book.experiments import limits, rates, replicas

__all__ = ["data", "protocol", "score", "task"]

D_KEY, D_VALUE, WIDTH = 16, 8, 32
PAIRS = 16
TESTED = 2048  # sets
MAPS = ("softmax", "off-by-one", "sig+b", "relu")


def sets(source, n_replicas, size):
    """Draw tokens (replicas, size, 16, 24), a query, whether it matches, the answer."""
    keys = replicas.units(source, n_replicas, size, PAIRS, D_KEY)
    values = replicas.normal(source, n_replicas, size, PAIRS, D_VALUE)
    new = replicas.units(source, n_replicas, size, 1, D_KEY)
    hit = torch.rand((n_replicas, size, 1, 1), generator=source) < 0.5
    query = torch.where(hit, keys[..., :1, :], new)
    return (
        torch.cat([keys, values], -1),
        query,
        hit[..., 0, 0],
        values[..., :1, :] * hit,
    )


def data(seed=0, *, size=TESTED):
    """Draw what heads are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    size : int, default 2048
        Number of sets.

    Returns
    -------
    sequence of Tensor, each of shape (1, size, ...)
        Tokens, query, whether it matches, and the answer, the same for all replicas.
    """
    return sets(replicas.stream(seed, "test"), 1, size)


def start(source, n_replicas, weigh, *, bos):
    """Start the head, its read-out, and the BOS token if there is one."""
    token = D_KEY + D_VALUE
    sizes = {
        "query": (D_KEY, WIDTH),
        "key": (token, WIDTH),
        "value": (token, WIDTH),
        "read": (WIDTH, D_VALUE),
    }
    parameters = replicas.layers(source, n_replicas, sizes)
    if bos:
        first = replicas.normal(source, n_replicas, 1, 1, token)
        parameters["bos"] = first.requires_grad_()
    return parameters


def head(parameters, weigh, tokens, query):
    """Give the answers, the weights (replicas, size, keys) and the values."""
    layer = partial(replicas.layer, parameters)
    if "bos" in parameters:
        first = parameters["bos"].expand(-1, tokens.shape[1], -1, -1)
        tokens = torch.cat([first, tokens], -2)
    query, key, value = (
        layer(query, "query"),
        layer(tokens, "key"),
        layer(tokens, "value"),
    )
    weights = replicas.weights_of(weigh, query, key, scale=1.0)
    return layer(weights @ value, "read"), weights[..., 0, :], value


def losses(parameters, weigh, tokens, query, hit, answer):
    """Give the mean square error of each replica."""
    out, _, _ = head(parameters, weigh, tokens, query)
    return (out - answer).square().mean((1, 2, 3))


def score(parameters, weigh, data):
    """Measure trained heads with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them: of a map, with or without a BOS.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : sequence of Tensor
        As `data` draws them.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        ``miss_error`` and ``hit_error``; ``miss_sum`` and ``hit_sum``, all weight but
        the BOS's; with a BOS also ``miss_bos`` and ``hit_bos``, its weight, and
        ``value_ratio``, the length of its value relative to the others' mean.
    """
    parameters, (tokens, query, hit, answer) = replicas.frozen(parameters, data)
    out, weights, value = head(parameters, weigh, tokens, query)
    bos = "bos" in parameters
    measured = {
        "error": (out - answer).square().mean((2, 3)),
        "sum": weights[..., int(bos) :].sum(-1),
    }
    if bos:
        measured["bos"] = weights[..., 0]
    found = {}
    for name, each in measured.items():
        found[f"miss_{name}"] = mean_where(each, ~hit)
        found[f"hit_{name}"] = mean_where(each, hit)
    if bos:
        norms = value.norm(dim=-1)
        ratio = norms[..., 0].mean(1) / norms[..., 1:].mean((1, 2))
        found["value_ratio"] = ratio.numpy()
    return found


def mean_where(each, chosen):
    """Give the mean of each replica over the sets that are chosen."""
    return ((each * chosen).sum(1) / chosen.sum(1)).numpy()


def task(bos=True):
    """Give what heads are trained for, with or without a BOS."""
    return rates.Task(
        start=partial(start, bos=bos),
        draw=sets,
        losses=losses,
        data=data,
        score=score,
        n_replicas=6,
        steps=800,
        batch=64,
    )


def protocol():
    """Train every map with and without a BOS."""
    return {
        "settings": task().settings,
        "cells": [
            {
                "map": name,
                "bos": bos,
                "floor": limits.match_or_nothing(name, bos),
                **rates.at_best_rate(task(bos), name),
            }
            for name in MAPS
            for bos in (False, True)
        ],
    }
