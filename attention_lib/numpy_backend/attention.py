"""Attention in NumPy: dense, and streaming by query blocks in two threads."""

import math

import numpy as np

from attention_lib import _threads, _ways
from attention_lib._dispatch import quiet, work_dtype
from attention_lib.numpy_backend.scores import (
    SAFE_SCALE,
    both,
    causal,
    finish_scores,
    for_each_head,
    scaled_product,
    scores,
    weighted_sum,
)

__all__ = ["WAYS", "attend", "part"]

DENSE_SCORES = 2**16  # up to here the whole matrix is faster than blocks
ROWS, KEYS = 256, 1024  # a block of scores without a maximum
FULL_ROWS = 128  # queries in a block that sees all its keys
SAFE_EXPONENT = 60.0  # e^60 and its sums are finite in float32, e^-60 is normal,
SAFE_VALUES = (1e-6, 1e6)  # also when they are multiplied by values of this size


class Small:
    """The whole matrix, where it is small enough to be faster than blocks."""

    method = "dense"

    def refuses(self, call, stream):
        """Refuse what other ways do better."""
        if call.dropout_p or math.prod(call.shape) <= DENSE_SCORES:
            return None
        return "blocks are faster"

    def run(self, call, stream):
        """Build the whole matrix of weights."""
        dtype = work_dtype(call.query)
        score, where = scores(call)
        weights = call.weighting.weights(score, where)
        if call.dropout_p:
            kept = call.rng.random(weights.shape) >= call.dropout_p
            weights = weights * kept / max(1 - call.dropout_p, np.finfo(dtype).tiny)
        value = for_each_head(call.value, call.group).astype(dtype, copy=False)
        return weighted_sum(weights, value, where).astype(call.query.dtype)


class Dense(Small):
    """The whole matrix, of any size."""

    def refuses(self, call, stream):
        """Refuse nothing."""


class Streaming:
    """Some queries of one head at a time: memory grows with n, not n²."""

    method = "streaming"

    def refuses(self, call, stream):
        """Refuse what needs all weights at once."""
        return "dropout needs all weights at once" if call.dropout_p else None

    def run(self, call, stream):
        """Share out blocks of queries among threads."""
        return _streaming(call, stream)


class Sdpa:
    """The kernel that NumPy has not."""

    method = "sdpa"

    def refuses(self, call, stream):
        """Refuse every call."""
        return "it is torch's; got NumPy arrays"


WAYS = (Small(), Streaming(), Dense(), Sdpa())


def attend(call):
    """Average the values with each query's weights."""
    masked = call.is_causal or call.mask is not None or call.bias is not None
    # Where rows differ in their keys, only the rule itself counts them.
    counted = masked and call.weighting.uses_n
    stream = None if counted else call.weighting.stream(call.shape[-1])
    return _ways.attend(call, WAYS, stream)


def part(call, stream, offsets):
    """Fold a block of keys faster than by its matrix of scores: there is no way."""


def _streaming(call, stream):
    """Take one block of queries of one head at a time."""
    dtype = work_dtype(call.query)
    *_, length, n_keys = call.shape
    out = np.zeros((*call.lead, length, call.value.shape[-1]), dtype)
    heads = list(np.ndindex(*call.lead))
    views = {index: _head(call, index, dtype) for index in heads}
    plain = {index: _needs_no_maximum(call, stream, views[index]) for index in heads}

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
        query = head["query"][block].astype(dtype, copy=False)
        # Keys beyond the block's last query take no part.
        stop = min(n_keys, block.stop) if call.is_causal else n_keys
        if plain[index]:
            part = _sum_exponentials(call, stream, head, query, block, stop, buffer)
        else:
            part = _full_rows(call, head, query, block, stop)
        out[index][block] = part

    with _threads.blas_on_one_thread() as controlled:
        _threads.share(work, jobs(), threads=None if controlled else 1)
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


def _needs_no_maximum(call, stream, head):
    """Tell whether every exponent of a head is small, by Cauchy and Schwarz.

    The values must be of ordinary size too: they are multiplied before the division.
    """
    if stream is None or not stream.multiplies or stream.offset is not None:
        return False
    factor = stream.multiplier
    if not isinstance(factor, float) or head["bias"] is not None:
        return False
    with quiet():
        longest = [
            math.sqrt(float(np.einsum("ne,ne->n", a, a).max(initial=0)))
            for a in (head["query"].astype(head["key"].dtype, copy=False), head["key"])
        ]
        bound = abs(call.scale * factor) * longest[0] * longest[1]
        largest = np.abs(head["value"]).max(initial=0)
        low, high = SAFE_VALUES
        small = bound < SAFE_EXPONENT and SAFE_SCALE[0] <= abs(call.scale)
        return small and (largest == 0 or low < largest < high)


def _sum_exponentials(call, stream, head, query, block, stop, buffer):
    """Softmax attention of a query block, key chunk by key chunk, without a maximum."""
    out = np.zeros((len(query), head["value"].shape[-1]), query.dtype)
    total = np.zeros((len(query), 1), query.dtype)
    query = query * call.scale
    factor = stream.sign * stream.multiplier
    for start in range(0, stop, KEYS):
        keys = slice(start, min(start + KEYS, stop))
        score = buffer.reshape(-1)[: len(query) * (keys.stop - start)]
        score = score.reshape(len(query), -1)
        np.matmul(query, head["key"][keys].T, out=score)
        finish_scores(score, call.softcap, None, out=score)
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


def _full_rows(call, head, query, block, stop):
    """Any weighting on a query block that sees all its keys."""
    keys = slice(0, stop)
    score = scaled_product(query, head["key"][keys].T, call.scale)
    bias = None if head["bias"] is None else head["bias"][block, keys]
    finish_scores(score, call.softcap, bias, out=score)
    where = _block_where(call, head, block, keys)
    part = call.weighting.part(call.shape, head["index"], block)
    weights = part.weights(score, where)
    return weighted_sum(weights, head["value"][keys], where)


def _block_where(call, head, block, keys):
    """Tell which keys of a slice take part for a block of queries, or None: all."""
    where = None
    if head["mask"] is not None:
        where = head["mask"][block, keys]
    elif head["bias"] is not None:
        where = head["bias"][block, keys] != -np.inf
    if call.is_causal and keys.stop > block.start + 1:
        where = both(where, causal(block, keys.stop, keys.start))
    return where
