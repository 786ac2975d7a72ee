"""Ask whether attention explains a model that has read the words around a word.

Protocol. A text has 20 of 200 words. In *sum*, 60 words carry a value of ±0.5 to ±1.5;
a word of the text is one of them with a chance of 0.15; and the model must tell whether
the values sum to more than zero (texts whose sum is between -0.3 and 0.3 are left out).
In *one*, three texts of four hold one word of four that carry ±1 or ±2, which the model
must give, and zero otherwise. A word is a vector (d 32, from N(0, 1)). In the *bag* it
stays as it is. In the *recurrent* encoder a word becomes what two gated recurrent
units (16 numbers each) have made of it and of all words before it, and of all after
it. The score of a word is v . tanh(W h + b); one linear layer reads the weighted
average of all h. Cross-entropy, or mean square error; 400 batches of 64; Adam (0.9,
0.98), clipped at 1 a replica, 10 % warm-up, cosine to zero, each map at its best rate;
5 replicas, tested on the same 256 texts. All maps can tell every sum and give every
word's value, but for equal weights, which cannot give the value in a bag.

Words are scored by their *attention*, by the size of the gradient of the output times
the input, and by *leave one out*, how far the output moves without the word; each pair
of these is compared by Kendall's tau. *Uniform* is the accuracy when a trained model is
given equal weights instead; a model that was trained with them is the map of that name.
The adversary is exact: `most_different`. In *sum* it may move the probability by 0.01,
in *one* the value by 0.05.

A toy that shows a mechanism. With equal weights the bag does best at the last rate of
the grid, by little. With sparsemax it learns little at any rate: a word of weight zero
has no gradient that could raise it.

References
----------
S. Jain and B. C. Wallace (2019). Attention is not explanation.
https://arxiv.org/abs/1902.10186. S. Wiegreffe and Y. Pinter (2019). Attention is not
not explanation. https://arxiv.org/abs/1908.04626
"""

from functools import partial
from itertools import combinations

import numpy as np
import torch

from attention_lib.book.disagreement import kendall, most_different
from attention_lib.book.experiments import encoders, rates, replicas
from attention_lib.book.experiments.encoders import WORDS, embed, read

__all__ = ["METHODS", "data", "protocol", "score", "task"]

LENGTH = 20
CARRIERS = {"sum": 60, "one": 4}  # the first words
TESTED = 256  # texts
NEAR = {"sum": 0.01, "one": 0.05}
METHODS = ("attention", "gradient × input", "leave one out")
CELLS = (
    *(("sum", e, m) for e in ("bag", "recurrent") for m in ("softmax", "sparsemax")),
    *(("sum", e, "uniform") for e in ("bag", "recurrent")),
    *(("one", e, "softmax") for e in ("bag", "recurrent")),
)


def values(asks):
    """Give what each word carries."""
    half = CARRIERS[asks] // 2
    sizes = torch.linspace(0.5, 1.5, half) if asks == "sum" else torch.arange(1.0, 3.0)
    return torch.cat([sizes, -sizes, torch.zeros(WORDS - 2 * half)])


def sets(source, n_replicas, size, *, asks):
    """Draw texts (replicas, size, 20), and whether or what their values sum to."""
    shape, count = (n_replicas, size, 8, LENGTH), CARRIERS[asks]
    words = torch.randint(count, WORDS, shape, generator=source)
    carriers = torch.randint(count, shape, generator=source)
    chance = torch.rand(shape, generator=source)
    if asks == "sum":
        words = torch.where(chance < 0.15, carriers, words)
    else:  # the place of the largest, in three texts of four
        there = torch.rand((*shape[:3], 1), generator=source) < 0.75
        words = torch.where(
            there & (chance == chance.amax(-1, keepdim=True)), carriers, words
        )
    sums = values(asks)[words].sum(-1)
    if asks == "one":
        return words[..., 0, :], sums[..., 0]
    # Of eight, the first text whose sum is clear.
    first = (sums.abs() > 0.3).int().argmax(-1)[..., None]
    words = words.take_along_dim(first[..., None], 2)[..., 0, :]
    return words, (sums.take_along_dim(first, 2)[..., 0] > 0).float()


def data(seed=0, *, asks, size=TESTED):
    """Draw what models are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    asks : str
        "sum" or "one".
    size : int, default 256
        Number of texts.

    Returns
    -------
    sequence of Tensor, each of shape (1, size, ...)
        Words and answers, the same for all replicas.
    """
    return sets(replicas.stream(seed, "test"), 1, size, asks=asks)


