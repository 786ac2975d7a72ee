"""Attention in NumPy: dense, and streaming by query blocks in two threads."""

import math

import numpy as np

from attention_lib import _check, _threads
from attention_lib._dispatch import quiet

__all__ = ["attention", "scores", "weighted_sum"]

DENSE_SCORES = 2**16  # up to here the whole matrix is faster than blocks
ROWS, KEYS = 256, 1024  # a block of scores without a maximum
FULL_ROWS = 128  # queries in a block that sees all its keys
SAFE_EXPONENT = 60.0  # e^60 and its sums are finite in float32, e^-60 is normal,
SAFE_VALUES = (1e-6, 1e6)  # also when they are multiplied by values of this size


def attention(call, weighting, method, dropout_p=0.0, rng=None):
    """Average the values with each query's weights."""
    if method == "sdpa":
        raise ValueError(
            "method 'sdpa' is unavailable: it is torch's; got NumPy arrays"
        )
    small = math.prod(call.shape) <= DENSE_SCORES
    if method == "dense" or dropout_p or (method == "auto" and small):
        return _dense(call, weighting, dropout_p, rng)
    return _streaming(call, weighting)


def scores(call):
    """Give the scores and where they take part (None where all do), both whole."""
    dtype = _check.work_dtype(call.query)
    key = _for_each_head(call.key, call.group).astype(dtype, copy=False)
    where = call.mask
    with quiet():
        query = call.query.astype(dtype, copy=False) * call.scale
        out = _finish_scores(query @ np.swapaxes(key, -1, -2), call.softcap, call.bias)
    if out.shape != call.shape:  # the values alone may have more leading axes
        out = np.broadcast_to(out, call.shape)
    if call.bias is not None:
        where = call.bias != -np.inf
    if call.is_causal:
        where = _both(where, _causal(call, slice(0, out.shape[-2]), out.shape[-1]))
    return out, None if where is None else np.broadcast_to(where, call.shape)


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


def _dense(call, weighting, dropout_p, rng):
    """Build the whole matrix of weights."""
    dtype = _check.work_dtype(call.query)
    score, where = scores(call)
    with quiet():
        weights = weighting.rows(score, where)
    if dropout_p:
        kept = rng.random(weights.shape) >= dropout_p
        weights = weights * kept / max(1 - dropout_p, np.finfo(dtype).tiny)
    value = _for_each_head(call.value, call.group).astype(dtype, copy=False)
    with quiet():
        return weighted_sum(weights, value, where).astype(call.query.dtype)


def _streaming(call, weighting):
    """Take one block of queries of one head at a time: memory grows with n, not n²."""
    dtype = _check.work_dtype(call.query)
    *_, length, n_keys = call.shape
    out = np.zeros((*call.lead, length, call.value.shape[-1]), dtype)
    heads = list(np.ndindex(*call.lead))
    views = {index: _head(call, index, dtype) for index in heads}
    plain = {index: _needs_no_maximum(call, weighting, views[index]) for index in heads}

    def jobs():
        for index in heads:
            step = ROWS if plain[index] else FULL_ROWS
            for start in range(0, length, step):
                yield index, slice(start, min(start + step, length))

    def work(jobs):
        buffer = np.empty((ROWS, min(KEYS, n_keys)), dtype)
        with quiet():  # each thread has its own setting
            for index, block in jobs:
                one(index, block, buffer)

    def one(index, block, buffer):
        head = views[index]
        query = head["query"][block].astype(dtype, copy=False) * call.scale
        stop = n_keys
        if call.is_causal:  # keys beyond the block's last query take no part
            last = block.stop + call.query_offset - call.key_offset
            stop = max(0, min(n_keys, last))
        if plain[index]:
            part = _sum_exponentials(call, weighting, head, query, block, stop, buffer)
        else:
            part = _full_rows(call, weighting, head, query, block, stop)
        out[index][block] = part

    with _threads.blas_on_one_thread() as controlled:
        _threads.share(work, jobs(), threads=None if controlled else 1)
    with quiet():
        return out.astype(call.query.dtype, copy=False)


