"""Ask which map of a trained model points at the token that decides its answer.

Protocol. A set has 12 tokens and a thirteenth that must answer. In *direct* each token
is a digit from 0 to 7, one of them has a flag, and its digit is the answer: a model of
one layer. In *hop* one of the first eleven is a marker without a digit, and the digit
after it is the answer: two layers, so that a token can learn of the one before. Digit,
flag and place are vectors (d 32) that are added; they start from N(0, 1), and in *hop
from a small start* at half of that. A layer adds to each token what one head reads (no
biases, no normalisation, no MLP); read-out from the thirteenth; cross-entropy. As a
digit and its flag are only added, equal weights show how often each digit occurs, and
no more. 600 batches of 32; Adam (0.9, 0.98), clipped at 1 a replica, 10 % warm-up,
cosine to zero, each map at its best rate; 8 replicas, tested on the same 256 sets.

Five ways to score the tokens: the weights of the last layer; the same times the length
of what a key writes; attention followed through both layers (`attention_rollout`); the
gradient of the score of the model's answer times the input; and *occlusion*, by how
much that score falls without the digit and flag of a token. Measured is how often the
token that decides is above another one (AUC; a tie counts as half) and above all
(top-1). The marker, which decides too, is left out.

A toy that shows a mechanism: we know which token decides because we made the task.
"""

from functools import partial

import torch

from attention_lib import attention_rollout
from attention_lib.book.experiments import limits, rates, replicas
from attention_lib.book.experiments.flagged_tokens import (
    DIGITS,
    TASKS,
    TOKENS,
    read,
    sets,
    start,
)

__all__ = [
    "MAPS",
    "METHODS",
    "SOLVED",
    "TASKS",
    "data",
    "protocol",
    "score",
    "solved",
    "task",
]

MAPS = {
    "direct": ("softmax", "entmax-1.5", "sparsemax", "uniform"),
    "hop": ("softmax", "uniform"),
    "hop from a small start": ("softmax", "entmax-1.5", "sparsemax"),
}
METHODS = ("attention", "attention × value", "rollout", "gradient × input", "occlusion")
TESTED = 256  # sets
SOLVED = 0.97  # least accuracy of a replica that counts


def data(seed=0, *, asks, size=TESTED):
    """Draw what models are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    asks : str
        One of `TASKS`.
    size : int, default 256
        Number of sets.

    Returns
    -------
    sequence of Tensor, each of shape (1, size, ...)
        Tokens, the place of the one that decides, and its digit, the same for all
        replicas.
    """
    return sets(replicas.stream(seed, "test"), 1, size, asks=asks)


def losses(parameters, weigh, tokens, deciding, answer):
    """Give the cross-entropy of each replica."""
    content = replicas.apply(tokens, parameters["content"])
    return replicas.cross_entropy(read(parameters, weigh, content)[0], answer)


def explained(parameters, weigh, content, given):
    """Score the tokens by each of `METHODS`, for the digits that a model has given.

    Returns
    -------
    dict of str to Tensor, each of shape (replicas, size, 12)
        By the names of `METHODS`.
    """
    content = content.detach().requires_grad_()
    scores, weights, writes = read(parameters, weigh, content)
    (gradient,) = torch.autograd.grad(for_the_answer(scores, given).sum(), content)
    with torch.no_grad():
        last = weights[-1][..., -1, :-1]
        hidden = [
            for_the_answer(read(parameters, weigh, without(content, i))[0], given)
            for i in range(TOKENS)
        ]
        return {
            "attention": last,
            "attention × value": last * writes[..., :-1, :].norm(dim=-1),
            "rollout": attention_rollout(weights)[..., -1, :-1],
            "gradient × input": (gradient * content).sum(-1),
            "occlusion": -torch.stack(hidden, -1),
        }


def for_the_answer(scores, given):
    """Give the score of the digits that were given, less the mean of all."""
    return scores.gather(-1, given[..., None])[..., 0] - scores.mean(-1)


def without(content, place):
    """Leave out the digit and the flag of the token at one place."""
    kept = torch.ones(TOKENS, 1)
    kept[place] = 0
    return content * kept


def score(parameters, weigh, data):
    """Measure trained models with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them: of a map and a task.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : sequence of Tensor
        As `data` draws them.

    Returns
    -------
    dict of str to array of shape (n_replicas,), or to dict of str to such an array
        ``accuracy``; ``auc`` and ``top_1`` by the names of `METHODS`; and ``on_flag``,
        how often the last layer gives its largest weight to the token with the flag:
        in *hop*, to the marker.
    """
    parameters, (tokens, deciding, answer) = replicas.frozen(parameters, data)
    content = replicas.apply(tokens, parameters["content"])
    with torch.no_grad():
        given = read(parameters, weigh, content)[0].argmax(-1)
    scores = explained(parameters, weigh, content, given)
    found = {name: above(each, tokens, deciding) for name, each in scores.items()}
    flagged = scores["attention"].argmax(-1) == tokens[..., -1].argmax(-1)
    return {
        "accuracy": (given == answer).float().mean(1).numpy(),
        "on_flag": flagged.float().mean(1).numpy(),
        "auc": {name: auc for name, (auc, _) in found.items()},
        "top_1": {name: top for name, (_, top) in found.items()},
    }


def above(each, tokens, deciding):
    """Give how often the deciding token is above another one, and above all of them.

    A marker, which has no digit, is not one of them.
    """
    rivals = tokens[..., :DIGITS].sum(-1).scatter(-1, deciding, 0)
    lead = each.gather(-1, deciding) - each
    wins = ((lead > 0) + 0.5 * (lead == 0)) * rivals
    auc = (wins.sum(-1) / rivals.sum(-1)).mean(1)
    top = ((lead > 0) | (rivals == 0)).all(-1)
    return auc.numpy(), top.float().mean(1).numpy()


def task(asks):
    """Give what models are trained for: one of `TASKS`."""
    return rates.Task(
        start=partial(start, asks=asks),
        draw=partial(sets, asks=asks),
        losses=losses,
        data=partial(data, asks=asks),
        score=score,
        n_replicas=8,
        steps=600,
        batch=32,
        kept=3 if asks == "hop" else 1,
    )


def protocol():
    """Train every map on both tasks."""
    return {
        "settings": task("direct").settings,
        "cells": [
            {
                "map": name,
                "asks": asks,
                "ceiling": limits.which_token(name, asks),
                **rates.at_best_rate(task(asks), name),
            }
            for asks in TASKS
            for name in MAPS[asks]
        ],
    }


def solved(cell, measure, method=None):
    """Give a measure of a saved cell's replicas that solve the task.

    Parameters
    ----------
    cell : dict
        As `cell_of` gives it.
    measure : str
        What `score` measures, such as "auc".
    method : str, optional
        One of `METHODS`, for a measure of each.

    Returns
    -------
    list of float
        One entry for each replica with an accuracy above `SOLVED`.
    """
    each = cell[measure] if method is None else cell[measure][method]
    pairs = zip(cell["accuracy"], each, strict=True)
    return [value for right, value in pairs if right > SOLVED]
