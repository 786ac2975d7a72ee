"""What values that are NaN or infinite bring to rows of streaming attention.

Where something is masked, the forward kernel reads them as zeros: a weight of zero
times NaN is NaN. This kernel comes after it, and ends at once if a sum over the values
is finite; else it goes through the keys once more.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.streaming_forward import parameters_of
from attention_lib.torch_backend.kernels.streaming_rules import (
    INFINITY,
    NRELU,
    base_of,
    shares,
)
from attention_lib.torch_backend.kernels.tiles import (
    capped,
    head_of,
    hidden,
    key_head,
    place,
    poison,
    read,
    write,
)

__all__ = ["poison_rows"]


@triton.jit
def poison_rows(
    FINITE, Q, K, V, OUT, TOP, MULT, SHIFT, MASK, BIAS,
    q_batch, q_head, q_row, q_col, k_batch, k_head, k_row, k_col,
    v_batch, v_head, v_row, v_col, mask_batch, mask_head, mask_row, mask_col,
    bias_batch, bias_head, bias_row, bias_col,
    n_q, n_k, heads, group, ahead, scale_in, scale_out, cap, mult, shift, eps,
    D: tl.constexpr, D_PAD: tl.constexpr, DV: tl.constexpr, DV_PAD: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, FAMILY: tl.constexpr,
    POWER: tl.constexpr, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
    BIASED: tl.constexpr, CAPPED: tl.constexpr, RAW: tl.constexpr,
    BY_ROW: tl.constexpr, SHIFT_BY_ROW: tl.constexpr, FAST: tl.constexpr,
    PREC: tl.constexpr,
):  # fmt: skip
    """Add to one tile of outputs what its values that are not finite say."""
    if tl.abs(tl.load(FINITE)) < INFINITY:
        return
    tile, batch, head = place(tl.cdiv(n_q, BLOCK_M), heads, CAUSAL)
    start = tile * BLOCK_M
    rows = start + tl.arange(0, BLOCK_M)
    inside = rows < n_q
    first_row = (batch.to(tl.int64) * heads + head) * n_q
    kept = first_row + rows
    Q = head_of(Q, batch, head, q_batch, q_head)
    kv = key_head(head, heads, group)
    K = head_of(K, batch, kv, k_batch, k_head)
    V = head_of(V, batch, kv, v_batch, v_head)
    q = read(Q, start, n_q, q_row, q_col, BLOCK_M, D, D_PAD, False)
    if PREC == "ieee":
        q = q * scale_in
    base = tl.zeros([BLOCK_M], tl.float32)
    c, b = parameters_of(
        kept, inside, MULT, SHIFT, mult, shift, BLOCK_M, BY_ROW, SHIFT_BY_ROW
    )
    if FAMILY <= NRELU:
        top = tl.load(TOP + kept, mask=inside, other=0.0)
        base = base_of(top, c, b, eps, FAMILY)
    MASK = head_of(MASK, batch, head, mask_batch, mask_head)
    BIAS = head_of(BIAS, batch, head, bias_batch, bias_head)
    end = n_k
    if CAUSAL:
        last = tl.minimum(start + BLOCK_M, n_q) + ahead
        end = tl.minimum(end, tl.maximum(last, 0))
    out = read(OUT + first_row * DV, start, n_q, DV, 1, BLOCK_M, DV, DV_PAD, False)
    out = out.to(tl.float32)
    for j in span(0, end, BLOCK_N):
        k = read(K, j, n_k, k_row, k_col, BLOCK_N, D, D_PAD, False)
        v = read(V, j, n_k, v_row, v_col, BLOCK_N, DV, DV_PAD, False)
        s = tl.dot(q, tl.trans(k), input_precision=PREC)
        if not RAW:
            s = s * scale_out
        if CAPPED:
            s, _ = capped(s, cap)
        cols = (j + tl.arange(0, BLOCK_N))[None, :]
        s, there = hidden(
            s, rows[:, None], cols, n_q, n_k, ahead, MASK, BIAS, mask_row, mask_col,
            bias_row, bias_col, CAUSAL, MASKED, BIASED,
        )  # fmt: skip
        p, _ = shares(
            s, base[:, None], c[:, None], b[:, None], FAMILY, POWER, BY_ROW, FAST
        )
        out += poison(p, there, v)
    write(OUT + first_row * DV, out, start, n_q, DV, 1, BLOCK_M, DV, DV_PAD)
