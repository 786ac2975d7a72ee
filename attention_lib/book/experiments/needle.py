"""Ask how long a learned focus lasts as the row grows.

Protocol. A key is a direction of 64 dimensions with one of ten labels; a query is the
direction of a key plus noise .08 N(0, I), and asks for that key's label. Scores are
k . (q W), the answer is a read-out of the averaged one-hot labels; W and the read-out
start as identities. 400 batches of 128 queries in rows of 16 keys, cross-entropy; plain
Adam at a constant rate, each map's best; 5 replicas. Measured are the target's *share*,
its part of the sizes of all weights in its row, and the accuracy, on the same 512
queries in rows of 16 to 16,384 keys; a row of more than 64 keys has n / 64 queries.
Beside the share: the most that any such head could give.

A toy: nothing but its score tells a key from others, and there are no places, layers or
words. What is left in long rows turns with the rate. At three times its best, softmax
validates worse and keeps more, for some queries get a huge lead and a few are lost; the
law, which knows one lead, is then no longer near. Controls: `needle_controls`.
"""

import numpy as np
import torch

from attention_lib.book.experiments import cell_of, limits, rates, replicas

__all__ = ["LENGTHS", "data", "law", "protocol", "score", "shares", "task"]

D_KEY, LABELS, NOISE = 64, 10, 0.08
KEYS = 16  # in a row of training
LENGTHS = (16, 64, 256, 1024, 4096, 16_384)
TESTED = 512  # queries of each length
KEYS_PER_QUERY = 64
BLOCK = 2**20  # scores of a replica at a time
TINY = 1e-30  # where all weights of a row are zero, the target's share is
MAPS = (
    "softmax",
    "entmax-1.5",
    "sparsemax",
    "sig/Σ",
    "sig+b",
    "exp/n",
    "relu/n",
    "raw/n",
)


def rows(source, n_replicas, size, keys=KEYS):
    """Draw keys, their labels, and queries of the first ones: `size` in all."""
    asked = min(size, max(1, keys // KEYS_PER_QUERY))
    shape = (n_replicas, size // asked, keys)
    key = replicas.units(source, *shape, D_KEY)
    labels = torch.randint(LABELS, shape, generator=source)
    # Keys are alike, so the first are as good as any.
    near = key[..., :asked, :]
    near = near + NOISE * replicas.normal(source, *near.shape)
    return key, labels, torch.nn.functional.normalize(near, dim=-1)


def data(seed=0, *, lengths=LENGTHS, size=TESTED):
    """Draw what heads are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    lengths : sequence of int
        Numbers of keys.
    size : int, default 512
        Number of queries of each length.

    Returns
    -------
    dict of int to sequence of Tensor, each of shape (1, rows, ...)
        Keys, labels and queries by number of keys, the same for all replicas.
    """
    source = replicas.stream(seed, "test")
    return {length: rows(source, 1, size, length) for length in lengths}


def start(source, n_replicas, weigh):
    """Start the matrix of the scores, and the read-out."""
    sizes = {"score": D_KEY, "read": LABELS}
    return {
        name: torch.eye(size).repeat(n_replicas, 1, 1).requires_grad_()
        for name, size in sizes.items()
    }


def head(parameters, weigh, key, labels, query):
    """Give the read-out of each query, and the weights of all keys."""
    query = replicas.apply(query, parameters["score"])
    weights = replicas.weights_of(weigh, query, key, scale=1.0)
    hot = torch.nn.functional.one_hot(labels, LABELS).float()
    return replicas.apply(weights @ hot, parameters["read"]), weights


def losses(parameters, weigh, key, labels, query):
    """Give the mean cross-entropy of each replica."""
    read, _ = head(parameters, weigh, key, labels, query)
    return replicas.cross_entropy(read, labels[..., : query.shape[2]])


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
    dict of str to dict of int to array, shape (n_replicas,)
        ``share`` and ``accuracy``, means over the queries, by number of keys.
    """
    found = {"share": {}, "accuracy": {}}
    for length, drawn in data.items():
        share, right = over_queries(parameters, weigh, drawn, focus)
        found["share"][length], found["accuracy"][length] = share, right
    return found


def over_queries(parameters, weigh, drawn, measure):
    """Give the means of what is measured of each query, in blocks that fit in memory.

    The measure is given the read-out, the weights, the labels, and the place of the
    first query's target.
    """
    parameters, drawn = replicas.frozen(parameters, drawn)
    keys, found = drawn[0].shape[2], []
    together = max(1, BLOCK // (keys * drawn[2].shape[2]))
    for key, labels, query in zip(*(x.split(together, 1) for x in drawn), strict=True):
        parts = query.split(max(1, BLOCK // keys), 2)
        for place, part in enumerate(parts):
            out = head(parameters, weigh, key, labels, part)
            each = measure(*out, labels, place * parts[0].shape[2])
            found.append([x.flatten(1) for x in each])
    return [torch.cat(x, 1).mean(1).numpy() for x in zip(*found, strict=True)]


def focus(read, weights, labels, first):
    """Give the share of each query's target, and whether the answer is right."""
    sizes = weights.abs()
    share = sizes.diagonal(first, -2, -1) / sizes.sum(-1).clamp(min=TINY)
    answer = labels[..., first : first + read.shape[2]]
    return share, (read.argmax(-1) == answer).float()


def task():
    """Give what heads are trained for."""
    return rates.Task(
        start=start,
        draw=rows,
        losses=losses,
        data=data,
        score=score,
        n_replicas=5,
        steps=400,
        batch=128,
        kept=2,
        recipe=replicas.PLAIN,
    )


def law(share, n, first=KEYS):
    """Predict the target's share in a row of n keys from that among the first few.

    If the target is worth E other keys, of the weight that these have in the mean, its
    share is ``E / (E + n - 1)``.

    Parameters
    ----------
    share : float or array
        Share in a row of `first` keys.
    n : int or array
        Number of keys.
    first : int, default 16
        Number of keys of which the share is known.

    Returns
    -------
    float or array
        The share that is predicted.
    """
    own = (first - 1) * share
    return own / (own + (n - 1) * (1 - share))


def shares(name="softmax", measure="share"):
    """Read what the saved heads give the target, and how many answers are right.

    Parameters
    ----------
    name : str
        One of `MAPS`.
    measure : str, default "share"
        Or "accuracy".

    Returns
    -------
    array, shape (lengths, replicas)
        A row for each of `LENGTHS`.
    """
    return np.array([*cell_of("needle", map=name)[measure].values()])


def protocol():
    """Train every map."""
    return {
        "settings": task().settings | {"keys": KEYS},
        "cells": [
            {
                "map": name,
                "ceiling": {n: limits.needle(name, n) for n in LENGTHS},
                **rates.at_best_rate(task(), name),
            }
            for name in MAPS
        ],
    }
