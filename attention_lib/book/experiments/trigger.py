"""Ask whether a head that sums to one needs somewhere to put spare weight.

Protocol. A sequence has 16 tokens, each of 8 Gaussian coordinates (its *content*) and
three flags: a BOS flag, a trigger flag, and a constant one. In 70 % of the sequences a
trigger stands at a place from 3 to 15. There the head must give the mean content of all
earlier tokens, and everywhere else zero. With a BOS, the first token has no content and
does not count. One causal head (d_key 16, no biases, no residual); 800 batches of 128
sequences, plain Adam at a constant rate (3e-3, 1e-2, 3e-2); 5 replicas.

The error is relative to the power of the target: 1 is what an output of zero gets. The
*sink* is the weight on the first token in rows from the fifth on that are no trigger's.
A toy that shows a mechanism, and no measurement of a language model; it is in the
spirit of Ran-Milo (2026), https://arxiv.org/abs/2603.11487.
"""

import torch

from attention_lib.book.experiments import maps, replicas

__all__ = ["floors", "one_sequence", "protocol", "train_and_measure"]

LENGTH, CONTENT, D_KEY = 16, 8, 16
BOS, TRIGGER, ONE = CONTENT, CONTENT + 1, CONTENT + 2
FIRST, SHARE = 3, 0.7  # place from which triggers stand; sequences that have one
SINK_FROM = 4  # rows before it are too short to tell a sink from an average
TESTED = 512  # sequences a replica

CELLS = ("softmax", "sparsemax", "off-by-one", "learned sink", "relu/n", "sig+b")
RATES = (3e-3, 1e-2, 3e-2)


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


def start(source, n_replicas, weighting, gate):
    """Start the head's matrices, and what else the map or the gate has to learn."""
    width = CONTENT + 3
    sizes = {"query": D_KEY, "key": D_KEY, "value": CONTENT}
    if gate:
        sizes["gate"] = CONTENT
    parameters = {
        name: replicas.matrix(source, n_replicas, width, size)
        for name, size in sizes.items()
    }
    if isinstance(weighting, maps.LearnedSink):
        parameters["sink"] = torch.zeros(n_replicas, 1, 1, 1, requires_grad=True)
    return parameters


def head(parameters, weighting, tokens):
    """Give the outputs and the weights of the causal head."""
    if isinstance(weighting, maps.LearnedSink):
        weighting = weighting.with_score(parameters["sink"])
    query, key, value = (
        replicas.apply(tokens, parameters[name]) for name in ("query", "key", "value")
    )
    causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    weights = replicas.weights_of(weighting, query, key, causal)
    out = weights @ value
    if "gate" in parameters:
        out = out * torch.sigmoid(replicas.apply(tokens, parameters["gate"]))
    return out, weights


def fit(weighting, bos, gate, n_replicas, steps, rate, seed, batch=128):
    """Train the head; give its weighting, its parameters and the random stream."""
    weighting, source = maps.get_map(weighting), replicas.stream(seed)
    parameters = start(source, n_replicas, weighting, gate)

    def losses():
        tokens, target = sequences(source, n_replicas, batch, bos)
        out, _ = head(parameters, weighting, tokens)
        return (out - target).square().mean((1, 2, 3))

    replicas.train(parameters, losses, steps, rate, replicas.PLAIN)
    return weighting, parameters, source


def train_and_measure(
    weighting,
    bos=True,
    *,
    gate=False,
    n_replicas=5,
    steps=800,
    batch=128,
    rate=1e-2,
    seed=0,
):
    """Train one map and measure it on new sequences.

    Parameters
    ----------
    weighting : str or Weighting
        A name of `maps.MAPS`, or a weighting.
    bos : bool, default True
        Whether the first token is a BOS without content.
    gate : bool, default False
        Multiply the output by a learned sigmoid of the token.
    n_replicas, steps, batch, rate, seed
        As in the protocol.

    Returns
    -------
    dict of str to array, shape (n_replicas,)
        ``error``, relative to the target's power; ``sink``, the weight on the first
        token; ``first_norm`` and ``other_norm``, mean lengths of the values.
    """
    weighting, parameters, source = fit(
        weighting, bos, gate, n_replicas, steps, rate, seed, batch
    )
    with torch.no_grad():
        tokens, target = sequences(source, n_replicas, TESTED, bos)
        out, weights = head(parameters, weighting, tokens)
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


def one_sequence(weighting, bos=True, *, place=10, steps=800, rate=1e-2, seed=0):
    """Train one replica; give its weights and value norms for one sequence.

    Parameters
    ----------
    weighting, bos, steps, rate, seed
        As in `train_and_measure`.
    place : int, default 10
        Where the trigger stands.

    Returns
    -------
    weights : array, shape (16, 16)
        One row for each query.
    norms : array, shape (16,)
        Lengths of the values.
    """
    weighting, parameters, source = fit(weighting, bos, False, 1, steps, rate, seed)
    tokens, _ = sequences(source, 1, 1, bos)
    tokens[..., TRIGGER] = torch.arange(LENGTH) == place
    with torch.no_grad():
        _, weights = head(parameters, weighting, tokens)
        norms = replicas.apply(tokens, parameters["value"]).norm(dim=-1)
    return weights[0, 0].numpy(), norms[0, 0].numpy()


def softmax_floor():
    """Give the least error of a head that sums to one and has no BOS.

    Where there is no trigger, the best it can do is to average all it sees; values are
    then shrunk by the factor that balances these rows against the trigger's.
    """
    places = torch.arange(FIRST, LENGTH)
    asked = SHARE * (1 / places).mean()
    averages = (1 / torch.arange(1, LENGTH + 1)).sum()
    noise = averages - SHARE * (1 / (places + 1)).mean()
    return float(noise / (noise + asked))


def relu_floor(bos):
    """Give the least error of equal weights c / i on the tokens that count.

    Row i has i tokens, of which the trigger, and the BOS, do not count.
    """
    rows = torch.arange(FIRST + 1, LENGTH + 1)
    counted = rows - 1 - int(bos)
    share = counted / rows
    power = 1 / counted
    explained = (power * share).sum() ** 2 / (power * share**2).sum()
    return float(1 - explained / power.sum())


def floors():
    """Give the least errors that can be computed, by map."""
    return {
        "softmax": softmax_floor(),
        "relu/n": relu_floor(bos=False),
        "relu/n, BOS": relu_floor(bos=True),
    }


def protocol():
    """Run every map with and without a BOS, at three rates."""
    cells = [(name, bos, False) for name in CELLS for bos in (False, True)]
    cells += [("softmax", bos, True) for bos in (False, True)]
    return {
        "settings": {
            "seed": 0,
            "replicas": 5,
            "steps": 800,
            "batch": 128,
            "optimiser": "Adam",
        },
        "floors": floors(),
        "cells": [
            {
                "map": name,
                "bos": bos,
                "gate": gate,
                "rate": rate,
                **train_and_measure(name, bos, gate=gate, rate=rate),
            }
            for rate in RATES
            for name, bos, gate in cells
        ],
    }
