"""Scores in NumPy, what takes part in them, and the average that they lead to."""

import math

import numpy as np

from attention_lib._dispatch import quiet, work_dtype

__all__ = [
    "SAFE_SCALE",
    "both",
    "causal",
    "finish_scores",
    "for_each_head",
    "scaled_product",
    "scores",
    "weighted_sum",
]

SAFE_SCALE = (1e-6, 1.0)  # a query times such a scale neither overflows nor vanishes


def scores(call, offsets=(0, 0)):
    """Give the scores and where they take part (None where all do), both whole.

    `offsets` are the places of the first query and the first key, for `is_causal`.
    """
    dtype = work_dtype(call.query)
    key = for_each_head(call.key, call.group).astype(dtype, copy=False)
    where = call.mask
    query = call.query.astype(dtype, copy=False)
    out = scaled_product(query, np.swapaxes(key, -1, -2), call.scale)
    out = finish_scores(out, call.softcap, call.bias)
    if out.shape != call.shape:  # the values alone may have more leading axes
        out = np.broadcast_to(out, call.shape)
    if call.bias is not None:
        where = call.bias != -np.inf
    if call.is_causal:
        length, n_keys = call.shape[-2:]
        where = both(where, causal(slice(0, length), n_keys, offsets=offsets))
    return out, None if where is None else np.broadcast_to(where, call.shape)


def scaled_product(query, key, scale, out=None):
    """Multiply queries, keys and scale, so that nothing overflows in between."""
    if SAFE_SCALE[0] <= abs(scale) <= SAFE_SCALE[1] or scale == 0:
        return np.matmul(query * scale, key, out=out)
    if abs(scale) < 1:
        root = math.sqrt(abs(scale))
        return np.matmul(query * math.copysign(root, scale), key * root, out=out)
    score = np.matmul(query, key, out=out)
    return np.multiply(score, scale, out=score)


def weighted_sum(weights, value, where):
    """Multiply ``weights @ value``; what does not take part is never read."""
    with quiet():
        if where is None or np.isfinite(value.sum()):
            return weights @ value
        finite = np.isfinite(value)
        out = weights @ np.where(finite, value, 0)
        taking = where.astype(out.dtype)
        rising, falling = value == np.inf, value == -np.inf
        up = (weights > 0) @ _as(rising, out) + (weights < 0) @ _as(falling, out)
        down = (weights > 0) @ _as(falling, out) + (weights < 0) @ _as(rising, out)
        nothing = taking * (weights == 0)  # zero times infinity
        nan = taking @ _as(np.isnan(value), out) + nothing @ _as(rising | falling, out)
        out[up > 0] += np.inf
        out[down > 0] -= np.inf
        out[nan > 0] = np.nan
        return out


def _as(mask, like):
    return mask.astype(like.dtype)


def finish_scores(score, softcap, bias, out=None):
    """Cap the scaled products, then add the additive mask."""
    if softcap is not None:
        score = np.divide(score, softcap, out=out)
        score = np.tanh(score, out=score)
        score *= softcap
    if bias is not None:
        score = np.add(score, bias, out=out)
    return score


def causal(block, stop, start=0, offsets=(0, 0)):
    """Tell which keys of a slice lie no later than each query of a block."""
    query = np.arange(block.start, block.stop)[:, None] + offsets[0]
    return np.arange(start, stop) + offsets[1] <= query


def both(a, b):
    """Give what two masks leave, of which the first may be None."""
    return b if a is None else a & b


def for_each_head(a, group):
    """Repeat each head of keys for the heads of queries that it serves."""
    return a if group == 1 else np.repeat(a, group, axis=-3)