def _head(call, index, dtype):
    """Give one head's arrays: query, key, value, bias and mask, without a copy."""

    def view(a, lead, at):
        return None if a is None else np.broadcast_to(a, (*lead, *a.shape[-2:]))[at]

    kv_lead, kv_at = call.lead, index
    if call.group > 1:
        kv_lead = (*call.lead[:-1], call.lead[-1] // call.group)
        kv_at = (*index[:-1], index[-1] // call.group)
    pair = call.shape[-2:]
    of_pair = {
        name: None if a is None else np.broadcast_to(a, (*call.lead, *pair))[index]
        for name, a in (("bias", call.bias), ("mask", call.mask))
    }
    return {
        "index": index,
        "query": view(call.query, call.lead, index),
        "key": view(call.key, kv_lead, kv_at).astype(dtype, copy=False),
        "value": view(call.value, kv_lead, kv_at).astype(dtype, copy=False),
        **of_pair,
    }


def _needs_no_maximum(call, weighting, head):
    """Tell whether every exponent of a head is small, by Cauchy and Schwarz.

    The values must be of ordinary size too: they are multiplied before the division.
    """
    factor = weighting.constant_multiplier()
    if factor is None or head["bias"] is not None:
        return False
    with quiet():
        longest = [
            math.sqrt(float(np.einsum("ne,ne->n", a, a).max(initial=0)))
            for a in (head["query"].astype(head["key"].dtype, copy=False), head["key"])
        ]
        bound = abs(call.scale * factor) * longest[0] * longest[1]
        largest = np.abs(head["value"]).max(initial=0)
        low, high = SAFE_VALUES
        return bound < SAFE_EXPONENT and (largest == 0 or low < largest < high)


def _sum_exponentials(call, weighting, head, query, block, stop, buffer):
    """Softmax attention of a query block, key chunk by key chunk, without a maximum."""
    out = np.zeros((len(query), head["value"].shape[-1]), query.dtype)
    total = np.zeros((len(query), 1), query.dtype)
    factor = weighting.constant_multiplier()
    for start in range(0, stop, KEYS):
        keys = slice(start, min(start + KEYS, stop))
        score = buffer.reshape(-1)[: len(query) * (keys.stop - start)]
        score = score.reshape(len(query), -1)
        np.matmul(query, head["key"][keys].T, out=score)
        _finish_scores(score, call.softcap, None, out=score)
        if factor != 1:
            score *= factor
        np.exp(score, out=score)
        where = _block_where(call, head, block, keys)
        if where is not None:
            score *= where
        total += score.sum(-1, keepdims=True)
        out += score @ head["value"][keys]
    total[total == 0] = 1  # nothing takes part: the output stays zero
    out /= total
    return out


def _full_rows(call, weighting, head, query, block, stop):
    """Any weighting on a query block that sees all its keys."""
    keys = slice(0, stop)
    score = query @ head["key"][keys].T
    bias = None if head["bias"] is None else head["bias"][block, keys]
    _finish_scores(score, call.softcap, bias, out=score)
    where = _block_where(call, head, block, keys)
    part = weighting.part(call.shape, head["index"], block)
    weights = part.rows(score, where)
    return weighted_sum(weights, head["value"][keys], where)


def _finish_scores(score, softcap, bias, out=None):
    """Cap the scaled products, then add the additive mask."""
    if softcap is not None:
        score = np.divide(score, softcap, out=out)
        score = np.tanh(score, out=score)
        score *= softcap
    if bias is not None:
        score = np.add(score, bias, out=out)
    return score


def _block_where(call, head, block, keys):
    """Tell which keys of a slice take part for a block of queries, or None: all."""
    where = None
    if head["mask"] is not None:
        where = head["mask"][block, keys]
    elif head["bias"] is not None:
        where = head["bias"][block, keys] != -np.inf
    if (
        call.is_causal
        and call.key_offset + keys.stop > call.query_offset + block.start + 1
    ):
        where = _both(where, _causal(call, block, keys.stop, keys.start))
    return where


def _causal(call, block, stop, start=0):
    query = np.arange(block.start, block.stop)[:, None] + call.query_offset
    return np.arange(start, stop) + call.key_offset <= query


def _both(a, b):
    return b if a is None else a & b


def _for_each_head(a, group):
    return a if group == 1 else np.repeat(a, group, axis=-3)
