"""Ask which maps can learn to look a pair up, and how far it carries.

Protocol. A token is a unit key of 16 dimensions and a one-hot class of 16; the query is
one of the keys, without a class. Keys and classes are embedded to 32 and added; one
head attends (d 32; scores 2 q . k, since those that start near zero are slow to learn),
the embedded query is added, then LayerNorm and a linear read-out of the class. Biases
start at zero. 400 batches of 64 sets of 32 pairs; Adam (0.9, 0.98), clipped at 1 a
replica, 10 % warm-up, cosine to zero, each map at its best rate; 6 replicas. Accuracy
on the same 1024 sets of 32 pairs, and 512 of 512; chance is 1/16.

The rate and the start decide which maps fail, so what other rates gave is kept. With
biases drawn like the matrices two replicas of ReLU in six died. A toy that shows what
is learnable at all, and no ranking of maps that learn.
"""

from functools import partial

import torch

from attention_lib.book.experiments import limits, rates, replicas

__all__ = ["LENGTHS", "data", "protocol", "score", "task"]

D_KEY, CLASSES, WIDTH = 16, 16, 32
PAIRS, SHARPNESS = 32, 2.0
LENGTHS = (32, 512)
TESTED = {32: 1024, 512: 512}  # sets by number of pairs
CHUNK = 64  # of these are scored at a time
MAPS = (
    "softmax",
    "sparsemax",
    "sig+b",
    "sig/Σ",
    "relu",
    "exp/n",
    "raw/n",
    "tanh",
    "linear",
    "uniform",
)


def sets(source, n_replicas, size, pairs=PAIRS):
    """Draw keys, one-hot classes, a query, and the class that is asked for."""
    keys = replicas.units(source, n_replicas, size, pairs, D_KEY)
    classes = torch.randint(CLASSES, (n_replicas, size, pairs), generator=source)
    hot = torch.nn.functional.one_hot(classes, CLASSES).float()
    # Pairs are alike, so the first is as good as any.
    return keys, hot, keys[..., :1, :], classes[..., 0]


def data(seed=0, *, sizes=TESTED):
    """Draw what models are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    sizes : dict of int to int
        Number of sets by number of pairs.

    Returns
    -------
    dict of int to sequence of Tensor, each of shape (1, size, ...)
        Keys, one-hot classes, query and the class that is asked for, by number of
        pairs, the same for all replicas.
    """
    source = replicas.stream(seed, "test")
    return {pairs: sets(source, 1, size, pairs) for pairs, size in sizes.items()}


def start(source, n_replicas, weigh):
    """Start the embedding, the head, LayerNorm and the read-out."""
    sizes = {
        "embed key": (D_KEY, WIDTH),
        "embed class": (CLASSES, WIDTH),
        "query": (WIDTH, WIDTH),
        "key": (WIDTH, WIDTH),
        "value": (WIDTH, WIDTH),
        "read": (WIDTH, CLASSES),
    }
    parameters = replicas.layers(source, n_replicas, sizes, zero=True)
    parameters["gain"] = torch.ones(n_replicas, 1, 1, WIDTH, requires_grad=True)
    parameters["shift"] = torch.zeros(n_replicas, 1, 1, WIDTH, requires_grad=True)
    return parameters


def class_scores(parameters, weigh, keys, hot, query):
    """Give the read-out, (replicas, size, classes)."""
    layer = partial(replicas.layer, parameters)
    tokens = layer(keys, "embed key") + layer(hot, "embed class")
    query = layer(query, "embed key")
    weights = replicas.weights_of(
        weigh, layer(query, "query"), layer(tokens, "key"), scale=SHARPNESS
    )
    mixed = query + weights @ layer(tokens, "value")
    normed = torch.nn.functional.layer_norm(mixed, (WIDTH,))
    normed = normed * parameters["gain"] + parameters["shift"]
    return layer(normed, "read")[..., 0, :]


def losses(parameters, weigh, keys, hot, query, answer):
    """Give the mean cross-entropy of each replica."""
    read = class_scores(parameters, weigh, keys, hot, query)
    return replicas.cross_entropy(read, answer)


def score(parameters, weigh, data):
    """Measure trained models with a map from scores to weights.

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
    dict of str to dict of int to array, shape (n_replicas,)
        ``accuracy``, the part of right answers, by number of pairs.
    """
    found = {}
    for pairs, drawn in data.items():
        frozen, drawn = replicas.frozen(parameters, drawn)
        right = [
            class_scores(frozen, weigh, *given).argmax(-1) == answer
            for *given, answer in zip(*(x.split(CHUNK, 1) for x in drawn), strict=True)
        ]
        found[pairs] = torch.cat(right, 1).float().mean(1).numpy()
    return {"accuracy": found}


def task():
    """Give what models are trained for."""
    return rates.Task(
        start=start,
        draw=sets,
        losses=losses,
        data=data,
        score=score,
        n_replicas=6,
        steps=400,
        batch=64,
    )


def protocol():
    """Train every map."""
    return {
        "settings": {**task().settings, "pairs": PAIRS},
        "cells": [
            {
                "map": name,
                "ceiling": {n: limits.retrieval(name, n) for n in LENGTHS},
                **rates.at_best_rate(task(), name),
            }
            for name in MAPS
        ],
    }
