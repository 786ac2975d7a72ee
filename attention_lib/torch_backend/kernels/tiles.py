"""What the kernels of attention share: where a tile lies, and what of it takes part.

Arrays have the axes (batch, head, row, feature), any strides, and one offset a head in
64 bits. Rows beyond the last, features beyond the head's size and keys that take no
part are read as zeros or not at all.
"""

import triton
import triton.language as tl

__all__ = [
    "TANH_NEAR",
    "biased",
    "capped",
    "finite_only",
    "head_of",
    "hidden",
    "key_head",
    "place",
    "poison",
    "read",
    "visible",
    "write",
]

TANH_NEAR = tl.constexpr(0.3)  # below, ``1 - e^-2x`` loses digits


@triton.jit
def place(n_tiles, heads, BACKWARDS: tl.constexpr):
    """Give the tile, the batch and the head of a program; `BACKWARDS`: last first.

    All programs lie along the first axis of the grid, for the others end at 65,535.
    """
    at = tl.program_id(0)
    tile = at % n_tiles
    if BACKWARDS:  # of causal attention the last queries have most to do
        tile = n_tiles - 1 - tile
    head = at // n_tiles
    return tile, head // heads, head % heads


@triton.jit
def key_head(head, heads, group):
    """Give the head of keys that serves a head of queries, one of so many."""
    return head // group


@triton.jit
def head_of(A, batch, head, stride_batch, stride_head):
    """Give the first element of a head."""
    return A + batch.to(tl.int64) * stride_batch + head.to(tl.int64) * stride_head


@triton.jit
def _span(start, n, stride_row, stride_col, N: tl.constexpr, SIZE: tl.constexpr,
          PAD: tl.constexpr, WHOLE: tl.constexpr):  # fmt: skip
    """Give the offsets of a tile from its first row, and what of it there is."""
    row = tl.arange(0, N)
    col = tl.arange(0, PAD)
    at = row[:, None] * stride_row + col[None, :] * stride_col
    if WHOLE and SIZE == PAD:
        there = (row >= 0)[:, None]  # not read
    elif WHOLE:
        there = (col < SIZE)[None, :] & (row >= 0)[:, None]
    elif SIZE == PAD:
        there = (start + row < n)[:, None] & (col >= 0)[None, :]
    else:
        there = (start + row < n)[:, None] & (col < SIZE)[None, :]
    return at, there


@triton.jit
def read(A, start, n, stride_row, stride_col, N: tl.constexpr, SIZE: tl.constexpr,
         PAD: tl.constexpr, WHOLE: tl.constexpr):  # fmt: skip
    """Read N rows of a head from one on, SIZE features of each, zeros beyond.

    `WHOLE` says that all these rows are among the n that there are.
    """
    at, there = _span(start, n, stride_row, stride_col, N, SIZE, PAD, WHOLE)
    first = A + tl.cast(start, tl.int64) * stride_row
    if WHOLE and SIZE == PAD:
        tile = tl.load(first + at)
    else:
        tile = tl.load(first + at, mask=there, other=0.0)
    return tile


@triton.jit
def write(A, tile, start, n, stride_row, stride_col, N: tl.constexpr,
          SIZE: tl.constexpr, PAD: tl.constexpr):  # fmt: skip
    """Write the rows and features of a tile that there are."""
    at, there = _span(start, n, stride_row, stride_col, N, SIZE, PAD, False)
    first = A + tl.cast(start, tl.int64) * stride_row
    tl.store(first + at, tile.to(A.dtype.element_ty), mask=there)


@triton.jit
def visible(rows, cols, n_rows, n_keys, ahead, MASK, mask_row, mask_col,
            CAUSAL: tl.constexpr, MASKED: tl.constexpr):  # fmt: skip
    """Tell which pairs of a query and a key take part.

    `rows` and `cols` broadcast to the tile, in either order. The first query stands
    `ahead` places after the first key. `MASK` holds bytes, from its head's first on.
    """
    there = (rows < n_rows) & (cols < n_keys)
    if CAUSAL:
        there = there & (cols <= rows + ahead)
    if MASKED:
        at = rows.to(tl.int64) * mask_row + cols.to(tl.int64) * mask_col
        there = there & (tl.load(MASK + at, mask=there, other=0) != 0)
    return there


@triton.jit
def biased(scores, there, rows, cols, BIAS, bias_row, bias_col):
    """Add the additive mask, and tell which pairs still take part: not where -inf."""
    at = rows.to(tl.int64) * bias_row + cols.to(tl.int64) * bias_col
    bias = tl.load(BIAS + at, mask=there, other=-float("inf")).to(tl.float32)
    return scores + bias, there & (bias != -float("inf"))


@triton.jit
def hidden(scores, rows, cols, n_rows, n_keys, ahead, MASK, BIAS, mask_row, mask_col,
           bias_row, bias_col, CAUSAL: tl.constexpr, MASKED: tl.constexpr,
           BIASED: tl.constexpr):  # fmt: skip
    """Give scores with -inf where a pair takes no part, and which pairs do."""
    there = visible(
        rows, cols, n_rows, n_keys, ahead, MASK, mask_row, mask_col, CAUSAL, MASKED
    )
    if BIASED:
        scores, there = biased(scores, there, rows, cols, BIAS, bias_row, bias_col)
    return tl.where(there, scores, -float("inf")), there


@triton.jit
def capped(scores, cap):
    """Give ``cap tanh(scores / cap)``, and its slope."""
    x = scores / cap
    size = tl.abs(x)
    e = tl.exp2(size * -2.8853900817779268)  # 2 / ln 2
    far = (1 - e) / (1 + e)
    q = x * x
    series = -17 / 315 + q * (62 / 2835 - q * (1382 / 155925))
    near = size * (1 + q * (-1 / 3 + q * (2 / 15 + q * series)))
    size = tl.where(size < TANH_NEAR, near, far)
    return cap * tl.where(x < 0, -size, size), 1 - size * size


@triton.jit
def finite_only(tile):
    """Give zeros for what is NaN or infinite: its weight is zero, or `poison` adds it.

    A weight of zero times NaN would be NaN.
    """
    return tl.where(tl.abs(tile) < float("inf"), tile, 0.0).to(tile.dtype)


@triton.jit
def poison(weights, there, value):
    """Give what values that are NaN or infinite bring to the sums of their rows.

    The weights are at least zero. A key that takes part with a weight of zero makes NaN
    of an infinite value, as multiplication does. Only a tile that holds such a value
    needs this.
    """
    kind = value.dtype
    infinite = tl.abs(value) == float("inf")
    up = tl.where(weights > 0, 1.0, 0.0).to(kind)
    taking = tl.where(there, 1.0, 0.0).to(kind)
    none = tl.where(there & (weights == 0), 1.0, 0.0).to(kind)
    rising = tl.dot(up, (infinite & (value > 0)).to(kind), input_precision="tf32")
    falling = tl.dot(up, (infinite & (value < 0)).to(kind), input_precision="tf32")
    lost = tl.dot(taking, (value != value).to(kind), input_precision="tf32")
    lost += tl.dot(none, infinite.to(kind), input_precision="tf32")
    more = tl.where(rising > 0, float("inf"), 0.0)
    more += tl.where(falling > 0, -float("inf"), 0.0)
    return tl.where(lost > 0, float("nan"), more)
