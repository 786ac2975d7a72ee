"""Ask what part of the loss in long rows is not dispersion.

Protocol. An item is a number from U(0, 1) and a one-hot class of 10; the answer is the
class of the item with the largest number, as in Veličković et al. (2024),
https://arxiv.org/abs/2410.01104. A network of two layers embeds the items to 64; one
head with a learned query attends to them, scores q . k / 8; a second network of two
layers reads the class. ReLU between the layers, biases that start at zero.
Cross-entropy, 1500 batches of 128 rows of 16 items; plain Adam at a constant rate, the
best; 5 replicas. Measured on the same rows of 16, 256 and 2048 items: the accuracy, the
share of the largest number, and how often it has the largest score. *Hard argmax* puts
all weight on the largest score, at test: what is then still wrong no sharpness cures.

A toy. The numbers of a long row are close to each other: to tell the two largest of
2048 apart, scores must be right to one part in two thousand.
"""

from functools import partial

import torch

from attention_lib.book.experiments import rates, replicas
from attention_lib.weightings import Hardmax

__all__ = ["LENGTHS", "data", "protocol", "score", "task"]

CLASSES, WIDTH = 10, 64
ITEMS = 16  # in a row of training
LENGTHS = (16, 256, 2048)
TESTED = {16: 2048, 256: 512, 2048: 256}  # rows by number of items
CHUNK = 2**15  # items of a replica at a time


def sets(source, n_replicas, size, items=ITEMS):
    """Draw items (replicas, size, items, 11), and the class that is asked for."""
    shape = (n_replicas, size, items)
    number = torch.rand(shape, generator=source)
    classes = torch.randint(CLASSES, shape, generator=source)
    hot = torch.nn.functional.one_hot(classes, CLASSES)
    answer = classes.gather(-1, number.argmax(-1, keepdim=True))[..., 0]
    return torch.cat([number[..., None], hot], -1), answer


def data(seed=0, *, sizes=TESTED):
    """Draw what models are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    sizes : dict of int to int
        Number of rows by number of items.

    Returns
    -------
    dict of int to sequence of Tensor, each of shape (1, size, ...)
        Items and the class that is asked for, by number of items, the same for all
        replicas.
    """
    source = replicas.stream(seed, "test")
    return {items: sets(source, 1, size, items) for items, size in sizes.items()}


def start(source, n_replicas, weigh):
    """Start both networks, and the head between them."""
    sizes = {
        "embed": (1 + CLASSES, WIDTH),
        "embed more": (WIDTH, WIDTH),
        "key": (WIDTH, WIDTH),
        "value": (WIDTH, WIDTH),
        "mix": (WIDTH, WIDTH),
        "read": (WIDTH, CLASSES),
    }
    parameters = replicas.layers(source, n_replicas, sizes, zero=True)
    query = replicas.normal(source, n_replicas, 1, 1, WIDTH)
    return parameters | {"query": query.requires_grad_()}


def encoded(parameters, items):
    """Give the query, the keys and the values of the head."""
    layer = partial(replicas.layer, parameters)
    tokens = layer(layer(items, "embed").relu(), "embed more").relu()
    query = parameters["query"].expand(-1, items.shape[1], -1, -1)
    return query, layer(tokens, "key"), layer(tokens, "value")


def answered(parameters, weigh, query, key, value):
    """Give the read-out, (replicas, size, classes), and the weights of the items."""
    weights = replicas.weights_of(weigh, query, key)
    layer = partial(replicas.layer, parameters)
    mixed = layer(weights @ value, "mix").relu()
    return layer(mixed, "read")[..., 0, :], weights[..., 0, :]


def losses(parameters, weigh, items, answer):
    """Give the mean cross-entropy of each replica."""
    read, _ = answered(parameters, weigh, *encoded(parameters, items))
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
        By number of items, ``accuracy`` and ``share``, the weight of the largest
        number; with the hard argmax of the same scores ``hard_accuracy``, and
        ``found``, the part of rows in which it picks the largest number.
    """
    names = ("accuracy", "share", "hard_accuracy", "found")
    measured = {name: {} for name in names}
    for length, drawn in data.items():
        frozen, drawn = replicas.frozen(parameters, drawn)
        chunks = (x.split(max(1, CHUNK // length), 1) for x in drawn)
        rows = [in_rows(frozen, weigh, *chunk) for chunk in zip(*chunks, strict=True)]
        for name, parts in zip(names, zip(*rows, strict=True), strict=True):
            measured[name][length] = torch.cat(parts, 1).float().mean(1).numpy()
    return measured


def in_rows(parameters, weigh, items, answer):
    """Give what `score` measures, row by row."""
    given, largest = encoded(parameters, items), items[..., :1].argmax(-2)
    found = []
    for each in (weigh, Hardmax()):
        read, weights = answered(parameters, each, *given)
        found += [read.argmax(-1) == answer, weights.gather(-1, largest)[..., 0]]
    return found


def task():
    """Give what models are trained for."""
    return rates.Task(
        start=start,
        draw=sets,
        losses=losses,
        data=data,
        score=score,
        n_replicas=5,
        steps=1500,
        batch=128,
        recipe=replicas.PLAIN,
    )


def protocol():
    """Train softmax; whatever the number of items, all answers can be right."""
    return {
        "settings": task().settings | {"items": ITEMS},
        "cells": [
            {
                "map": "softmax",
                "ceiling": dict.fromkeys(LENGTHS, 1.0),
                **rates.at_best_rate(task(), "softmax"),
            }
        ],
    }
