"""Where the rows of a program lie, and what is read of them."""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.row_rules import INFINITY

__all__ = ["of_row", "scores_of", "start_of_mask", "taking_of"]


@triton.jit
def start_of_mask(row, size1, size2, s0, s1, s2):
    """Give where a row of a mask starts, whose leading axes are folded to three."""
    place = (row // (size1 * size2)).to(tl.int64) * s0
    return place + (row // size2 % size1).to(tl.int64) * s1 + (row % size2) * s2


@triton.jit
def taking_of(WHERE, start, col, step, inside, MASKED: tl.constexpr):
    """Tell which keys take part."""
    if MASKED:
        kept = tl.load(WHERE + start + col.to(tl.int64) * step, mask=inside, other=0)
        return inside & (kept != 0)
    else:
        return inside


@triton.jit
def scores_of(X, place, taking):
    """Read scores; what takes no part is never read, and scores -inf."""
    return tl.load(X + place, mask=taking, other=-INFINITY).to(tl.float32)


@triton.jit
def of_row(PARAMETER, number, row, n_rows, BY: tl.constexpr):
    """Give a parameter of each row, which is a number for all (1) or one a row (2)."""
    if BY == 2:
        return tl.load(PARAMETER + row, mask=row < n_rows, other=1.0)
    else:
        return number + tl.zeros_like(row).to(tl.float32)
