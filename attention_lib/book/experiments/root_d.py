"""Ask what dividing scores by the root of d is good for.

Protocol. Scores q . k of d coordinates are left *raw*, or divided by the root of d or
by d. *At random*: queries and keys from N(0, 1), 64 of each, 8 such sets; the standard
deviation of the scores, the entropy of softmax's weights over log n, the part of the
rows with a weight above .99, the mean Frobenius norm of softmax's Jacobian. *At the
start*: the look-up of `bayes_lookup`, whose queries and keys go to d coordinates by
matrices that give them variance 1; 128 batches of 1024 sets; the norm of an example's
gradient by its scores, median and mean, and that of the gradient by both matrices: of a
batch of 64, and of the expected gradient, without the luck of a batch. *Trained*: the
same for d 64 and 256, by 300 batches of 64; Adam (0.9, 0.98), clipped at 1 a replica,
10 % warm-up, cosine to zero, each at its best rate. Measured is the *excess risk* of
`bayes_lookup` on the same 1024 sets; what an answer of zero gets stands beside it, and
the least is 0. 5 replicas of each.

With them a fourth: raw scores of matrices that start smaller, by the fourth root of d
each. At the start they are those divided by the root of d.

A toy that shows a mechanism: one head, few steps, and d is all that grows. A raw score
moves by the root of d more when the matrices move, so their gradients have this factor.
"""

from functools import partial

import numpy as np
import torch

from attention_lib import (
    attention_scores,
    entropy,
    jacobian_norm,
    max_weight,
    softmax,
    weightings,
)
from attention_lib.book.experiments import bayes_lookup, limits, rates, replicas

__all__ = ["SCORES", "at_random", "at_start", "protocol", "score", "task"]

# The power of d that multiplies the scores, and that by which both matrices start.
SCORES = {
    "÷ √d": (-0.5, 0.0),
    "raw": (0.0, 0.0),
    "÷ d": (-1.0, 0.0),
    "raw, small start": (0.0, -0.25),
}
AS_DRAWN = ("÷ √d", "raw", "÷ d")
SIZES = {"random": (1, 4, 16, 64, 256, 1024), "start": (16, 64, 256, 1024)}
TRAINED = (64, 256)
BATCH = 64  # sets


def at_random(d, scores="÷ √d", *, n=64, sets=8, n_replicas=5, seed=0):
    """Measure softmax's rows where queries and keys are from N(0, 1).

    Parameters
    ----------
    d : int
        Coordinates of a query and of a key.
    scores : {"÷ √d", "raw", "÷ d"}
        What their product is divided by.
    n : int, default 64
        Queries, and keys, of a set.
    sets, n_replicas, seed : int
        Sets of each replica, replicas, and where their stream starts.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        ``spread``, the standard deviation of the scores; ``entropy`` over ``log n``;
        ``one_key``, the part of the rows whose largest weight exceeds .99; and
        ``jacobian``, the mean Frobenius norm of softmax's.
    """
    rng, (power, _) = np.random.default_rng(seed), SCORES[scores]
    drawn = (rng.normal(size=(2, sets, n, d)) for _ in range(n_replicas))
    rows = [attention_scores(*pair, scale=d**power)[0] for pair in drawn]
    weights = [softmax(each) for each in rows]
    measured = {
        "spread": [each.std() for each in rows],
        "entropy": [entropy(each, base=n).mean() for each in weights],
        "one_key": [(max_weight(each) > 0.99).mean() for each in weights],
        "jacobian": [jacobian_norm("softmax", each).mean() for each in rows],
    }
    return {name: np.array(each) for name, each in measured.items()}


def at_start(d, scores="÷ √d", *, batches=128, sets=1024, n_replicas=5, seed=0):
    """Measure the gradients of the look-up before the first step.

    Parameters
    ----------
    d : int
        Coordinates of a query and of a key.
    scores : str
        One of `SCORES`.
    batches, sets, n_replicas, seed : int
        Batches of each replica, sets of a batch, replicas, and where their stream
        starts.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        ``median`` and ``mean`` of the norm of an example's gradient by its scores;
        ``parameters``, the norm of the expected gradient by both matrices, and
        ``batch``, the root mean square norm of that of a batch of 64.
    """
    source, factor = replicas.stream(seed), scale(d, scores)
    parameters = start(source, n_replicas, weightings.Softmax(), d=d, scores=scores)
    drawn = (bayes_lookup.sets(source, n_replicas, sets) for _ in range(batches))
    taken = [gradients(parameters, batch, factor) for batch in drawn]
    examples, of_batches = (list(each) for each in zip(*taken, strict=True))
    examples, both = torch.cat(examples, 1), squares(torch.stack(of_batches))
    expected, one = (each.clamp(min=0) for each in both)
    return {
        "median": examples.median(1).values.numpy(),
        "mean": examples.mean(1).numpy(),
        "parameters": expected.sqrt().numpy(),
        "batch": (expected + sets / BATCH * (one - expected)).sqrt().numpy(),
    }


