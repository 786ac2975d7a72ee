"""Tokens, one of which says which digit is the answer, and a small model that reads it.

The model has one layer or two. A layer adds to each token what one head reads.
"""

import torch

from attention_lib.book.experiments import replicas

__all__ = ["DIGITS", "LAYERS", "TASKS", "TOKENS", "read", "routes", "sets", "start"]

TOKENS, DIGITS, WIDTH = 12, 8, 32
TASKS = ("direct", "hop", "hop from a small start")
LAYERS = dict(zip(TASKS, (1, 2, 2), strict=True))
START = dict(zip(TASKS, (1.0, 1.0, 0.5), strict=True))  # spread of the vectors


def sets(source, n_replicas, size, *, asks):
    """Draw tokens (replicas, size, 12, 9), the deciding one, and its digit."""
    shape = n_replicas, size
    digits = torch.randint(DIGITS, (*shape, TOKENS), generator=source)
    hops = LAYERS[asks] - 1
    flagged = torch.randint(TOKENS - hops, (*shape, 1), generator=source)
    flag = torch.nn.functional.one_hot(flagged[..., 0], TOKENS)[..., None]
    shown = torch.nn.functional.one_hot(digits, DIGITS) * (1 - hops * flag)
    answer = digits.gather(-1, flagged + hops)
    return torch.cat([shown, flag], -1).float(), flagged + hops, answer[..., 0]


def start(source, n_replicas, weigh, *, asks):
    """Start what tokens and places are turned into, the layers and the read-out."""
    sizes = {}
    for layer in range(LAYERS[asks]):
        names = ("query", "key", "value", "out")
        sizes |= {f"{name} {layer}": (WIDTH, WIDTH) for name in names}
    sizes["read"] = (WIDTH, DIGITS)
    started = {
        name: replicas.matrix(source, n_replicas, *size) for name, size in sizes.items()
    }
    for name, count in {"content": DIGITS + 1, "place": TOKENS + 1}.items():
        vectors = replicas.normal(source, n_replicas, count, WIDTH)
        started[name] = (START[asks] * vectors).requires_grad_()
    return started


def read(parameters, weigh, content):
    """Give the scores of the digits, the weights of each layer, and what keys write.

    Parameters
    ----------
    parameters : dict of str to Tensor
        Of each replica.
    weigh : callable
        From scores to weights.
    content : Tensor, shape (replicas, size, 12, 32)
        Digits and flags, as vectors.

    Returns
    -------
    scores : Tensor, shape (replicas, size, 8)
        One for each digit.
    weights : list of Tensor, each of shape (replicas, size, 13, 13)
        From the first layer to the last.
    writes : Tensor, shape (replicas, size, 13, 32)
        What the last layer would add with all its weight on one key.
    """
    x = torch.nn.functional.pad(content, (0, 0, 0, 1)) + parameters["place"][:, None]
    weights = []
    for layer in range(sum(name.startswith("query") for name in parameters)):
        query, key, value = (
            replicas.apply(x, parameters[f"{name} {layer}"])
            for name in ("query", "key", "value")
        )
        weights.append(replicas.weights_of(weigh, query, key))
        writes = replicas.apply(value, parameters[f"out {layer}"])
        x = x + weights[-1] @ writes
    return replicas.apply(x[..., -1, :], parameters["read"]), weights, writes


def routes(parameters, weigh, tokens, deciding):
    """Give the weights on the two ways from the deciding token to the answer.

    Parameters
    ----------
    parameters : dict of str to Tensor
        Of each replica, with two layers.
    weigh : callable
        From scores to weights.
    tokens, deciding : Tensor, shapes (replicas, size, 12, 9) and (replicas, size, 1)
        As `sets` draws them.

    Returns
    -------
    dict of str to array, shape (replicas,)
        Mean weights: in the first layer "digit reads marker" and "marker reads digit",
        in the last "answer reads digit" and "answer reads marker".
    """
    content = replicas.apply(tokens, parameters["content"])
    _, (first, last), _ = read(parameters, weigh, content)
    marker = tokens[..., -1].argmax(-1, keepdim=True)
    answer = torch.full_like(marker, TOKENS)
    ways = {
        "digit reads marker": (first, deciding, marker),
        "marker reads digit": (first, marker, deciding),
        "answer reads digit": (last, answer, deciding),
        "answer reads marker": (last, answer, marker),
    }
    return {
        name: weights.take_along_dim(query[..., None], 2)
        .take_along_dim(key[..., None], 3)
        .mean((1, 2, 3))
        .numpy()
        for name, (weights, query, key) in ways.items()
    }
