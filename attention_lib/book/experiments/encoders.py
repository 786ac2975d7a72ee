"""Texts turned into one number: words, what stands for them, and an attentive average.

What stands for a word is the word itself, or what two gated recurrent units have made
of it: one that read all words before it, and one that read all after it.

References
----------
K. Cho et al. (2014). Learning phrase representations using RNN encoder-decoder for
statistical machine translation. https://arxiv.org/abs/1406.1078
"""

import torch

from attention_lib.book.experiments import replicas

__all__ = ["STATE", "WIDTH", "WORDS", "embed", "read", "start"]

WORDS, WIDTH, STATE = 200, 32, 16
SIDES = ("forward", "backward")


def start(source, n_replicas, weigh, *, encoder):
    """Start the words, recurrent units if there are, the pooling and the read-out."""
    words = replicas.normal(source, n_replicas, WORDS, WIDTH).requires_grad_()
    sizes = {"key": (WIDTH, WIDTH), "read": (WIDTH, 1)}
    if encoder == "recurrent":
        sizes |= {"input": (WIDTH, 6 * STATE)}
        sizes |= dict.fromkeys(SIDES, (STATE, 3 * STATE))
    query = replicas.matrix(source, n_replicas, WIDTH, 1)
    return {
        "words": words,
        "query": query,
        **replicas.layers(source, n_replicas, sizes),
    }


def encode(parameters, x):
    """Give what stands for each word, (replicas, size, 20, 32)."""
    if "forward" not in parameters:
        return x
    inward = replicas.layer(parameters, x, "input").chunk(2, -1)
    inward = torch.cat([inward[0], inward[1].flip(2)])  # both sides as replicas
    inner, offset = (
        torch.cat([parameters[f"{side}{end}"] for side in SIDES])
        for end in ("", " bias")
    )
    state, states = x.new_zeros(len(inner), x.shape[1], STATE), []
    for given in inward.unbind(2):
        own = torch.baddbmm(offset, state, inner)
        gates = torch.sigmoid((given + own)[..., : 2 * STATE])
        reset, keep = gates.chunk(2, -1)
        new = torch.tanh(given[..., 2 * STATE :] + reset * own[..., 2 * STATE :])
        state = new + keep * (state - new)
        states.append(state)
    ahead, back = torch.stack(states, 2).chunk(2)
    return torch.cat([ahead, back.flip(2)], -1)


def read(parameters, weigh, x):
    """Give the output, the weights, and the output with all weight on each word."""
    h = encode(parameters, x)
    key = torch.tanh(replicas.layer(parameters, h, "key"))
    query = parameters["query"].mT[:, None].expand(-1, x.shape[1], -1, -1)
    weights = replicas.weights_of(weigh, query, key, scale=1.0)
    alone = replicas.layer(parameters, h, "read")[..., 0]
    output = replicas.layer(parameters, weights @ h, "read")
    return output[..., 0, 0], weights[..., 0, :], alone


def embed(parameters, texts):
    """Look the words up, (replicas, size, 20, 32)."""
    first = WORDS * torch.arange(len(texts)).view(-1, 1, 1)
    table = parameters["words"].flatten(0, 1)
    return torch.nn.functional.embedding(texts + first, table)
