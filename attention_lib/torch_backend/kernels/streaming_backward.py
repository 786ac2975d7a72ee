"""Streaming attention, backward: the weights are computed again, tile by tile.

Each gradient is summed by one program in one order, so that a run repeats itself to the
bit: here through the keys of a tile of queries; `streaming_to_keys` goes the other way.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.streaming_forward import (
    keys_of,
    parameters_of,
    weighed,
)
from attention_lib.torch_backend.kernels.streaming_rules import (
    EXP,
    INFINITY,
    NRELU,
    base_of,
    slopes,
)
from attention_lib.torch_backend.kernels.tiles import (
    capped,
    finite_only,
    head_of,
    hidden,
    key_head,
    place,
    read,
    write,
)

__all__ = ["means", "pulled", "row_numbers", "to_queries"]


@triton.jit
def means(OUT, GRAD, MEAN, n, D: tl.constexpr, D_PAD: tl.constexpr, ROWS: tl.constexpr):
    """Give the mean over its weights of each row's gradient: ``out . grad``."""
    start = tl.program_id(0).to(tl.int64) * ROWS
    out = read(OUT, start, n, D, 1, ROWS, D, D_PAD, False).to(tl.float32)
    grad = read(GRAD, start, n, D, 1, ROWS, D, D_PAD, False).to(tl.float32)
    row = start + tl.arange(0, ROWS)
    tl.store(MEAN + row, tl.sum(out * grad, 1), mask=row < n)


@triton.jit
def pulled(a, b, PREC: tl.constexpr, WIDE: tl.constexpr):
    """Multiply gradients and values; `WIDE`: gradients may be beyond float16."""
    if WIDE:
        a, b = a.to(tl.float32), b.to(tl.float32)
        return tl.dot(a, tl.trans(b), input_precision="tf32")
    else:
        return tl.dot(a, tl.trans(b), input_precision=PREC)


@triton.jit
def row_numbers(
    kept, inside, TOP, INVERSE, MEAN, MULT, SHIFT, mult, shift, eps,
    BLOCK_M: tl.constexpr, FAMILY: tl.constexpr, BY_ROW: tl.constexpr,
    SHIFT_BY_ROW: tl.constexpr, DIVIDED: tl.constexpr,
):  # fmt: skip
    """Give what rows kept: base, inverse total, mean gradient, multiplier and shift."""
    none = tl.zeros([BLOCK_M], tl.float32)
    base, inverse, mean = none, none + 1, none
    c, b = parameters_of(
        kept, inside, MULT, SHIFT, mult, shift, BLOCK_M, BY_ROW, SHIFT_BY_ROW
    )
    if FAMILY <= NRELU:
        top = tl.load(TOP + kept, mask=inside, other=0.0)
        base = base_of(top, c, b, eps, FAMILY)
        mean = tl.load(MEAN + kept, mask=inside, other=0.0)
    if DIVIDED:
        inverse = tl.load(INVERSE + kept, mask=inside, other=1.0)
    return base, inverse, mean, c, b


@triton.jit
def _query_step(
    j, dq, moved, q, do, base, inverse, mean, c, b, K, V, MASK, BIAS, rows, n_q, n_k,
    ahead, k_row, k_col, v_row, v_col, mask_row, mask_col, bias_row, bias_col,
    scale_out, cap,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_N: tl.constexpr, FAMILY: tl.constexpr, POWER: tl.constexpr,
    PART: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, MOVED: tl.constexpr, FAST: tl.constexpr, PREC: tl.constexpr,
    WIDE: tl.constexpr,
):  # fmt: skip
    """Add what one tile of keys gives to the gradient in the queries."""
    k = read(K, j, n_k, k_row, k_col, BLOCK_N, D, D_PAD, not PART)
    v = read(V, j, n_k, v_row, v_col, BLOCK_N, DV, DV_PAD, not PART)
    s = tl.dot(q, tl.trans(k), input_precision=PREC)
    if not RAW:
        s = s * scale_out
    if CAPPED:
        s, slope = capped(s, cap)
    if PART:
        cols = (j + tl.arange(0, BLOCK_N))[None, :]
        s, there = hidden(
            s, rows[:, None], cols, n_q, n_k, ahead, MASK, BIAS, mask_row, mask_col,
            bias_row, bias_col, CAUSAL, MASKED, BIASED,
        )  # fmt: skip
    g = pulled(do, v, PREC, WIDE)
    _, ds = slopes(
        s, g, mean[:, None], inverse[:, None], base[:, None], c[:, None], b[:, None],
        FAMILY, POWER, BY_ROW, FAST,
    )  # fmt: skip
    if PART:
        ds = tl.where(there, ds, 0.0)
    if MOVED:
        if FAMILY == EXP:
            above = tl.where(s == -INFINITY, 0.0, s - base[:, None])
            moved += tl.sum(ds * above, 1)
        else:
            moved += tl.sum(ds, 1)
    if BY_ROW:
        ds = ds * c[:, None]
    if CAPPED:
        ds = ds * slope
        if PART:
            ds = tl.where(there, ds, 0.0)
    if PART:
        k = finite_only(k)
    return weighed(ds, k, dq, PREC, WIDE), moved


