"""Streaming attention, backward to the keys and values.

A program goes through the queries of one tile of keys, of all heads that it serves.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.streaming_backward import (
    pulled,
    row_numbers,
)
from attention_lib.torch_backend.kernels.streaming_forward import weighed
from attention_lib.torch_backend.kernels.streaming_rules import slopes
from attention_lib.torch_backend.kernels.tiles import (
    capped,
    finite_only,
    head_of,
    hidden,
    place,
    read,
    write,
)

__all__ = ["to_keys"]


@triton.jit
def _key_step(
    i, dk, dv, k, v, Q, GRAD, MASK, BIAS, TOP, INVERSE, MEAN, MULT, SHIFT, cols, n_q,
    n_k, ahead, q_row, q_col, mask_row, mask_col, bias_row, bias_col, scale_in,
    scale_out, cap, mult, shift, eps,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_M: tl.constexpr, FAMILY: tl.constexpr, POWER: tl.constexpr,
    PART: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, SHIFT_BY_ROW: tl.constexpr, DIVIDED: tl.constexpr,
    EVEN: tl.constexpr, FAST: tl.constexpr, PREC: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Add what one tile of queries gives to the gradients in keys and values.

    Tiles lie the other way round: (keys, queries).
    """
    rows = i + tl.arange(0, BLOCK_M)
    inside = rows < n_q
    q = read(Q, i, n_q, q_row, q_col, BLOCK_M, D, D_PAD, EVEN)
    do = read(GRAD, i, n_q, DV, 1, BLOCK_M, DV, DV_PAD, EVEN)
    if PREC == "ieee":
        q = q * scale_in
    base, inverse, mean, c, b = row_numbers(
        rows, inside, TOP, INVERSE, MEAN, MULT, SHIFT, mult, shift, eps, BLOCK_M,
        FAMILY, BY_ROW, SHIFT_BY_ROW, DIVIDED,
    )  # fmt: skip
    s = tl.dot(k, tl.trans(q), input_precision=PREC)
    if not RAW:
        s = s * scale_out
    if CAPPED:
        s, slope = capped(s, cap)
    if PART:
        s, there = hidden(
            s, rows[None, :], cols[:, None], n_q, n_k, ahead, MASK, BIAS, mask_row,
            mask_col, bias_row, bias_col, CAUSAL, MASKED, BIASED,
        )  # fmt: skip
    g = pulled(v, do, PREC, WIDE)
    p, ds = slopes(
        s, g, mean[None, :], inverse[None, :], base[None, :], c[None, :], b[None, :],
        FAMILY, POWER, BY_ROW, FAST,
    )  # fmt: skip
    if BY_ROW:
        ds = ds * c[None, :]
    if CAPPED:
        ds = ds * slope
    if PART:  # also in rows that are lost, and for values that are NaN
        p = tl.where(there, p, 0.0)
        ds = tl.where(there, ds, 0.0)
        q = finite_only(q)
    elif not EVEN:
        p = tl.where(inside[None, :], p, 0.0)
        ds = tl.where(inside[None, :], ds, 0.0)
    return weighed(ds, q, dk, PREC, WIDE), weighed(p, do, dv, PREC, WIDE)


