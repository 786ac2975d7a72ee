"""Row rules in NumPy: blocks of whole rows that stay in the cache."""

import math

import numpy as np

from attention_lib import _threads
from attention_lib._dispatch import factor_for, product, quiet

__all__ = ["by_kernel", "log_softmax", "logsumexp", "softmax"]

BLOCK_BYTES = 1024 * 1024
NARROW = 64  # keys; NumPy's loops along shorter rows cost more than their work
THREADED_BYTES = 1024 * 1024
ROUNDED_TOTAL = 2.0**16  # a multiplier costs digits of larger scores


def by_kernel(weighting, scores, where):
    """Give None: NumPy has no kernels of its own."""


def softmax(scores, where=None, multiplier=1.0):
    """Weigh along the last axis by the exponential of a multiple of each score."""
    rows, where, multiplier = _as_rows(scores, where, multiplier)
    out = np.empty_like(rows)
    if rows.size:
        n = rows.shape[-1]
        step = max(1, BLOCK_BYTES // (n * rows.itemsize))
        blocks = (slice(i, i + step) for i in range(0, len(rows), step))
        threads = None if rows.nbytes >= THREADED_BYTES else 1
        _threads.share(
            lambda jobs: _work(jobs, rows, where, multiplier, out), blocks, threads
        )
    return out.reshape(scores.shape)


def log_softmax(scores, where=None, multiplier=1.0):
    """Take the logarithm of softmax exactly; see `attention_lib.log_softmax`."""
    shifted, top, log_sum = _log_parts(scores, where, multiplier)
    out = np.where(top == np.inf, np.nan, shifted - log_sum)
    return out if where is None else np.where(where, out, -np.inf)


def logsumexp(scores, where=None):
    """Take the logarithm of a sum of exponentials, (..., 1)."""
    _, top, log_sum = _log_parts(scores, where)
    return np.where(np.isfinite(top), top, 0) + log_sum


def _log_parts(z, where, multiplier=1.0):
    """Give ``z - top``, the top, and the log of the sum of the exponentials.

    The top entry adds exactly one to that sum, so ``log1p`` of the other entries
    keeps the digits that ``log(1 + others)`` would lose.
    """
    z = np.ascontiguousarray(z)  # NumPy adds in pairs along such rows alone
    if where is not None:
        z = np.where(where, z, np.array(-np.inf, z.dtype))
    if not z.shape[-1]:
        none = np.full((*z.shape[:-1], 1), -np.inf, z.dtype)
        return z, none, none
    index = z.argmax(-1)[..., None]
    top = np.take_along_axis(z, index, -1)
    shifted = product(z, np.where(np.isfinite(top), top, 0), multiplier)
    others = np.exp(shifted)
    np.put_along_axis(others, index, 0, -1)
    at_top = np.expm1(np.take_along_axis(shifted, index, -1))  # 0 where top is finite
    return shifted, top, np.log1p(others.sum(-1, keepdims=True) + at_top)


def _as_rows(scores, where, multiplier):
    """Lay scores out as (rows, keys), with a mask and a multiplier to go with them."""

    def rows_of(a):
        return np.ascontiguousarray(a).reshape(math.prod(a.shape[:-1]), a.shape[-1])

    if where is not None:
        where = rows_of(np.broadcast_to(where, scores.shape))
    multiplier = factor_for(scores, multiplier)
    if np.ndim(multiplier):
        rows = (*scores.shape[:-1], 1)
        multiplier = rows_of(np.broadcast_to(multiplier, rows))
    return rows_of(scores), where, np.asarray(multiplier, scores.dtype)


def _work(jobs, rows, where, multiplier, out):
    """Work on blocks of rows: without a maximum, while that is safe."""
    n = rows.shape[-1]
    plain = where is None and not multiplier.ndim
    buffer, ones = None, np.ones(n, rows.dtype)
    for block in jobs:
        x, y = rows[block], out[block]
        if plain:
            plain = _plain_block(x, multiplier, y, ones)
            if plain:
                continue
        kept = None if where is None else where[block]
        factor = multiplier[block] if multiplier.ndim else multiplier
        if n > NARROW:
            _safe_block(x, kept, factor, y, y, -1)
            continue
        # The entries of a short row lie far apart in a transposed copy, so that
        # every operation runs along the long axis.
        if buffer is None or buffer.shape != x.T.shape:
            buffer = np.empty(x.T.shape, rows.dtype)
        kept = None if kept is None else kept.T
        _safe_block(x.T, kept, factor.T, buffer, y.T, 0)


def _plain_block(x, multiplier, out, ones):
    """Softmax of a block without subtracting a maximum, if that is exact; tell.

    Where a row's sum is finite nothing overflowed, and where it is at least one a
    weight is never larger than its exponential, so no digit is lost to underflow.
    """
    with quiet():
        np.exp(x if multiplier == 1 else np.multiply(x, multiplier, out=out), out=out)
        total = out.sum(-1) if len(ones) > NARROW else out @ ones
        limit = np.inf if multiplier == 1 else ROUNDED_TOTAL
        if not (total.min() >= 1 and total.max() < limit):
            return False
        share = (1 / total)[:, None]
        out *= share if len(ones) > NARROW else share @ ones[None]
        return True


def _safe_block(x, where, multiplier, work, out, axis):
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
        if multiplier.ndim or multiplier != 1:
            _multiply(work, x, top, where, multiplier)
        np.exp(work, out=work)
        total = work.sum(axis, keepdims=True)
        if where is not None:
            total[empty] = 1
        np.multiply(work, 1 / total, out=out)
        if where is not None and not np.isfinite(total).all():
            np.copyto(out, 0, where=~where)  # NaN rows stay NaN where they take part


def _multiply(work, x, top, where, multiplier):
    """Multiply the differences ``x - top`` in `work`, also where one overflowed."""
    low = np.isneginf(work) if multiplier.min() < 1 else None
    work *= multiplier
    if low is not None and low.any():
        exact = product(x, top, multiplier)
        if where is not None:
            exact = np.where(where, exact, -np.inf)
        np.copyto(work, exact, where=low)
