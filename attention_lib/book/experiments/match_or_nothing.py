"""Ask what a head does with its weight when nothing matches.

Protocol. A set has 16 pairs of a unit key (16 dimensions) and a value from N(0, 1) (8).
Half of the queries are one of the keys and must return its value; the others are new
directions and must return zero. One head (d 32, with biases, scores q . k) with or
without a learned BOS token, and a linear read-out; mean square error. 800 batches of
64; Adam (0.9, 0.98), clipped at 1 a replica, 10 % warm-up, cosine to zero, rate 1e-2;
14 replicas, 512 new sets each. Errors are relative to the variance of the values.

A toy that shows a mechanism, and no law: whatever stands behind the head here is
linear, so that only the weights can say "nothing".
"""

import torch

from attention_lib.book.experiments import maps, replicas

__all__ = ["protocol", "train_and_measure"]

D_KEY, D_VALUE, WIDTH = 16, 8, 32
PAIRS = 16
TESTED = 512  # sets a replica
CELLS = ("softmax", "off-by-one", "sig+b", "relu")


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


def start(source, n_replicas, bos):
    """Start the head, its read-out, and the BOS token if there is one."""
    token = D_KEY + D_VALUE
    sizes = {
        "query": (D_KEY, WIDTH),
        "key": (token, WIDTH),
        "value": (token, WIDTH),
        "read": (WIDTH, D_VALUE),
    }
    parameters = {}
    for name, (fan_in, fan_out) in sizes.items():
        parameters[name] = replicas.matrix(source, n_replicas, fan_in, fan_out)
        parameters[f"{name} bias"] = replicas.bias(source, n_replicas, fan_in, fan_out)
    if bos:
        first = replicas.normal(source, n_replicas, 1, 1, token)
        parameters["bos"] = first.requires_grad_()
    return parameters


def head(parameters, weighting, tokens, query):
    """Give the answers, the weights (replicas, size, keys) and the values."""

    def layer(x, name):
        return replicas.apply(x, parameters[name], parameters[f"{name} bias"])

    if "bos" in parameters:
        first = parameters["bos"].expand(-1, tokens.shape[1], -1, -1)
        tokens = torch.cat([first, tokens], -2)
    query, key, value = (
        layer(query, "query"),
        layer(tokens, "key"),
        layer(tokens, "value"),
    )
    weights = replicas.weights_of(weighting, query, key, scale=1.0)
    return layer(weights @ value, "read"), weights[..., 0, :], value


def train_and_measure(
    weighting, bos=True, *, n_replicas=14, steps=800, batch=64, rate=1e-2, seed=0
):
    """Train one map and measure where its weight goes.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    bos : bool, default True
        Whether there is a learned first token.
    n_replicas, steps, batch, rate, seed
        As in the protocol.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        ``miss_error`` and ``hit_error``; ``miss_sum`` and ``hit_sum``, all weight but
        the BOS's; with a BOS also ``miss_bos`` and ``hit_bos``, its weight, and
        ``value_ratio``, the length of its value relative to the others' mean.
    """
    weighting, source = maps.get_map(weighting), replicas.stream(seed)
    parameters = start(source, n_replicas, bos)

    def losses():
        tokens, query, _, answer = sets(source, n_replicas, batch)
        out, _, _ = head(parameters, weighting, tokens, query)
        return (out - answer).square().mean((1, 2, 3))

    replicas.train(parameters, losses, steps, rate)
    tokens, query, hit, answer = sets(source, n_replicas, TESTED)
    with torch.no_grad():
        out, weights, value = head(parameters, weighting, tokens, query)
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


def protocol():
    """Run every map with and without a BOS."""
    return {
        "settings": {
            "seed": 0,
            "replicas": 14,
            "steps": 800,
            "batch": 64,
            "rate": 1e-2,
        },
        "cells": [
            {"map": name, "bos": bos, **train_and_measure(name, bos)}
            for name in CELLS
            for bos in (False, True)
        ],
    }
