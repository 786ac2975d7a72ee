"""What each token does to a model's prediction, and what explanations make of it."""

import math

import torch

from attention_lib import attention_rollout, scaled_dot_product_attention
from attention_lib.book.real.attending import noting, without_key

__all__ = ["divergences", "explained", "trials"]

BLOCK = 8  # places that are tried in one run, after what stands before all of them


def explained(model, ids, late):
    """Score each token but the last, by what a model's own numbers say of it.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        Tokens.
    late : int
        The first of the late layers.

    Returns
    -------
    prediction : Tensor, shape (number of tokens in the model,)
        Log probabilities of the next token.
    scores : dict of str to array, shape (n - 1,)
        By explanation: weights in the last row, in the mean of all heads or of those of
        late layers; weights times the norms of what the values add; rollout; and, for
        the log probability of the likeliest next token, the norms of the gradients with
        respect to the tokens' vectors, and the sizes of their products with these.
    """
    weights, norms = [], []
    note = noting(weights)

    def attend(layer, query, key, value):
        each = value.repeat_interleave(model.n_heads // model.n_key_heads, -3)
        norms.append(model.written(layer, each).norm(dim=-1))
        return note(layer, query, key, value)

    x = model.embedded(ids).requires_grad_()
    prediction = model.scores(x, attend, last=1)[-1].log_softmax(-1)
    (gradient,) = torch.autograd.grad(prediction.max(), x)
    every = torch.stack(weights)
    row = every[:, :, -1]
    scores = {
        "mean of heads": row.mean((0, 1)),
        "late layers": row[late:].mean((0, 1)),
        "weight × norm": (row * torch.stack(norms)).mean((0, 1)),
        "rollout": attention_rollout(list(every.mean(1)))[-1],
        "gradient norm": gradient.norm(dim=-1),
        "gradient × input": (gradient * x).sum(-1).abs(),
    }
    found = {name: score[:-1].detach().numpy() for name, score in scores.items()}
    return prediction.detach(), found


def trials(model, ids, vector=None):
    """Predict the next token with each token but the last erased, or replaced.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        Tokens.
    vector : Tensor, shape (width,), optional
        What takes the place of a token's vector; if None, later tokens do not see the
        token, in any layer.

    Returns
    -------
    Tensor, shape (n - 1, number of tokens in the model)
        Log probabilities.
    """
    x, n, read, predicted = model.embedded(ids), len(ids), {}, []
    # What stands before a token does not depend on it, and is read once.
    model.scores(x, cache=read, last=1)
    for start in range(0, n - 1, BLOCK):
        places = range(start, min(start + BLOCK, n - 1))
        tried = x[start:].repeat(len(places), 1, 1)
        seen = torch.ones(n, n).tril().bool().repeat(len(places), 1, 1, 1)
        for trial, place in enumerate(places):
            if vector is None:
                seen[trial] &= without_key(n, place)
            else:
                tried[trial, place - start] = vector
        before = {
            layer: [k[..., :start, :].expand(len(places), -1, -1, -1) for k in pair]
            for layer, pair in read.items()
        }
        attend = _seeing(seen[:, :, start:])
        predicted.append(model.scores(tried, attend, cache=before, last=1)[:, -1])
    return torch.cat(predicted).log_softmax(-1)


def _seeing(mask):
    """Attend as usual where a mask of the queries and all keys is true."""

    def attend(layer, query, key, value):
        return scaled_dot_product_attention(query, key, value, mask, enable_gqa=True)

    return attend


def divergences(prediction, others):
    """Give how far other predictions are from one, in nats.

    Parameters
    ----------
    prediction : Tensor, shape (tokens,)
        Log probabilities.
    others : Tensor, shape (..., tokens)
        Other ones.

    Returns
    -------
    kullback, jensen : array, shape (...)
        Kullback-Leibler divergences, the mean of ``log p - log q`` under the prediction
        p; and those of Jensen and Shannon, which are the same seen from both sides.
    """
    p, q = prediction.double(), others.double()
    middle = torch.logaddexp(p, q) - math.log(2)
    jensen = (_divergence(p, middle) + _divergence(q, middle)) / 2
    return _divergence(p, q).numpy(), jensen.numpy()


def _divergence(p, q):
    return (p.exp() * (p - q)).sum(-1)
