"""Ask what keeps a focus in long rows, and what does not, once softmax has learned it.

Protocol. Softmax's five heads of `needle`, trained again at their best rate. In
softmax's place, at test: all weight on the largest score; scores times log n / log 16
(Nakanishi, 2025, https://arxiv.org/abs/2501.19399); a temperature that adapts to the
row's entropy (Veličković et al., 2024, https://arxiv.org/abs/2410.01104). Then softmax
trained anew, at its own best rate each time, from a W of entries N(0, 1/64), and in
rows of 256 keys. Measured as there; also the entropy of softmax's rows.

A toy. The polynomial of the adaptive temperature is the one of that paper, and was
fitted to a head of another task.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np

from attention_lib import entropy
from attention_lib.book.experiments import (
    cell_of,
    load,
    maps,
    needle,
    rates,
    replicas,
)
from attention_lib.weightings import Hardmax, ScalableSoftmax

__all__ = ["AT_TEST", "data", "protocol", "score", "shares", "task"]

LONGER = 256  # keys in a row of training
AT_TEST = {
    "softmax": maps.get_map("softmax"),
    "hard argmax": Hardmax(),
    "scores × log n": ScalableSoftmax(1 / math.log(needle.KEYS)),
    "adaptive temperature": maps.get_map("adaptive temperature"),
}
ANEW = ("random start", "longer rows")
data, score = needle.data, needle.score


def start_at_random(source, n_replicas, weigh):
    """Start the matrix of the scores at random, and the read-out as ever."""
    started = needle.start(source, n_replicas, weigh)
    drawn = replicas.normal(source, *started["score"].shape) / needle.D_KEY**0.5
    return started | {"score": drawn.requires_grad_()}


def task(anew):
    """Give what softmax is trained for anew.

    Parameters
    ----------
    anew : {"random start", "longer rows"}
        What differs.

    Returns
    -------
    rates.Task
        For `rates.train_and_score`, for instance.
    """
    if anew == "random start":
        return replace(needle.task(), start=start_at_random)
    return replace(needle.task(), draw=partial(needle.rows, keys=LONGER))


def shares(name, measure="share"):
    """Read what the saved heads give the target, and how many answers are right.

    Parameters
    ----------
    name : str
        What takes softmax's place, "random start" or "longer rows".
    measure : str, default "share"
        Or "accuracy".

    Returns
    -------
    array, shape (lengths, replicas)
        A row for each of `needle.LENGTHS`.
    """
    if name in AT_TEST:
        found = load("needle_controls")["result"]["at_test"][name]
    else:
        found = cell_of("needle_controls", anew=name)
    return np.array([*found[measure].values()])


def spread(read, weights, labels, first):
    """Give the entropy of each query's weights."""
    return (entropy(weights),)


def learned(steps=None, seed=0):
    """Train softmax's five heads, at the rate that was their best."""
    rate = cell_of("needle", map="softmax")["rate"]
    whole = needle.task()
    size = {"n_replicas": whole.n_replicas, "batch": whole.batch}
    size |= {"steps": steps or whole.steps, "seed": seed}
    return rates.train(whole, "softmax", (rate,), **size)[rate]


def at_test(parameters, tested):
    """Give what each map in softmax's place makes of these heads."""
    return {name: score(parameters, weigh, tested) for name, weigh in AT_TEST.items()}


def protocol():
    """Try every map in softmax's place, then train anew."""
    heads, tested, weigh = learned(), data(), maps.get_map("softmax")
    entropies = {
        n: needle.over_queries(heads, weigh, drawn, spread)[0]
        for n, drawn in tested.items()
    }
    return {
        "settings": needle.task().settings | {"longer": LONGER},
        "at_test": at_test(heads, tested),
        "entropy": entropies,
        "cells": [
            {
                "map": "softmax",
                "anew": anew,
                **rates.at_best_rate(task(anew), "softmax"),
            }
            for anew in ANEW
        ],
    }
