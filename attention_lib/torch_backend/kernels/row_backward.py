"""Gradients of rows: from the weights, or from the scores and two numbers a row."""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.common import two_sums
from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_rules import (
    NRELU,
    NSIGMOID,
    RELU,
    SIGMOID,
    SOFTMAX,
    SOFTMAX1,
    SOFTPICK,
    SPARSEMAX,
    derivative_in_alpha,
    shares,
    slopes,
    turned,
)
from attention_lib.torch_backend.kernels.row_tiles import (
    of_row,
    scores_of,
    start_of_mask,
    taking_of,
)

__all__ = ["backward", "backward_long"]


@triton.jit
def _read(
    X, W, G, place, sx, sg, n, col, taking, factor, par, base, total,
    FAMILY: tl.constexpr, POWER: tl.constexpr, BY_FACTOR: tl.constexpr,
    READS_X: tl.constexpr,
):  # fmt: skip
    """Give scores, gradients, weights and slopes of a tile; zeros where none is."""
    g = tl.load(G + place * sg + col, mask=taking, other=0.0).to(tl.float32)
    x = g
    if READS_X:
        x = scores_of(X, place * sx + col, taking)
    if FAMILY <= SOFTMAX1 or FAMILY >= SPARSEMAX:
        w = tl.load(W + place * n + col, mask=taking, other=0.0).to(tl.float32)
        g = tl.where(w == 0, 0.0, g)  # which may be NaN where nothing takes part
        h = slopes(w, w, base, total, factor, par, FAMILY, POWER, BY_FACTOR)
    else:
        s = turned(x, factor, par, FAMILY, BY_FACTOR)
        g = tl.where(x == -float("inf"), 0.0, g)
        w = shares(s, base, factor, FAMILY, POWER, BY_FACTOR) / total
        h = slopes(s, w, base, total, factor, par, FAMILY, POWER, BY_FACTOR)
        w = tl.where(w < 0, 0.0, w)
    return x, g, w, h


@triton.jit
def _mean_parts(g, w, h, FAMILY: tl.constexpr):
    """Give what the mean of the gradients in a row is the quotient, or sum, of."""
    u = h if FAMILY >= SPARSEMAX else w
    return u * g, u


@triton.jit
def _mean(a, b, FAMILY: tl.constexpr):
    return a / tl.where(b == 0, 1.0, b) if FAMILY >= SPARSEMAX else a


@triton.jit
def _pulled(x, g, h, mean, FAMILY: tl.constexpr):
    """Give the gradient in what the rule takes."""
    if FAMILY == SIGMOID or FAMILY == RELU:
        return tl.where(g == 0, 0.0, h * g)
    elif FAMILY == SOFTPICK:
        return h * tl.where(x > 0, g - mean, tl.where(x < 0, mean, 0.0))
    else:
        return h * (g - mean)


@triton.jit
def _in_par(d, g, w, mean, c, FAMILY: tl.constexpr):
    """Give each key's part of the gradient in the bias, or in alpha."""
    if FAMILY >= SPARSEMAX:
        return derivative_in_alpha(w, c) * (g - mean)
    else:
        return d


@triton.jit
def _in_factor(d, x, middle):
    """Give each key's part of the gradient in the factor; far keys may have none."""
    return tl.where(d == 0, 0.0, d * (x - middle))