@triton.jit
def to_keys(
    Q, K, V, GRAD, TOP, INVERSE, MEAN, MULT, SHIFT, MASK, BIAS, FIRST, END,
    DKEY, DVALUE,
    q_batch, q_head, q_row, q_col, k_batch, k_head, k_row, k_col,
    v_batch, v_head, v_row, v_col, mask_batch, mask_head, mask_row, mask_col,
    bias_batch, bias_head, bias_row, bias_col, bound_batch, bound_head, bound_row,
    n_q, n_k, heads, group, ahead, scale_in, scale_out, cap, mult, shift, eps, factor,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, FAMILY: tl.constexpr,
    POWER: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, SHIFT_BY_ROW: tl.constexpr, DIVIDED: tl.constexpr,
    EVEN: tl.constexpr, FAST: tl.constexpr, PREC: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Give the gradients in one tile of keys and values, of all heads that share it.

    Keys beyond the last are zeros, whose gradients are not written. `EVEN`: no tile of
    queries goes beyond the last of them.
    """
    tile, batch, kv = place(tl.cdiv(n_k, BLOCK_N), heads // group, False)
    start = tile * BLOCK_N
    cols = start + tl.arange(0, BLOCK_N)
    K = head_of(K, batch, kv, k_batch, k_head)
    V = head_of(V, batch, kv, v_batch, v_head)
    k = read(K, start, n_k, k_row, k_col, BLOCK_N, D, D_PAD, False)
    v = read(V, start, n_k, v_row, v_col, BLOCK_N, DV, DV_PAD, False)
    dk = tl.zeros([BLOCK_N, D_PAD], tl.float32)
    dv = tl.zeros([BLOCK_N, DV_PAD], tl.float32)
    low = 0
    full = 0  # from here on all queries see all these keys
    if CAUSAL:
        low = tl.maximum(start - ahead, 0) // BLOCK_M * BLOCK_M
        sees_all = tl.maximum(start + BLOCK_N - 1 - ahead, 0)
        full = tl.cdiv(sees_all, BLOCK_M) * BLOCK_M
    for h in span(0, group):
        head = kv * group + h
        first_row = (batch.to(tl.int64) * heads + head) * n_q
        of_head = head_of(Q, batch, head, q_batch, q_head)
        mask_of_head, bias_of_head, end = MASK, BIAS, n_q
        begin, middle = low, tl.minimum(full, n_q)
        if MASKED or BIASED:
            mask_of_head = head_of(MASK, batch, head, mask_batch, mask_head)
            bias_of_head = head_of(BIAS, batch, head, bias_batch, bias_head)
            bounds = head_of(cols * 0, batch, head, bound_batch, bound_head)
            bounds += cols.to(tl.int64) * bound_row
            last = tl.load(END + bounds, mask=cols < n_k, other=0)
            first = tl.load(FIRST + bounds, mask=cols < n_k, other=2147483647)
            end = tl.minimum(end, tl.max(last, 0))
            begin = tl.maximum(low, tl.minimum(tl.min(first, 0), end))
            begin = begin // BLOCK_M * BLOCK_M
            middle = end
        for i in span(begin, middle, BLOCK_M):
            dk, dv = _key_step(
                i, dk, dv, k, v, of_head, GRAD + first_row * DV, mask_of_head,
                bias_of_head, TOP + first_row, INVERSE + first_row, MEAN + first_row,
                MULT + first_row, SHIFT + first_row, cols, n_q, n_k, ahead, q_row,
                q_col, mask_row, mask_col, bias_row, bias_col, scale_in, scale_out, cap,
                mult, shift, eps, D, D_PAD, DV, DV_PAD, BLOCK_M, FAMILY, POWER, True,
                CAUSAL, MASKED, BIASED, CAPPED, RAW, BY_ROW, SHIFT_BY_ROW, DIVIDED,
                EVEN, FAST, PREC, WIDE,
            )  # fmt: skip
        if not (MASKED or BIASED):
            for i in span(middle, n_q, BLOCK_M):
                dk, dv = _key_step(
                    i, dk, dv, k, v, of_head, GRAD + first_row * DV, mask_of_head,
                    bias_of_head, TOP + first_row, INVERSE + first_row,
                    MEAN + first_row, MULT + first_row, SHIFT + first_row, cols, n_q,
                    n_k, ahead, q_row, q_col, mask_row, mask_col, bias_row, bias_col,
                    scale_in, scale_out, cap, mult, shift, eps, D, D_PAD, DV, DV_PAD,
                    BLOCK_M, FAMILY, POWER, False, CAUSAL, MASKED, BIASED, CAPPED, RAW,
                    BY_ROW, SHIFT_BY_ROW, DIVIDED, EVEN, FAST, PREC, WIDE,
                )  # fmt: skip
    at = batch.to(tl.int64) * (heads // group) + kv
    write(DKEY + at * n_k * D, dk * factor, start, n_k, D, 1, BLOCK_N, D, D_PAD)
    write(DVALUE + at * n_k * DV, dv, start, n_k, DV, 1, BLOCK_N, DV, DV_PAD)
