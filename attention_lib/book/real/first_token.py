"""How much weight each head of a model puts on the first token, and what that holds."""

import torch

from attention_lib import masks, scaled_dot_product_attention
from attention_lib.book.real.by_layer import by_layer

__all__ = ["START", "first_token"]

START = 64  # the first query that counts: those before it have few other keys


def first_token(model, ids, start=START):
    """Measure what the later queries of a text take from its first token.

    Parameters
    ----------
    model : LanguageModel
        What reads.
    ids : sequence of int
        The text.
    start : int, default 64
        The first query that counts.

    Returns
    -------
    dict of str to Tensor
        Means over the queries, of shape (layers, heads): ``weight`` on the first key;
        ``contribution``, the first key's share of the sum of all weights times the
        lengths of their values; and ``score`` of the first key. ``early``, of shape
        (layers, heads, start): the mean weight on each of the keys before them all.
        ``length``, of shape (layers, key heads): that of the first value, beside the
        median of the others. ``key`` and ``value``, of shape (layers, key heads, 1, d):
        the first ones.
    """

    def measure(query, key, value):
        return measures(query[..., start:, :], key, value, start)

    return by_layer(model, ids, measure)


def measures(query, key, value, start):
    """Measure one layer, whose last query is at the last key's place."""
    n, shared = key.shape[-2], query.shape[-3] // key.shape[-3]
    seen = masks.causal(query.shape[-2], n, align="end", like=query)
    lengths = value.norm(dim=-1)
    # Values that name the early keys give the weights on them, without the others.
    names = torch.eye(n, start).expand(len(key), n, start)
    read = torch.cat([names, lengths[..., None]], -1)
    found = scaled_dot_product_attention(query, key, read, seen, enable_gqa=True)
    early, total = found[..., :start], found[..., -1]
    first, length = (
        each[:, :1].repeat_interleave(shared, 0) for each in (key, lengths)
    )
    return {
        "weight": early[..., 0].mean(-1),
        "contribution": (early[..., 0] * length / total).mean(-1),
        "score": (query * first).sum(-1).mean(-1) / query.shape[-1] ** 0.5,
        "early": early.mean(-2),
        "length": lengths[:, 0] / lengths[:, 1:].median(-1).values,
        "key": key[:, :1],
        "value": value[:, :1],
    }
