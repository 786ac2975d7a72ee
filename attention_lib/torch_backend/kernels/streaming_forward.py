"""Streaming attention, forward: one tile of queries goes through its keys once.

Tiles of keys that all take part are read without a test; then come those at the
causal edge and at the end, or, where there is a mask, all from its first to its last.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.streaming_rules import (
    INFINITY,
    NRELU,
    base_of,
    rise,
    shares,
    whole_total,
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

__all__ = ["attend", "keys_of", "parameters_of", "weighed"]


@triton.jit
def weighed(p, value, total, PREC: tl.constexpr, WIDE: tl.constexpr):
    """Add weighted values to a total; `WIDE`: weights may be beyond float16."""
    if WIDE:
        return tl.dot(p, value.to(tl.float32), total, input_precision="tf32")
    else:
        return tl.dot(p.to(value.dtype), value, total, input_precision=PREC)


@triton.jit
def parameters_of(kept, inside, MULT, SHIFT, mult, shift, BLOCK_M: tl.constexpr,
                  BY_ROW: tl.constexpr, SHIFT_BY_ROW: tl.constexpr):  # fmt: skip
    """Give the multiplier and the shift of each row."""
    c = tl.zeros([BLOCK_M], tl.float32) + mult
    b = tl.zeros([BLOCK_M], tl.float32) + shift
    if BY_ROW:
        c = mult * tl.load(MULT + kept, mask=inside, other=1.0)
    if SHIFT_BY_ROW:
        b = tl.load(SHIFT + kept, mask=inside, other=0.0)
    return c, b


@triton.jit
def keys_of(
    start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
    bound_head, bound_row, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    CAUSAL: tl.constexpr, BOUNDED: tl.constexpr,
):  # fmt: skip
    """Give between which keys of a tile of queries some may take no part.

    All before the first take part, unless there are bounds: then none does. None does
    behind the last. Then which rows see a key at all.
    """
    full = n_k // BLOCK_N * BLOCK_N
    end = n_k
    some = inside
    if CAUSAL:
        last = tl.minimum(start + BLOCK_M, n_q) + ahead
        end = tl.minimum(end, tl.maximum(last, 0))
        edge = tl.maximum(start + ahead + 1, 0)
        full = tl.minimum(full, edge // BLOCK_N * BLOCK_N)
        some = some & (rows + ahead >= 0)
    if BOUNDED:
        bounds = head_of(rows * 0, batch, head, bound_batch, bound_head)
        bounds += rows.to(tl.int64) * bound_row
        first = tl.load(FIRST + bounds, mask=inside, other=2147483647)
        ends = tl.load(END + bounds, mask=inside, other=0)
        some = some & (first < ends)
        if CAUSAL:
            some = some & (first <= rows + ahead)
        end = tl.minimum(end, tl.max(ends, 0))
        full = tl.minimum(tl.min(first, 0), end) // BLOCK_N * BLOCK_N
    return full, end, some


@triton.jit
def _step(
    j, acc, total, top, q, K, V, MASK, BIAS, rows, n_q, n_k, ahead, k_row, k_col, v_row,
    v_col, mask_row, mask_col, bias_row, bias_col, scale_out, cap, mult, shift, eps,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_N: tl.constexpr, FAMILY: tl.constexpr, POWER: tl.constexpr,
    PART: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, FAST: tl.constexpr, PREC: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Add one tile of keys; of `PART`, some of them take no part."""
    k = read(K, j, n_k, k_row, k_col, BLOCK_N, D, D_PAD, not PART)
    s = tl.dot(q, tl.trans(k), input_precision=PREC)
    if not RAW:
        s = s * scale_out
    if CAPPED:
        s, _ = capped(s, cap)
    if PART:
        cols = (j + tl.arange(0, BLOCK_N))[None, :]
        s, _ = hidden(
            s, rows[:, None], cols, n_q, n_k, ahead, MASK, BIAS, mask_row, mask_col,
            bias_row, bias_col, CAUSAL, MASKED, BIASED,
        )  # fmt: skip
    if FAMILY <= NRELU:
        base = base_of(top, mult, shift, eps, FAMILY)
        new = tl.maximum(top, tl.max(s, 1))
        above = base_of(new, mult, shift, eps, FAMILY)
        rising = rise(top, base, above, mult, FAMILY, POWER)
        p, size = shares(
            s,
            above[:, None],
            mult[:, None],
            shift[:, None],
            FAMILY,
            POWER,
            BY_ROW,
            FAST,
        )
        total = total * rising + tl.sum(size, 1)
        acc = acc * rising[:, None]
        top = new
    else:
        p, size = shares(s, 0.0, 1.0, shift[:, None], FAMILY, POWER, BY_ROW, FAST)
    v = read(V, j, n_k, v_row, v_col, BLOCK_N, DV, DV_PAD, not PART)
    if PART:
        if CAUSAL or MASKED or BIASED:  # where `poison_rows` comes after
            v = finite_only(v)
    acc = weighed(p, v, acc, PREC, WIDE)
    return acc, total, top