def losses(parameters, weigh, texts, answer, *, asks):
    """Give the cross-entropy or the mean square error of each replica."""
    output, _, _ = read(parameters, weigh, embed(parameters, texts))
    if asks == "one":
        return (output - answer).square().mean(1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    return loss(output, answer, reduction="none").mean(1)


def explained(parameters, weigh, x):
    """Give the output, each word's own, and the words' scores by each of `METHODS`."""
    x = x.detach().requires_grad_()
    output, weights, alone = read(parameters, weigh, x)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    kept = [[j for j in range(LENGTH) if j != i] for i in range(LENGTH)]
    with torch.no_grad():
        moved = [read(parameters, weigh, x[:, :, k])[0] - output for k in kept]
        each = weights, (gradient * x).sum(-1).abs(), torch.stack(moved, -1).abs()
    scores = (score.detach().numpy() for score in each)
    return output.detach(), alone.detach(), dict(zip(METHODS, scores, strict=True))


def score(parameters, weigh, data, *, asks):
    """Measure trained models with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them: of a task, an encoder and a map.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : sequence of Tensor
        As `data` draws them.
    asks : str
        What they were trained for: "sum" or "one".

    Returns
    -------
    dict of str to array of shape (n_replicas,), or to dict of str to such an array
        ``right``, the part of texts whose answer is right, in *one* to within a half;
        ``uniform``, the same with equal weights; ``shuffled``, the mean change of the
        output, in *sum* of the probability, when the weights are shuffled; ``tau``, of
        each pair of methods; ``auc``, by method, how often a word that carries a value
        is above one that does not; ``adversary``, the median divergence in nats of the
        most different weights with an output that is as near, over the texts with a
        value.
    """
    parameters, (texts, answer) = replicas.frozen(parameters, data)
    output, alone, scores = explained(parameters, weigh, embed(parameters, texts))
    carries = (values(asks)[texts] != 0).numpy()
    answer, given = answer.numpy(), np.float64(output)
    shown = (lambda y: 1 / (1 + np.exp(-y))) if asks == "sum" else (lambda y: y)
    weights, alone = scores["attention"], np.float64(alone)
    order = torch.rand(texts.shape[1:], generator=replicas.stream(0, "test"))
    shuffled = (weights[..., order.argsort(-1).numpy()[0]] * alone).sum(-1)
    return {
        "right": right(given, answer, asks),
        "uniform": right(alone.mean(-1), answer, asks),
        "shuffled": abs(shown(shuffled) - shown(given)).mean(1),
        "tau": {
            f"{a}, {b}": kendall(scores[a], scores[b]).mean(1)
            for a, b in combinations(METHODS, 2)
        },
        "auc": {name: above(each, carries) for name, each in scores.items()},
        "adversary": adversary(weights, alone, given, carries, asks),
    }


def adversary(weights, alone, given, carries, asks):
    """Give the median divergence of the most different weights for a near output."""
    if asks == "sum":
        chance, near = 1 / (1 + np.exp(-given)), NEAR[asks]
        with np.errstate(divide="ignore"):  # a bound of one is no bound
            ends = [
                np.log(p / (1 - p))
                for p in (np.clip(chance + e, 0, 1) for e in (-near, near))
            ]
    else:
        ends = given - NEAR[asks], given + NEAR[asks]
    divergence, _ = most_different(weights, alone, *ends)
    return np.array(
        [
            np.median(each[some])
            for each, some in zip(divergence, carries.any(-1), strict=True)
        ]
    )


def task(asks, encoder):
    """Give what models are trained for: "sum" or "one", "bag" or "recurrent"."""
    return rates.Task(
        start=partial(encoders.start, encoder=encoder),
        draw=partial(sets, asks=asks),
        losses=partial(losses, asks=asks),
        data=partial(data, asks=asks),
        score=partial(score, asks=asks),
        n_replicas=5,
        steps=400,
        batch=64,
    )


def protocol():
    """Train every encoder on both tasks."""
    return {
        "settings": task("sum", "bag").settings,
        "cells": [
            {
                "map": name,
                "asks": asks,
                "encoder": encoder,
                **rates.at_best_rate(task(asks, encoder), name),
            }
            for asks, encoder, name in CELLS
        ],
    }


def right(given, answer, asks):
    """Give the part of each replica's answers that are right."""
    if asks == "sum":
        return ((given > 0) == answer).mean(1)
    return (abs(given - answer) < 0.5).mean(1)


def above(scores, carries):
    """Give how often a word that carries a value is above one that does not."""
    lead = scores[..., :, None] - scores[..., None, :]
    pairs = carries[..., :, None] & ~carries[..., None, :]
    return ((lead > 0) + 0.5 * (lead == 0)).mean((1, 2, 3), where=pairs)
