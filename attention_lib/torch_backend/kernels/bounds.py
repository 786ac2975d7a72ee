"""Between which keys a mask lets something through, for each query, and the reverse.

What lies outside is never read: so windows, padding and documents cost what they show.
"""

import torch
import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.arrays import strides
from attention_lib.torch_backend.kernels.loops import span

__all__ = ["bounds_of"]

ROWS, COLS = 16, 128  # of a tile of the mask
NEVER = tl.constexpr(2147483647)


@triton.jit
def _bounds(
    MASK, FIRST, END, n_rows, n_cols, heads, stride_batch, stride_head, stride_row,
    stride_col, ADDITIVE: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Find the first column that takes part in each row, and the end of the last."""
    tiles = tl.cdiv(n_rows, ROWS)
    tile = tl.program_id(0) % tiles
    place = (tl.program_id(0) // tiles).to(tl.int64)
    row = tile * ROWS + tl.arange(0, ROWS)
    inside = row < n_rows
    start = MASK + (place // heads) * stride_batch + (place % heads) * stride_head
    start += row.to(tl.int64)[:, None] * stride_row
    first = tl.zeros([ROWS], tl.int32) + NEVER
    end = tl.zeros([ROWS], tl.int32)
    for j in span(0, n_cols, COLS):
        col = j + tl.arange(0, COLS)
        there = inside[:, None] & (col < n_cols)[None, :]
        at = start + col.to(tl.int64)[None, :] * stride_col
        if ADDITIVE:
            seen = tl.load(at, mask=there, other=-float("inf")) != -float("inf")
        else:
            seen = tl.load(at, mask=there, other=0) != 0
        first = tl.minimum(first, tl.min(tl.where(seen, col[None, :], NEVER), 1))
        end = tl.maximum(end, tl.max(tl.where(seen, col[None, :] + 1, 0), 1))
    tl.store(FIRST + place * n_rows + row, first, mask=inside)
    tl.store(END + place * n_rows + row, end, mask=inside)


def bounds_of(mask, n_cols):
    """Give the first column that takes part in each row of a mask, and the last's end.

    The mask has four axes, of size one where all share it, and is of bytes or additive.
    The two arrays have its first three axes. A row in which nothing takes part ends
    before it begins.
    """
    batch, heads, n_rows, width = mask.shape
    first, end = torch.empty(2, *mask.shape[:3], dtype=torch.int32, device=mask.device)
    grid = (batch * heads * triton.cdiv(n_rows, ROWS),)
    _bounds[grid](
        mask, first, end, n_rows, width, heads, *strides(mask),
        ADDITIVE=mask.is_floating_point(), ROWS=ROWS, COLS=COLS,
    )  # fmt: skip
    if width == 1 < n_cols:  # the same for every key
        end = end * n_cols
    return first, end