@triton.jit
def attend(
    Q, K, V, OUT, TOP, TOTAL, SEEN, MULT, SHIFT, INVERSE, MASK, BIAS, FIRST, END,
    q_batch, q_head, q_row, q_col, k_batch, k_head, k_row, k_col,
    v_batch, v_head, v_row, v_col, mask_batch, mask_head, mask_row, mask_col,
    bias_batch, bias_head, bias_row, bias_col, bound_batch, bound_head, bound_row,
    n_q, n_k, heads, group, ahead, scale_in, scale_out, cap, mult, shift, eps,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, FAMILY: tl.constexpr,
    POWER: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, SHIFT_BY_ROW: tl.constexpr, DIVIDED: tl.constexpr,
    OFFSET: tl.constexpr, WHOLE: tl.constexpr, FAST: tl.constexpr, PREC: tl.constexpr,
    WIDE: tl.constexpr,
):  # fmt: skip
    """Attend with one tile of queries of one head.

    Keeps the top and the total of each row. `WHOLE` divides by the total; otherwise the
    shares stay relative to the base, and `SEEN` says what was met, as in the fold.
    """
    tile, batch, head = place(tl.cdiv(n_q, BLOCK_M), heads, CAUSAL)
    start = tile * BLOCK_M
    rows = start + tl.arange(0, BLOCK_M)
    inside = rows < n_q
    kept = (batch.to(tl.int64) * heads + head) * n_q + rows
    Q = head_of(Q, batch, head, q_batch, q_head)
    kv = key_head(head, heads, group)
    K = head_of(K, batch, kv, k_batch, k_head)
    V = head_of(V, batch, kv, v_batch, v_head)
    q = read(Q, start, n_q, q_row, q_col, BLOCK_M, D, D_PAD, False)
    if PREC == "ieee":  # of 16 bits it would be rounded
        q = q * scale_in
    c, b = parameters_of(
        kept, inside, MULT, SHIFT, mult, shift, BLOCK_M, BY_ROW, SHIFT_BY_ROW
    )

    full, end, some = keys_of(
        start, rows, inside, batch, head, n_q, n_k, ahead, FIRST, END, bound_batch,
        bound_head, bound_row, BLOCK_M, BLOCK_N, CAUSAL, MASKED or BIASED,
    )  # fmt: skip
    if MASKED or BIASED:
        MASK = head_of(MASK, batch, head, mask_batch, mask_head)
        BIAS = head_of(BIAS, batch, head, bias_batch, bias_head)

    acc = tl.zeros([BLOCK_M, DV_PAD], tl.float32)
    total = tl.zeros([BLOCK_M], tl.float32)
    top = tl.zeros([BLOCK_M], tl.float32) - INFINITY
    if not (MASKED or BIASED):
        for j in span(0, full, BLOCK_N):
            acc, total, top = _step(
                j, acc, total, top, q, K, V, MASK, BIAS, rows, n_q, n_k, ahead, k_row,
                k_col, v_row, v_col, mask_row, mask_col, bias_row, bias_col, scale_out,
                cap, c, b, eps, D, D_PAD, DV, DV_PAD, BLOCK_N, FAMILY, POWER, False,
                CAUSAL, MASKED, BIASED, CAPPED, RAW, BY_ROW, FAST, PREC, WIDE,
            )  # fmt: skip
    for j in span(full, end, BLOCK_N):
        acc, total, top = _step(
            j, acc, total, top, q, K, V, MASK, BIAS, rows, n_q, n_k, ahead, k_row,
            k_col, v_row, v_col, mask_row, mask_col, bias_row, bias_col, scale_out,
            cap, c, b, eps, D, D_PAD, DV, DV_PAD, BLOCK_N, FAMILY, POWER, True,
            CAUSAL, MASKED, BIASED, CAPPED, RAW, BY_ROW, FAST, PREC, WIDE,
        )  # fmt: skip

    if FAMILY <= NRELU:
        if WHOLE:
            base = base_of(top, c, b, eps, FAMILY)
            total = whole_total(total, base, c, b, eps, FAMILY, POWER, OFFSET)
            total = tl.where((total == 0) | ~some, 1.0, total)
            lost = some & ((top == -INFINITY) | ~(top < INFINITY))
            total = tl.where(lost, float("nan"), total)
            acc = acc / total[:, None]
        else:
            met = tl.where(top < INFINITY, 2, 3)
            met = tl.where(total == total, met, 3)
            met = tl.where(top == -INFINITY, tl.where(some, 1, 0), met)
            tl.store(SEEN + kept, met, mask=inside)
        tl.store(TOP + kept, top, mask=inside)
        tl.store(TOTAL + kept, total, mask=inside)
    elif DIVIDED:
        acc = acc * tl.load(INVERSE + kept, mask=inside, other=1.0)[:, None]
    at = (batch.to(tl.int64) * heads + head) * n_q * DV
    write(OUT + at, acc, start, n_q, DV, 1, BLOCK_M, DV, DV_PAD)
