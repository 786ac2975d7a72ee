"""Ask whether a head that sums to one needs somewhere to put spare weight.

Protocol. A sequence has 16 tokens, each of 8 Gaussian coordinates (its *content*) and
three flags: a BOS flag, a trigger flag, and a constant one. In 70 % of the sequences a
trigger stands at a place from 3 to 15. There the head must give the mean content of all
earlier tokens, and everywhere else zero. With a BOS, the first token has no content and
does not count. One causal head (d_key 16, no biases, no residual); 800 batches of 128
sequences, plain Adam at a constant rate, each map's best; 5 replicas, tested on the
same 4096 sequences.

The error is relative to the power of the target: 1 is what an output of zero gets. The
*sink* is the weight on the first token in rows from the fifth on that are no trigger's.
A toy that shows a mechanism, and no measurement of a language model; it is in the
spirit of Ran-Milo (2026), https://arxiv.org/abs/2603.11487.
"""

from functools import partial

import torch

from attention_lib.book.experiments import limits, maps, rates, replicas, trained

__all__ = ["data", "one_sequence", "protocol", "score", "task"]

LENGTH, CONTENT, D_KEY = 16, 8, 16
BOS, TRIGGER, ONE = CONTENT, CONTENT + 1, CONTENT + 2
FIRST, SHARE = 3, 0.7  # place from which triggers stand; sequences that have one
SINK_FROM = 4  # rows before it are too short to tell a sink from an average
TESTED = 4096  # sequences

MAPS = ("softmax", "sparsemax", "off-by-one", "learned sink", "relu/n", "sig+b")


def sequences(source, n_replicas, size, bos):
    """Draw tokens (replicas, size, 16, 11), and the output asked for at each."""
    tokens = torch.zeros(n_replicas, size, LENGTH, CONTENT + 3)
    content = replicas.normal(source, n_replicas, size, LENGTH, CONTENT)
    place = torch.randint(FIRST, LENGTH, (n_replicas, size), generator=source)
    fires = torch.rand((n_replicas, size), generator=source) < SHARE
    flags = torch.nn.functional.one_hot(place, LENGTH) * fires[..., None]
    if bos:
        content[..., 0, :] = 0
        tokens[..., 0, BOS] = 1
    tokens[..., :CONTENT], tokens[..., TRIGGER], tokens[..., ONE] = content, flags, 1
    earlier = torch.ones(LENGTH, LENGTH).tril(-1)
    earlier[:, 0] *= not bos
    mean = earlier / earlier.sum(-1, keepdim=True).clamp(min=1)
    return tokens, (mean @ content) * flags[..., None]


def data(seed=0, *, bos=True, sets=TESTED):
    """Draw what heads are tested on.

    Parameters
    ----------
    seed : int, default 0
        Where the stream of tests starts.
    bos : bool, default True
        Whether the first token is a BOS without content.
    sets : int, default 4096
        Number of sequences.

    Returns
    -------
    tokens, target : Tensor, shapes (1, sets, 16, 11) and (1, sets, 16, 8)
        The same for all replicas.
    """
    return sequences(replicas.stream(seed, "test"), 1, sets, bos)


def start(source, n_replicas, weigh, *, gate):
    """Start the head's matrices, and what else the map or the gate has to learn."""
    width = CONTENT + 3
    sizes = {"query": D_KEY, "key": D_KEY, "value": CONTENT}
    if gate:
        sizes["gate"] = CONTENT
    parameters = {
        name: replicas.matrix(source, n_replicas, width, size)
        for name, size in sizes.items()
    }
    if isinstance(weigh, maps.LearnedSink):
        parameters["sink"] = torch.zeros(n_replicas, 1, 1, 1, requires_grad=True)
    return parameters


