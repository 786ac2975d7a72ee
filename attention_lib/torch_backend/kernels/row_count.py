"""How many keys of each row take part."""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_rules import INFINITY
from attention_lib.torch_backend.kernels.row_tiles import (
    scores_of,
    start_of_mask,
    taking_of,
)

__all__ = ["count_rows"]


@triton.jit
def count_rows(
    X, COUNT, WHERE, n, sx, size1, size2, s0, s1, s2, step,
    MASKED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Count in one row what takes part; -inf counts where nothing else is."""
    row = tl.program_id(0) + tl.zeros([1, 1], tl.int32)
    col = tl.arange(0, BLOCK)[None, :]
    start = start_of_mask(row, size1, size2, s0, s1, s2) if MASKED else 0
    place = row.to(tl.int64) * sx
    some = tl.zeros([1, BLOCK], tl.int32)
    lowest = tl.zeros([1, BLOCK], tl.int32)
    for j in span(0, n, BLOCK):
        taking = taking_of(WHERE, start, j + col, step, j + col < n, MASKED)
        x = scores_of(X, place + j + col, taking)
        some += (taking & (x != -INFINITY)).to(tl.int32)
        lowest += (taking & (x == -INFINITY)).to(tl.int32)
    there = tl.sum(some, 1, keep_dims=True)
    there = tl.where(there == 0, tl.sum(lowest, 1, keep_dims=True), there)
    tl.store(COUNT + row, there.to(tl.float32))
