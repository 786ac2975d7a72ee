"""Row rules in NumPy: blocks of whole rows that stay in the cache."""

import math

import numpy as np

from attention_lib import _check, _threads
from attention_lib._dispatch import quiet

__all__ = ["log_softmax", "logsumexp", "softmax"]

BLOCK_BYTES = 1024 * 1024
NARROW = 64  # keys; NumPy's loops along shorter rows cost more than their work
THREADED_BYTES = 1024 * 1024
ROUNDED_TOTAL = 2.0**16  # dividing by a temperature costs digits of larger scores


def softmax(x, axis, where=None, temperature=1.0):
    """Weigh each entry by the exponential of its score; see `attention_lib.softmax`."""
    dtype = _check.work_dtype(x)
    rows, where, temperature = _as_rows(x, axis, dtype, where, temperature)
    out = np.empty_like(rows)
    if rows.size:
        n = rows.shape[-1]
        step = max(1, BLOCK_BYTES // (n * rows.itemsize))
        blocks = (slice(i, i + step) for i in range(0, len(rows), step))
        threads = None if rows.nbytes >= THREADED_BYTES else 1
        _threads.share(
            lambda jobs: _work(jobs, rows, where, temperature, out), blocks, threads
        )
    shape = np.moveaxis(x, axis, -1).shape
    return np.moveaxis(out.astype(x.dtype, copy=False).reshape(shape), -1, axis)


def log_softmax(x, axis, where=None, temperature=1.0):
    """Take the logarithm of softmax exactly; see `attention_lib.log_softmax`."""
    dtype = _check.work_dtype(x)
    with quiet():
        z = x.astype(dtype, copy=False)
        divisor = np.asarray(temperature, dtype)
        shifted, top, log_sum = _log_parts(z, axis, where, divisor)
        out = np.where(top == np.inf, np.nan, shifted - log_sum)
    if where is not None:
        out = np.where(where, out, -np.inf)
    return out.astype(x.dtype, copy=False)


def logsumexp(x, axis, where=None, keepdims=False):
    """Take the logarithm of a sum of exponentials; see `attention_lib.logsumexp`."""
    with quiet():
        z = x.astype(_check.work_dtype(x), copy=False)
        _, top, log_sum = _log_parts(z, axis, where)
        out = np.where(np.isfinite(top), top, 0) + log_sum
    return (out if keepdims else out.squeeze(axis)).astype(x.dtype, copy=False)[()]


def _log_parts(z, axis, where, divisor=1):
    """Give ``z - top``, the top, and the log of the sum of the exponentials.

    The top entry adds exactly one to that sum, so ``log1p`` of the other entries
    keeps the digits that ``log(1 + others)`` would lose.
    """
    if where is not None:
        z = np.where(where, z, np.array(-np.inf, z.dtype))
    if not z.shape[axis]:
        none = np.full(_reduced(z.shape, axis), -np.inf, z.dtype)
        return z, none, none
    index = np.expand_dims(z.argmax(axis), axis)
    top = np.take_along_axis(z, index, axis)
    shifted = (z - np.where(np.isfinite(top), top, 0)) / divisor
    others = np.exp(shifted)
    np.put_along_axis(others, index, 0, axis)
    at_top = np.expm1(np.take_along_axis(shifted, index, axis))  # 0 where top is finite
    return shifted, top, np.log1p(others.sum(axis, keepdims=True) + at_top)


def _reduced(shape, axis):
    return tuple(1 if i == axis else n for i, n in enumerate(shape))


def _as_rows(x, axis, dtype, where, temperature):
    """Lay `x` out as (rows, keys), with a mask and a temperature to go with it."""

    def rows_of(a):
        a = np.moveaxis(a, axis, -1)
        return np.ascontiguousarray(a).reshape(math.prod(a.shape[:-1]), a.shape[-1])

    if where is not None:
        where = rows_of(np.broadcast_to(where, x.shape))
    temperature = np.asarray(temperature, dtype)
    if temperature.ndim:
        temperature = rows_of(np.broadcast_to(temperature, _reduced(x.shape, axis)))
    return rows_of(x).astype(dtype, copy=False), where, temperature


def _work(jobs, rows, where, temperature, out):
    """Work on blocks of rows: without a maximum, while that is safe."""
    n = rows.shape[-1]
    plain = where is None and not temperature.ndim
    buffer, ones = None, np.ones(n, rows.dtype)
    for block in jobs:
        x, y = rows[block], out[block]
        if plain:
            plain = _plain_block(x, temperature, y, ones)
            if plain:
                continue
        kept = None if where is None else where[block]
        divisor = temperature[block] if temperature.ndim else temperature
        if n > NARROW:
            _safe_block(x, kept, divisor, y, y, -1)
            continue
        # The entries of a short row lie far apart in a transposed copy, so that
        # every operation runs along the long axis.
        if buffer is None or buffer.shape != x.T.shape:
            buffer = np.empty(x.T.shape, rows.dtype)
        kept = None if kept is None else kept.T
        _safe_block(x.T, kept, divisor.T, buffer, y.T, 0)


def _plain_block(x, temperature, out, ones):
    """Softmax of a block without subtracting a maximum, if that is exact; tell.

    Where a row's sum is finite nothing overflowed, and where it is at least one a
    weight is never larger than its exponential, so no digit is lost to underflow.
    """
    with quiet():
        np.exp(x if temperature == 1 else x / temperature, out=out)
        total = out.sum(-1) if len(ones) > NARROW else out @ ones
        limit = np.inf if temperature == 1 else ROUNDED_TOTAL
        if not (total.min() >= 1 and total.max() < limit):
            return False
        share = (1 / total)[:, None]
        out *= share if len(ones) > NARROW else share @ ones[None]
        return True


def _safe_block(x, where, temperature, work, out, axis):
    """Softmax of a block along `axis`, computed in `work` and written to `out`."""
    with quiet():
        if where is None:
            top = x.max(axis, keepdims=True)
            np.subtract(x, top, out=work)
        else:
            work.fill(-np.inf)
            np.copyto(work, x, where=where)
            top = work.max(axis, keepdims=True)
            empty = ~where.any(axis, keepdims=True)
            top[empty] = 0
            work -= top
        if temperature.ndim or temperature != 1:
            work /= temperature
        np.exp(work, out=work)
        total = work.sum(axis, keepdims=True)
        if where is not None:
            total[empty] = 1
        np.multiply(work, 1 / total, out=out)
        if where is not None and not np.isfinite(total).all():
            np.copyto(out, 0, where=~where)  # NaN rows stay NaN where they take part