def gradients(parameters, drawn, factor):
    """Give the norms of examples' gradients by scores, and a batch's by both matrices.

    Their shapes are (replicas, size) and (replicas, 32 d).
    """
    held = []

    def weigh(rows, where=None):
        rows.retain_grad()
        held.append(rows)
        return weightings.Softmax()(rows, where=where)

    # Scores depend on the matrices through their product only, which is smaller.
    query, key = (parameters[name].detach() for name in ("query", "key"))
    product = (query @ key.mT).requires_grad_()
    same = torch.eye(bayes_lookup.D_KEY).expand_as(product)
    with_product = parameters | {"query": product, "key": same}
    bayes_lookup.losses(with_product, weigh, *drawn, scale=factor).sum().backward()
    # The loss is a mean over the sets, and no score is in two of them.
    (rows,) = held
    examples = len(rows[0]) * rows.grad.norm(dim=-1).flatten(1)
    by_both = torch.cat([product.grad @ key, product.grad.mT @ query], 1)
    return examples, by_both.flatten(1)


def squares(gradients):
    """Estimate the squared norm of the expected gradient, and of one, without bias.

    Two batches have nothing in common but what is expected: the mean product of two
    different ones is its square. A norm of their mean would count their luck too.
    """
    count, one = len(gradients), gradients.square().sum(-1).mean(0)
    total = gradients.sum(0).square().sum(-1)
    return (total - count * one) / (count * (count - 1)), one


def scale(d, scores):
    """Give what the products of queries and keys are multiplied by."""
    return d ** SCORES[scores][0]


def start(source, n_replicas, weigh, *, d, scores):
    """Start a head whose queries and keys have d coordinates of variance 1."""
    parameters = bayes_lookup.start(source, n_replicas, weigh)
    del parameters["level"]  # softmax would not notice it
    # The squares of a unit key sum to one; the noise of a query adds to its own.
    squares = {"key": 1.0, "query": 1.0 + bayes_lookup.D_KEY * bayes_lookup.NOISE**2}
    for name, square in squares.items():
        drawn = replicas.normal(source, n_replicas, bayes_lookup.D_KEY, d)
        drawn *= d ** SCORES[scores][1] / square**0.5
        parameters[name] = drawn.requires_grad_()
    return parameters


def score(parameters, weigh, data, *, scores):
    """Measure trained heads with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : dict of int to sequence of Tensor
        As `bayes_lookup.data` draws them.
    scores : str
        Those of `SCORES` that the heads were trained with.

    Returns
    -------
    dict of str to dict of int to array, shape (n_replicas,)
        ``excess_risk`` by number of pairs.
    """
    d = parameters["query"].shape[-1]
    return bayes_lookup.score(parameters, weigh, data, scale=scale(d, scores))


def task(d=64, scores="÷ √d"):
    """Give what heads of d coordinates are trained for, with one of `SCORES`."""
    return rates.Task(
        start=partial(start, d=d, scores=scores),
        draw=bayes_lookup.sets,
        losses=partial(bayes_lookup.losses, scale=scale(d, scores)),
        data=partial(bayes_lookup.data, lengths=(bayes_lookup.PAIRS,)),
        score=partial(score, scores=scores),
        n_replicas=5,
        steps=300,
        batch=BATCH,
    )


def protocol():
    """Measure at random and at the start, and train."""
    ((keys, _, query, _, best),) = task().data().values()
    least = limits.bayes_lookup("softmax", keys, query, bayes_lookup.NOISE)
    return {
        "settings": task().settings,
        "silence": best.square().mean(),
        "at_random": {
            scores: {d: at_random(d, scores) for d in SIZES["random"]}
            for scores in AS_DRAWN
        },
        "at_start": {
            scores: {d: at_start(d, scores) for d in SIZES["start"]}
            for scores in ("raw", "÷ √d")
        },
        "cells": [
            {
                "map": "softmax",
                "d": d,
                "scores": scores,
                "floor": least,
                **rates.at_best_rate(task(d, scores), "softmax"),
            }
            for d in TRAINED
            for scores in SCORES
        ],
    }