def head(parameters, weigh, tokens):
    """Give the outputs and the weights of the causal head."""
    if isinstance(weigh, maps.LearnedSink):
        weigh = weigh.with_score(parameters["sink"])
    query, key, value = (
        replicas.apply(tokens, parameters[name]) for name in ("query", "key", "value")
    )
    causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    weights = replicas.weights_of(weigh, query, key, causal)
    out = weights @ value
    if "gate" in parameters:
        out = out * torch.sigmoid(replicas.apply(tokens, parameters["gate"]))
    return out, weights


def losses(parameters, weigh, tokens, target):
    """Give the mean square error of each replica."""
    out, _ = head(parameters, weigh, tokens)
    return (out - target).square().mean((1, 2, 3))


def score(parameters, weigh, data):
    """Measure trained heads with a map from scores to weights.

    Parameters
    ----------
    parameters : dict of str to array
        As `trained` reads them: of a map, with or without a BOS and a gate.
    weigh : callable
        A weighting, or any function of scores ``(..., n)`` and ``where=``, both
        tensors, that gives weights.
    data : pair of Tensor
        As `data` draws them.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        ``error``, relative to the target's power; ``sink``, the weight on the first
        token; ``first_norm`` and ``other_norm``, mean lengths of the values.
    """
    parameters, (tokens, target) = replicas.frozen(parameters, data)
    out, weights = head(parameters, weigh, tokens)
    norms = replicas.apply(tokens, parameters["value"]).norm(dim=-1)
    quiet = (tokens[..., TRIGGER] == 0) & (torch.arange(LENGTH) >= SINK_FROM)
    error = (out - target).square().sum((1, 2, 3)) / target.square().sum((1, 2, 3))
    sink = (weights[..., 0] * quiet).sum((1, 2)) / quiet.sum((1, 2))
    return {
        "error": error.numpy(),
        "sink": sink.numpy(),
        "first_norm": norms[..., 0].mean(1).numpy(),
        "other_norm": norms[..., 1:].mean((1, 2)).numpy(),
    }


def task(bos=True, gate=False):
    """Give what heads are trained for.

    Parameters
    ----------
    bos : bool, default True
        Whether the first token is a BOS without content.
    gate : bool, default False
        Multiply the output by a learned sigmoid of the token.

    Returns
    -------
    rates.Task
        For `rates.train_and_score`, for instance.
    """
    return rates.Task(
        start=partial(start, gate=gate),
        draw=partial(sequences, bos=bos),
        losses=losses,
        data=partial(data, bos=bos),
        score=score,
        n_replicas=5,
        steps=800,
        batch=128,
        kept=5,
        recipe=replicas.PLAIN,
    )


def one_sequence(name, bos=True, *, place=10, seed=0):
    """Show what a trained head, the first of the saved ones, does in one sequence.

    Parameters
    ----------
    name : str
        One of `MAPS`.
    bos : bool, default True
        Whether the first token is a BOS without content.
    place : int, default 10
        Where the trigger stands.
    seed : int, default 0
        Where the stream of the content starts.

    Returns
    -------
    weights : array, shape (16, 16)
        One row for each query.
    norms : array, shape (16,)
        Lengths of the values.
    """
    parameters = trained("trigger", map=name, bos=bos, gate=False)
    parameters, (tokens, _) = replicas.frozen(parameters, data(seed, bos=bos, sets=1))
    tokens = tokens.clone()
    tokens[..., TRIGGER] = torch.arange(LENGTH) == place
    _, weights = head(parameters, maps.get_map(name), tokens)
    norms = replicas.apply(tokens, parameters["value"]).norm(dim=-1)
    return weights[0, 0].numpy(), norms[0, 0].numpy()


def protocol():
    """Train every map with and without a BOS, and softmax with a gate too."""
    cells = [(name, bos, False) for name in MAPS for bos in (False, True)]
    cells += [("softmax", bos, True) for bos in (False, True)]
    return {
        "settings": task().settings,
        "cells": [
            {
                "map": name,
                "bos": bos,
                "gate": gate,
                "floor": limits.trigger(name, bos, gate),
                **rates.at_best_rate(task(bos, gate), name),
            }
            for name, bos, gate in cells
        ],
    }
