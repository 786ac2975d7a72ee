"""Sparse rows in NumPy: the threshold by Newton's method, where keys can count."""

import numpy as np

from attention_lib import _threads
from attention_lib._dispatch import quiet
from attention_lib._threshold import entmax_by_newton

__all__ = ["entmax"]

BLOCK_BYTES = 4 * 1024 * 1024
THREADED_BYTES = 1024 * 1024
CHUNKS = 16  # a bound on the threshold comes from the maxima of so many chunks
FEW = 1 / 8  # survivors of the bound up to here are worked on alone
STEPS = 60
FAST = (0.1, 1.0)  # alpha - 1 for which powers of the shifted scores are accurate


def entmax(scores, alpha, where=None):
    """Weigh along the last axis; see `attention_lib.entmax`."""
    n, c = scores.shape[-1], alpha - 1  # exact from a half to two
    rows = np.ascontiguousarray(scores).reshape(-1, n) if scores.size else scores
    out = np.empty_like(rows)
    if not rows.size:
        return out
    if where is not None:
        where = np.ascontiguousarray(np.broadcast_to(where, scores.shape))
        where = where.reshape(-1, n)
    fast = not np.ndim(c) and FAST[0] <= c <= FAST[1]
    if not fast:
        c = np.broadcast_to(np.asarray(c, rows.dtype), (*scores.shape[:-1], 1))
        c = c.reshape(-1, 1)
    step = max(1, BLOCK_BYTES // (n * rows.itemsize))
    blocks = (slice(i, i + step) for i in range(0, len(rows), step))

    def work(jobs):
        with quiet():
            for block in jobs:
                kept = None if where is None else where[block]
                if fast:
                    _fast_block(rows[block], float(c), kept, out[block])
                else:
                    _general_block(rows[block], c[block], kept, out[block])

    _threads.share(work, blocks, None if rows.nbytes >= THREADED_BYTES else 1)
    return out.reshape(scores.shape)


def _mark_odd(out, odd, where):
    """Make the rows without a finite maximum NaN, or zero where nothing takes part."""
    if odd.any():
        out[odd[:, 0]] = 0
        np.copyto(out, np.nan, where=odd if where is None else odd & where)


def _general_block(x, c, where, out):
    """Solve for any alpha, one a row."""
    if where is not None:
        x = np.where(where, x, np.array(-np.inf, x.dtype))
    top = x.max(-1, keepdims=True)
    odd = ~np.isfinite(top)
    z = np.where(odd, 0, x - np.where(odd, 0, top))
    n = np.full(c.shape, x.shape[-1]) if where is None else where.sum(-1, keepdims=True)
    out[:] = entmax_by_newton(z, c, n)
    _mark_odd(out, odd, where)


def _fast_block(x, c, where, out):
    """Solve for one alpha from 1.1 to 2: Newton on the norm, from the left.

    The threshold of any part of a row bounds that of the row from below, so the steps
    start at the threshold of the maxima of sixteenths. Where few keys lie above that
    bound, they are gathered and the others forgotten.
    """
    if where is not None:
        x = np.where(where, x, np.array(-np.inf, x.dtype))
    r, n = x.shape
    k = n // CHUNKS
    tops = x
    if k >= CHUNKS:
        tops = x[:, : CHUNKS * k].reshape(r, CHUNKS, k).max(1)
        if n > CHUNKS * k:
            rest = x[:, CHUNKS * k :].max(-1, keepdims=True)
            tops = np.concatenate([tops, rest], -1)
    top = tops.max(-1, keepdims=True)
    odd = ~np.isfinite(top)
    base = np.where(odd, 0, top)
    tau = np.full_like(top, -1)
    if tops is not x:
        tops = (tops - base) * x.dtype.type(c)
        tau = _newton(tops, tau, c, 1e-3)[0]
    z = np.subtract(x, base, out=out)
    z *= x.dtype.type(c)
    if odd.any():
        z[odd[:, 0]] = 0  # any finite row, so that each has a survivor
    close = 4 * np.finfo(x.dtype).eps
    alive = np.flatnonzero(z > tau) if tops is not x else None
    if alive is not None and len(alive) <= FEW * z.size:
        owner = alive // n
        starts = np.searchsorted(owner, np.arange(r))
        values = z.ravel()[alive]
        weights, total = _newton_of_few(values, owner, starts, tau[:, 0], c, close)
        out[:] = 0
        out.ravel()[alive] = weights / total[owner]
    else:
        weights = _newton(z, tau, c, close)[1]
        np.multiply(weights, 1 / weights.sum(-1, keepdims=True), out=out)
    _mark_odd(out, odd, where)


def _newton(z, tau, c, close):
    """Raise tau to where ``sum (z - tau)_+^(1/c)`` is one; give it and the weights."""
    a = 1 / c
    for _ in range(STEPS):
        u = np.maximum(z - tau, 0)
        powers = _power(u, a - 1)
        s = powers.sum(-1, keepdims=True)
        powers *= u
        step = _step(powers.sum(-1, keepdims=True), s, c)
        if not (step > close).any():
            break
        tau = tau + np.maximum(step, 0)
    return tau, _power(u, a)


def _newton_of_few(values, owner, starts, tau, c, close):
    """Do the same for gathered keys; `owner` is the row of each, `starts` its first."""
    a = 1 / c
    for _ in range(STEPS):
        u = np.maximum(values - tau[owner], 0)
        powers = _power(u, a - 1)
        s = np.add.reduceat(powers, starts)
        powers *= u
        step = _step(np.add.reduceat(powers, starts), s, c)
        if not (step > close).any():
            break
        tau = tau + np.maximum(step, 0)
    weights = _power(u, a)
    return weights, np.add.reduceat(weights, starts)


def _step(f, s, c):
    """Give Newton's step on the norm ``f^c``, which is nearly straight in tau."""
    if c == 1:
        return (f - 1) / s
    return (f - (np.sqrt(f) if c == 0.5 else f ** (1 - c))) / s


def _power(u, a):
    """Raise to a power; small whole ones by multiplication. The power 0 counts."""
    if a == 0:
        return (u > 0).astype(u.dtype)
    if a == 1:
        return u.copy()
    if a == 2:
        return u * u
    if a == 3:
        return u * u * u
    if a == 4:
        square = u * u
        return square * square
    return u**a