@triton.jit
def backward(
    X, W, G, WHERE, FACTOR, PAR, KEPT, DX, DFACTOR, DPAR,
    n_rows, n, sx, sg, size1, size2, s0, s1, s2, step, factor, par,
    FAMILY: tl.constexpr, POWER: tl.constexpr, BY_FACTOR: tl.constexpr,
    BY_PAR: tl.constexpr, MASKED: tl.constexpr, READS_X: tl.constexpr,
    IN_FACTOR: tl.constexpr, IN_PAR: tl.constexpr,
    BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Differentiate the rows of a program, each read once."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]
    col = tl.arange(0, BLOCK)[None, :]
    valid = row < n_rows
    inside = valid & (col < n)
    start = start_of_mask(row, size1, size2, s0, s1, s2) if MASKED else 0
    taking = taking_of(WHERE, start, col, step, inside, MASKED)
    factor = of_row(FACTOR, factor, row, n_rows, BY_FACTOR)
    par = of_row(PAR, par, row, n_rows, BY_PAR)
    base, total = _kept(KEPT, row, n_rows, FAMILY)
    place = row.to(tl.int64)
    x, g, w, h = _read(
        X, W, G, place, sx, sg, n, col, taking, factor, par, base, total,
        FAMILY, POWER, BY_FACTOR, READS_X,
    )  # fmt: skip
    mean = 0.0
    if FAMILY != SIGMOID and FAMILY != RELU:
        parts = _mean_parts(g, w, h, FAMILY)
        a, b = two_sums(parts[0], parts[1])
        mean = _mean(a, b, FAMILY)
        if IN_PAR and FAMILY == SOFTMAX1:
            share = tl.load(KEPT + row, mask=valid, other=0.0)
            tl.store(DPAR + row, -share * a, mask=valid)
    d = _pulled(x, g, h, mean, FAMILY)
    if IN_PAR and FAMILY != SOFTMAX1:
        moved = tl.sum(_in_par(d, g, w, mean, par, FAMILY), 1, keep_dims=True)
        tl.store(DPAR + row, moved, mask=valid)
    if IN_FACTOR:
        middle = tl.sum(tl.where(w == 0, 0.0, w * x), 1, keep_dims=True)
        middle = middle if FAMILY == SOFTMAX else 0.0 * middle
        moved = tl.sum(_in_factor(d, x, middle), 1, keep_dims=True)
        tl.store(DFACTOR + row, moved, mask=valid)
    if BY_FACTOR and FAMILY != RELU:
        d = d * factor
    d = tl.where(taking, d, 0.0)
    tl.store(DX + place * n + col, d.to(DX.dtype.element_ty), mask=inside)


@triton.jit
def _kept(KEPT, row, n_rows, FAMILY: tl.constexpr):
    """Give what the shares of a row are relative to, and their total."""
    if FAMILY == SOFTPICK or FAMILY == NSIGMOID or FAMILY == NRELU:
        base = tl.load(KEPT + row, mask=row < n_rows, other=0.0)
        return base, tl.load(KEPT + n_rows + row, mask=row < n_rows, other=1.0)
    else:
        return 1.0, 1.0


@triton.jit
def backward_long(
    X, W, G, WHERE, FACTOR, PAR, KEPT, DX, DFACTOR, DPAR,
    n_rows, n, sx, sg, size1, size2, s0, s1, s2, step, factor, par,
    FAMILY: tl.constexpr, POWER: tl.constexpr, BY_FACTOR: tl.constexpr,
    BY_PAR: tl.constexpr, MASKED: tl.constexpr, READS_X: tl.constexpr,
    IN_FACTOR: tl.constexpr, IN_PAR: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Differentiate one row that is read twice: for its sums, and for the result."""
    row = tl.program_id(0) + tl.zeros([1, 1], tl.int32)
    col = tl.arange(0, BLOCK)[None, :]
    start = start_of_mask(row, size1, size2, s0, s1, s2) if MASKED else 0
    factor = of_row(FACTOR, factor, row, n_rows, BY_FACTOR)
    par = of_row(PAR, par, row, n_rows, BY_PAR)
    base, total = _kept(KEPT, row, n_rows, FAMILY)
    place = row.to(tl.int64)
    a = tl.zeros([1, BLOCK], tl.float32)
    b = tl.zeros([1, BLOCK], tl.float32)
    middle = tl.zeros([1, BLOCK], tl.float32)
    for j in span(0, n, BLOCK):
        taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
        x, g, w, h = _read(
            X, W, G, place, sx, sg, n, j + col, taking, factor, par, base, total,
            FAMILY, POWER, BY_FACTOR, READS_X,
        )  # fmt: skip
        parts = _mean_parts(g, w, h, FAMILY)
        a += parts[0]
        b += parts[1]
        if IN_FACTOR and FAMILY == SOFTMAX:
            middle += tl.where(w == 0, 0.0, w * x)
    a, b = two_sums(a, b)
    mean = _mean(a, b, FAMILY)
    middle = tl.sum(middle, 1, keep_dims=True)
    in_par = tl.zeros([1, BLOCK], tl.float32)
    in_factor = tl.zeros([1, BLOCK], tl.float32)
    for j in span(0, n, BLOCK):
        taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
        x, g, w, h = _read(
            X, W, G, place, sx, sg, n, j + col, taking, factor, par, base, total,
            FAMILY, POWER, BY_FACTOR, READS_X,
        )  # fmt: skip
        d = _pulled(x, g, h, mean, FAMILY)
        if IN_PAR and FAMILY != SOFTMAX1:
            in_par += _in_par(d, g, w, mean, par, FAMILY)
        if IN_FACTOR:
            in_factor += _in_factor(d, x, middle)
        if BY_FACTOR and FAMILY != RELU:
            d = d * factor
        d = tl.where(taking, d, 0.0).to(DX.dtype.element_ty)
        tl.store(DX + place * n + j + col, d, mask=j + col < n)
    if IN_PAR and FAMILY == SOFTMAX1:
        share = tl.load(KEPT + row)
        tl.store(DPAR + row, -share * a)
    elif IN_PAR:
        tl.store(DPAR + row, tl.sum(in_par, 1, keep_dims=True))
    if IN_FACTOR:
        tl.store(DFACTOR + row, tl.sum(in_factor, 1, keep_dims=True))
