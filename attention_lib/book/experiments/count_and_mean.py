"""Ask whether a head can count, and average, at lengths it has not seen.

Protocol. A token is a one-hot colour of 8 and a value from N(0, 1). The query is a
colour that occurs. One model learns how many tokens have it, another the mean of their
values: one head (d 32, with biases) and a linear read-out of one number. The scores are
not divided by the root of d: with softer scores sigmoid is not done in 400 steps, and
is then no good at 256. 400 batches of 64 sets of 8 to 32 tokens; Adam (0.9, 0.98),
clipped at 1 a replica, 10 % warm-up, cosine to zero, each map at its best rate; 6
replicas. R² on the same 2048 sets of 8 to 32 tokens, of 16, of 32 and of 256; below
zero it is worse than always answering the mean. Beside the first of these: the most
that a map could explain there. A toy that shows a mechanism: the sum of what matches
grows with the row, and an average cannot.
"""

from functools import partial

import torch

from attention_lib.book.experiments import limits, rates, replicas

__all__ = ["LENGTHS", "TASKS", "data", "protocol", "score", "task"]

COLOURS, D = 8, 32
SHORTEST, LONGEST = 8, 32
LENGTHS = (16, 32, 256)
TASKS = ("count", "mean")
TESTED = 2048  # sets of each length
MAPS = ("softmax", "raw", "sig", "relu", "sig+b", "relu/n")


def sets(source, n_replicas, size, shortest=SHORTEST, longest=LONGEST, *, asks):
    """Draw tokens (replicas, size, longest, 9), which of them are there, and the rest.

    The rest is the colour asked for, and the answer.
    """
    shape = (n_replicas, size, longest)
    lengths = torch.randint(shortest, longest + 1, (*shape[:2], 1), generator=source)
    there = torch.arange(longest) < lengths
    colour = torch.randint(COLOURS, shape, generator=source)
    value = replicas.normal(source, *shape)
    asked = colour[..., :1]  # a colour that occurs
    match = ((colour == asked) & there).float()
    answer = match.sum(-1)
    if asks == "mean":
        answer = (match * value).sum(-1) / answer
    query = torch.nn.functional.one_hot(asked, COLOURS).float()
    hot = torch.nn.functional.one_hot(colour, COLOURS)
    return torch.cat([hot, value[..., None]], -1), there[..., None, :], query, answer


def data(seed=0, *, asks, lengths=LENGTHS, size=TESTED):
    """Draw what models are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    asks : {"count", "mean"}
        What to answer.
    lengths : sequence of int
        Sizes of the sets.
    size : int, default 2048
        Number of sets of each.

    Returns
    -------
    dict of str or int to sequence of Tensor, each of shape (1, size, ...)
        Tokens, which of them are there, query and answer, by length, the same for all
        replicas; those of the lengths that are trained on as "trained".
    """
    source = replicas.stream(seed, "test")
    drawn = {"trained": sets(source, 1, size, asks=asks)}
    return drawn | {n: sets(source, 1, size, n, n, asks=asks) for n in lengths}


def start(source, n_replicas, weigh):
    """Start the head and its read-out."""
    sizes = {
        "query": (COLOURS, D),
        "key": (COLOURS + 1, D),
        "value": (COLOURS + 1, D),
        "read": (D, 1),
    }
    return replicas.layers(source, n_replicas, sizes)


def answers(parameters, weigh, tokens, there, query):
    """Give the model's number for each set."""
    layer = partial(replicas.layer, parameters)
    query, key = layer(query, "query"), layer(tokens, "key")
    weights = replicas.weights_of(weigh, query, key, there, scale=1.0)
    return layer(weights @ layer(tokens, "value"), "read")[..., 0, 0]


def losses(parameters, weigh, tokens, there, query, answer):
    """Give the mean square error of each replica."""
    found = answers(parameters, weigh, tokens, there, query)
    return (found - answer).square().mean(1)


def score(parameters, weigh, data):
    """Measure trained models with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them: of a map and a task.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : dict of str or int to sequence of Tensor
        As `data` draws them.

    Returns
    -------
    dict of str to dict of str or int to array, shape (n_replicas,)
        ``r2`` by length.
    """
    explained = {}
    for length, drawn in data.items():
        frozen, drawn = replicas.frozen(parameters, drawn)
        left = losses(frozen, weigh, *drawn)
        explained[length] = (1 - left / drawn[-1].var(1, correction=0)).numpy()
    return {"r2": explained}


def task(asks):
    """Give what models are trained for: to "count", or to give the "mean"."""
    return rates.Task(
        start=start,
        draw=partial(sets, asks=asks),
        losses=losses,
        data=partial(data, asks=asks),
        score=score,
        n_replicas=6,
        steps=400,
        batch=64,
    )


def protocol():
    """Train every map on both tasks."""
    return {
        "settings": task("count").settings,
        "cells": [
            {
                "map": name,
                "asks": asks,
                "ceiling": limits.count_and_mean(name, asks),
                **rates.at_best_rate(task(asks), name),
            }
            for asks in TASKS
            for name in MAPS
        ],
    }
