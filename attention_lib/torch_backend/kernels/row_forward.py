"""Weights of rows: a whole row in registers, or a long one read again for each pass."""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.common import two_sums
from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_rules import (
    INFINITY,
    NEAR_ONE,
    RELU,
    SIGMOID,
    SOFTMAX1,
    SPARSEMAX,
    base_of,
    extra_share,
    known,
    powers_above,
    shares,
    turned,
)
from attention_lib.torch_backend.kernels.row_threshold import (
    STEPS,
    descended,
    lowest,
    raised_by,
    step_parts,
)
from attention_lib.torch_backend.kernels.row_tiles import (
    of_row,
    scores_of,
    start_of_mask,
    taking_of,
)

__all__ = ["forward", "forward_long"]

COARSE = tl.constexpr(1e-2)  # how exact the threshold of the maxima needs to be


@triton.jit
def forward(
    X, W, WHERE, FACTOR, PAR, KEPT, n_rows, n, sx, size1, size2, s0, s1, s2, step,
    factor, par, eps, close,
    FAMILY: tl.constexpr, POWER: tl.constexpr, BY_FACTOR: tl.constexpr,
    BY_PAR: tl.constexpr, MASKED: tl.constexpr, KEEPS: tl.constexpr,
    FAST: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Weigh the rows of a program, each read once."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]
    col = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    inside = (row < n_rows) & (col < n)
    start = start_of_mask(row, size1, size2, s0, s1, s2) if MASKED else 0
    taking = taking_of(WHERE, start, col, step, inside, MASKED)
    factor = of_row(FACTOR, factor, row, n_rows, BY_FACTOR)
    par = of_row(PAR, par, row, n_rows, BY_PAR)
    x = scores_of(X, row.to(tl.int64) * sx + col, taking)
    s = turned(x, factor, par, FAMILY, BY_FACTOR)
    if FAMILY == SIGMOID or FAMILY == RELU:
        w = shares(s, 1.0, factor, FAMILY, POWER, BY_FACTOR)
    else:
        tile = known(x, s, FAMILY)
        if FAMILY >= SPARSEMAX:
            if CHUNK > 1:  # maxima of parts: in the layout used, each lies in a thread
                tops = tl.max(tl.reshape(tile, [ROWS, CHUNK, BLOCK // CHUNK]), 1)
                top = tl.max(tops, 1, keep_dims=True)
                base = base_of(top, par, eps, FAMILY)
                tops = _above(tops, base, top, par, FAMILY)
                tau = lowest(base, FAMILY)
                tau = descended(tops, tau, par, COARSE, FAMILY, FAST)
            else:
                top = tl.max(tile, 1, keep_dims=True)
                base = base_of(top, par, eps, FAMILY)
                tau = lowest(base, FAMILY)
            z = _above(tile, base, top, par, FAMILY)
            tau = descended(z, tau, par, close, FAMILY, FAST)
            share = powers_above(z, tau, par, FAMILY, FAST)
            total = tl.sum(share, 1, keep_dims=True)
        else:
            top = tl.max(tile, 1, keep_dims=True)
            base = base_of(top, par, eps, FAMILY)
            share = shares(s, base, factor, FAMILY, POWER, BY_FACTOR)
            extra = extra_share(base, par, eps, FAMILY, POWER)
            total = tl.sum(tl.abs(share), 1, keep_dims=True) + extra
            total = tl.where(total == 0, 1.0, total)
            if KEEPS:
                _keep(KEPT, row, n_rows, base, extra, total, FAMILY)
        w = tl.where(share < 0, 0.0, share) * (1 / total)
        w = tl.where(tl.abs(top) == INFINITY, float("nan"), w)
    if MASKED:
        w = _of_those(taking, w)
    place = row.to(tl.int64) * n + col
    tl.store(W + place, w.to(W.dtype.element_ty), mask=inside)


@triton.jit
def _above(x, base, top, c, FAMILY: tl.constexpr):
    """Give scores above the largest, as thresholds are; zeros in rows without one."""
    z = x - base
    if FAMILY != NEAR_ONE:
        z = z * c
    return tl.where(tl.abs(top) == INFINITY, 0.0, z)


@triton.jit
def _of_those(taking, w):
    """Give zero to what takes no part, also in a row of NaN; of some, that is all."""
    return tl.where(taking, w, 0.0)


@triton.jit
def _keep(KEPT, row, n_rows, base, extra, total, FAMILY: tl.constexpr):
    """Keep what the way back needs of a row, besides its scores or its weights."""
    if FAMILY == SOFTMAX1:
        tl.store(KEPT + row, extra / total, mask=row < n_rows)
    else:
        tl.store(KEPT + row, base, mask=row < n_rows)
        tl.store(KEPT + n_rows + row, total, mask=row < n_rows)


@triton.jit
def forward_long(
    X, W, WHERE, FACTOR, PAR, KEPT, n_rows, n, sx, size1, size2, s0, s1, s2, step,
    factor, par, eps, close,
    FAMILY: tl.constexpr, POWER: tl.constexpr, BY_FACTOR: tl.constexpr,
    BY_PAR: tl.constexpr, MASKED: tl.constexpr, KEEPS: tl.constexpr,
    FAST: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Weigh one row that is read again, from the cache, for each pass."""
    row = tl.program_id(0) + tl.zeros([1, 1], tl.int32)
    col = tl.arange(0, BLOCK)[None, :]
    start = start_of_mask(row, size1, size2, s0, s1, s2) if MASKED else 0
    place = row.to(tl.int64) * sx
    factor = of_row(FACTOR, factor, row, n_rows, BY_FACTOR)
    par = of_row(PAR, par, row, n_rows, BY_PAR)
    tops = tl.full([1, BLOCK], -float("inf"), tl.float32)
    for j in span(0, n, BLOCK):
        taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
        x = scores_of(X, place + j + col, taking)
        s = turned(x, factor, par, FAMILY, BY_FACTOR)
        tops = tl.maximum(tops, known(x, s, FAMILY))
    top = tl.max(tops, 1, keep_dims=True)
    base = base_of(top, par, eps, FAMILY)
    extra = extra_share(base, par, eps, FAMILY, POWER)
    tau = lowest(base, FAMILY)
    if FAMILY >= SPARSEMAX:
        tops = _above(tops, base, top, par, FAMILY)
        tau = descended(tops, tau, par, COARSE, FAMILY, FAST)
        i = 0
        while i < STEPS:
            fs = tl.zeros([1, BLOCK], tl.float32)
            ss = tl.zeros([1, BLOCK], tl.float32)
            for j in span(0, n, BLOCK):
                taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
                x = scores_of(X, place + j + col, taking)
                z = _above(known(x, x, FAMILY), base, top, par, FAMILY)
                parts = step_parts(z, tau, par, FAMILY, FAST)
                fs += parts[0]
                ss += parts[1]
            f, slope = two_sums(fs, ss)
            up = raised_by(f, slope, par, FAMILY)
            tau += up
            i += tl.where(tl.max(up) > close, 1, STEPS)
    sums = tl.zeros([1, BLOCK], tl.float32)
    for j in span(0, n, BLOCK):
        taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
        x = scores_of(X, place + j + col, taking)
        s = turned(x, factor, par, FAMILY, BY_FACTOR)
        if FAMILY >= SPARSEMAX:
            z = _above(known(x, x, FAMILY), base, top, par, FAMILY)
            sums += powers_above(z, tau, par, FAMILY, FAST)
        else:
            sums += tl.abs(shares(s, base, factor, FAMILY, POWER, BY_FACTOR))
    total = tl.sum(sums, 1, keep_dims=True) + extra
    total = tl.where(total == 0, 1.0, total)
    if KEEPS:
        _keep(KEPT, row, n_rows, base, extra, total, FAMILY)
    out = row.to(tl.int64) * n
    for j in span(0, n, BLOCK):
        taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
        x = scores_of(X, place + j + col, taking)
        s = turned(x, factor, par, FAMILY, BY_FACTOR)
        if FAMILY >= SPARSEMAX:
            z = _above(known(x, x, FAMILY), base, top, par, FAMILY)
            share = powers_above(z, tau, par, FAMILY, FAST)
        else:
            share = shares(s, base, factor, FAMILY, POWER, BY_FACTOR)
        w = tl.where(share < 0, 0.0, share) * (1 / total)
        w = tl.where(tl.abs(top) == INFINITY, float("nan"), w)
        if MASKED:
            w = _of_those(taking, w)
        tl.store(W + out + j + col, w.to(W.dtype.element_ty), mask=j + col < n)