@triton.jit
def to_queries(
    Q, K, V, GRAD, TOP, INVERSE, MEAN, MULT, SHIFT, MASK, BIAS, FIRST, END, DQ, MOVE,
    q_batch, q_head, q_row, q_col, k_batch, k_head, k_row, k_col,
    v_batch, v_head, v_row, v_col, mask_batch, mask_head, mask_row, mask_col,
    bias_batch, bias_head, bias_row, bias_col, bound_batch, bound_head, bound_row,
    n_q, n_k, heads, group, ahead, scale_in, scale_out, cap, mult, shift, eps, factor,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, FAMILY: tl.constexpr,
    POWER: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, SHIFT_BY_ROW: tl.constexpr, DIVIDED: tl.constexpr,
    MOVED: tl.constexpr, FAST: tl.constexpr, PREC: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Give the gradient in one tile of queries, and in what moves their rows.

    `factor` is what the gradients in the rules' scores are times in those of products.
    """
    tile, batch, head = place(tl.cdiv(n_q, BLOCK_M), heads, CAUSAL)
    start = tile * BLOCK_M
    rows = start + tl.arange(0, BLOCK_M)
    inside = rows < n_q
    first_row = (batch.to(tl.int64) * heads + head) * n_q
    Q = head_of(Q, batch, head, q_batch, q_head)
    kv = key_head(head, heads, group)
    K = head_of(K, batch, kv, k_batch, k_head)
    V = head_of(V, batch, kv, v_batch, v_head)
    q = read(Q, start, n_q, q_row, q_col, BLOCK_M, D, D_PAD, False)
    if PREC == "ieee":
        q = q * scale_in
    do = read(GRAD + first_row * DV, start, n_q, DV, 1, BLOCK_M, DV, DV_PAD, False)
    base, inverse, mean, c, b = row_numbers(
        first_row + rows, inside, TOP, INVERSE, MEAN, MULT, SHIFT, mult, shift, eps,
        BLOCK_M, FAMILY, BY_ROW, SHIFT_BY_ROW, DIVIDED,
    )  # fmt: skip

    full, end, _ = keys_of(
        start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
        bound_head, bound_row, BLOCK_M, BLOCK_N, CAUSAL, MASKED or BIASED,
    )  # fmt: skip
    if MASKED or BIASED:
        MASK = head_of(MASK, batch, head, mask_batch, mask_head)
        BIAS = head_of(BIAS, batch, head, bias_batch, bias_head)

    dq = tl.zeros([BLOCK_M, D_PAD], tl.float32)
    moved = tl.zeros([BLOCK_M], tl.float32)
    if not (MASKED or BIASED):
        for j in span(0, full, BLOCK_N):
            dq, moved = _query_step(
                j, dq, moved, q, do, base, inverse, mean, c, b, K, V, MASK, BIAS, rows,
                n_q, n_k, ahead, k_row, k_col, v_row, v_col, mask_row, mask_col,
                bias_row, bias_col, scale_out, cap, D, D_PAD, DV, DV_PAD, BLOCK_N,
                FAMILY, POWER, False, CAUSAL, MASKED, BIASED, CAPPED, RAW, BY_ROW,
                MOVED, FAST, PREC, WIDE,
            )  # fmt: skip
    for j in span(full, end, BLOCK_N):
        dq, moved = _query_step(
            j, dq, moved, q, do, base, inverse, mean, c, b, K, V, MASK, BIAS, rows,
            n_q, n_k, ahead, k_row, k_col, v_row, v_col, mask_row, mask_col,
            bias_row, bias_col, scale_out, cap, D, D_PAD, DV, DV_PAD, BLOCK_N,
            FAMILY, POWER, True, CAUSAL, MASKED, BIASED, CAPPED, RAW, BY_ROW,
            MOVED, FAST, PREC, WIDE,
        )  # fmt: skip
    dq = dq * (factor * scale_in)
    write(DQ + first_row * D, dq, start, n_q, D, 1, BLOCK_M, D, D_PAD)
    if MOVED:
        tl.store(MOVE + first_row + rows, moved, mask=inside)
