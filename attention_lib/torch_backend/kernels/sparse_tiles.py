"""What the kernels of sparse attention are given, and the scores of a tile."""

from typing import Any, NamedTuple

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.tiles import biased, capped, head_of, visible

__all__ = [
    "COUNTS",
    "FAST",
    "PARTLY",
    "Bounds",
    "Place",
    "Rule",
    "Shape",
    "Sizes",
    "of_head",
    "scores_of",
    "seen_keys",
]

# What a tile of scores is to later passes, which skip what has no mark: one that all
# takes part, or one of which some takes no part, or holds a NaN or an infinite number.
FAST = tl.constexpr(1)
PARTLY = tl.constexpr(2)
COUNTS = tl.constexpr(3)  # of a list: tiles that are fast, that are not, and flagged
INFINITY = tl.constexpr(float("inf"))


class Place(NamedTuple):
    """An array of four axes: its first element, or None, and its strides."""

    first: Any
    batch: int
    head: int
    row: int
    col: int


class Bounds(NamedTuple):
    """For each row of a mask the first key that takes part, and the end of the last."""

    first: Any
    end: Any
    batch: int
    head: int
    row: int


class Sizes(NamedTuple):
    """How many there are of queries, keys, tiles of each, and heads.

    Each head of keys serves `group` heads of queries.
    """

    queries: int
    keys: int
    query_tiles: int
    key_tiles: int
    heads: int
    group: int


class Rule(NamedTuple):
    """How products become scores, and scores weights.

    `c` is alpha - 1, or None where `by_row` holds one a row; `close` is the step of an
    edge, beside its room, that ends the search.
    """

    scale: float
    cap: Any
    c: Any
    by_row: Any
    close: float


class Shape(NamedTuple):
    """What a kernel is compiled for."""

    M: int  # queries of a tile
    N: int  # keys of a tile
    E: int  # features of queries and keys
    E_PAD: int
    V: int  # features of values
    V_PAD: int
    CAUSAL: bool
    MASKED: bool  # by a bool or by an additive mask
    FAMILY: int
    PREC: str  # of products of float32


@triton.jit
def of_head(a, batch, head):
    """Give the first element of a head."""
    return head_of(a.first, batch, head, a.batch, a.head)


@triton.jit
def seen_keys(start, rows, batch, head, bounds, sizes, shape: tl.constexpr):
    """Give from which key to which a tile of queries sees some, and the rows that do.

    Between the first and the second of three keys all rows see all; from there on to the
    third a test says.
    """
    some = rows < sizes.queries
    begin = 0 * start
    stop = begin + sizes.keys
    if shape.CAUSAL:
        stop = tl.minimum(stop, start + shape.M)
    if shape.MASKED:
        at = batch.to(tl.int64) * bounds.batch + head * bounds.head + rows * bounds.row
        first = tl.load(bounds.first + at, mask=some, other=sizes.keys)
        end = tl.load(bounds.end + at, mask=some, other=0)
        begin = tl.minimum(tl.min(first, 0), stop) // shape.N * shape.N
        stop = tl.minimum(stop, tl.max(end, 0))
        some = some & (first < end)
        if shape.CAUSAL:
            some = some & (first <= rows)
        fast = begin
    else:
        fast = stop // shape.N * shape.N
        if shape.CAUSAL:
            fast = tl.minimum(fast, (start + 1) // shape.N * shape.N)
    return begin, fast, stop, some


@triton.jit
def scores_of(
    product, rows, cols, MASK, BIAS, mask, bias, sizes, rule, CAUSAL: tl.constexpr,
    PART: tl.constexpr,
):  # fmt: skip
    """Give scores, the slope of their cap, and what of the tile takes part.

    What takes no part scores -inf. Of a tile that is not in PART all does.
    """
    s = product * rule.scale
    slope = 1.0
    if rule.cap is not None:
        s, slope = capped(s, rule.cap)
    there = (rows < sizes.queries) & (cols < sizes.keys)
    if PART:
        there = visible(
            rows, cols, sizes.queries, sizes.keys, 0, MASK, mask.row, mask.col, CAUSAL,
            mask.first is not None,
        )  # fmt: skip
        if bias.first is not None:
            s, there = biased(s, there, rows, cols, BIAS, bias.row, bias.col)
        s = tl.where(there, s, -INFINITY)
    return s, slope, there
