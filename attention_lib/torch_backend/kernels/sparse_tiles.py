"""What the kernels of sparse attention are given, and the scores of a tile."""

from typing import Any, NamedTuple

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.tiles import (
    capped,
    head_of,
    hidden,
    read,
)

__all__ = [
    "COUNTS",
    "FAST",
    "PARTLY",
    "Bounds",
    "Given",
    "Place",
    "Queries",
    "Rule",
    "Shape",
    "Sizes",
    "column",
    "of_head",
    "queries_of",
    "scored",
    "scores_of",
    "seen_keys",
    "shared_head",
]

# What a tile of scores is to later passes, which skip what has no mark: one of which
# all takes part, or one of which some does not, or that holds a NaN or infinity.
FAST = tl.constexpr(1)
PARTLY = tl.constexpr(2)
COUNTS = tl.constexpr(3)  # of a list: tiles that are fast, that are not, and flagged


class Place(NamedTuple):
    """An array of four axes: its first element, or None, and its strides."""

    first: Any
    batch: int
    head: int
    row: int
    col: int


class Given(NamedTuple):
    """The arrays of a call; the masks may be None."""

    query: Place
    key: Place
    value: Place
    mask: Place
    bias: Place


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

    Queries of float32 are multiplied by `inner` first, so that no product overflows
    which the scale would make small; products are by `outer`.

    `c` is alpha - 1, or None where `by_row` holds one a row; `close` is the step of an
    edge, beside its room, that ends the search.
    """

    inner: float
    outer: float
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
    WIDE: bool  # of float32, whose products are exact: "ieee"


class Queries(NamedTuple):
    """A tile of queries, and the heads of keys, values and masks that go with it.

    `at` is the place of each row among those of all heads, `c` its alpha - 1.
    """

    tile: Any
    rows: Any
    inside: Any
    at: Any
    c: Any
    K: Any
    V: Any
    MASK: Any
    BIAS: Any


@triton.jit
def of_head(a, batch, head):
    """Give the first element of a head."""
    return head_of(a.first, batch, head, a.batch, a.head)


@triton.jit
def shared_head(head, sizes):
    """Give the head of keys that serves a head of queries."""
    return head // sizes.group


@triton.jit
def column(c, rule):
    """Make a column of what is one a row."""
    if rule.by_row is None:
        return c
    else:
        return c[:, None]


@triton.jit
def queries_of(first, batch, head, given, sizes, rule, shape: tl.constexpr):
    """Read the tile of queries that begins with one."""
    kv = shared_head(head, sizes)
    K, V = of_head(given.key, batch, kv), of_head(given.value, batch, kv)
    MASK, BIAS = K, K  # not read
    if given.mask.first is not None:
        MASK = of_head(given.mask, batch, head)
    if given.bias.first is not None:
        BIAS = of_head(given.bias, batch, head)
    tile = read(
        of_head(given.query, batch, head), first, sizes.queries, given.query.row,
        given.query.col, shape.M, shape.E, shape.E_PAD, False,
    )  # fmt: skip
    if shape.WIDE:
        tile = tile * rule.inner
    rows = first + tl.arange(0, shape.M)
    inside = rows < sizes.queries
    at = (batch * sizes.heads + head).to(tl.int64) * sizes.queries + rows
    if rule.by_row is None:
        c = rule.c
    else:
        c = tl.load(rule.by_row + at, mask=inside, other=1.0)
    return Queries(tile, rows, inside, at, c, K, V, MASK, BIAS)


@triton.jit
def seen_keys(first, rows, batch, head, bounds, sizes, shape: tl.constexpr):
    """Give from which key to which a tile of queries sees some, and the rows that do.

    Between the first and the second of three keys all rows see all; from there on to
    the third a test says.
    """
    some = rows < sizes.queries
    begin = 0 * first
    stop = begin + sizes.keys
    if shape.CAUSAL:
        stop = tl.minimum(stop, first + shape.M)
    if shape.MASKED:
        at = batch.to(tl.int64) * bounds.batch + head * bounds.head + rows * bounds.row
        least = tl.load(bounds.first + at, mask=some, other=sizes.keys)
        end = tl.load(bounds.end + at, mask=some, other=0)
        begin = tl.minimum(tl.min(least, 0), stop) // shape.N * shape.N
        stop = tl.minimum(stop, tl.max(end, 0))
        some = some & (least < end)
        if shape.CAUSAL:
            some = some & (least <= rows)
        fast = begin
    else:
        fast = stop // shape.N * shape.N
        if shape.CAUSAL:
            fast = tl.minimum(fast, (first + 1) // shape.N * shape.N)
    return begin, fast, stop, some


@triton.jit
def scores_of(
    product, rows, cols, MASK, BIAS, given, sizes, rule, CAUSAL: tl.constexpr,
    PART: tl.constexpr,
):  # fmt: skip
    """Give scores, the slope of their cap, and what of the tile takes part.

    What takes no part scores -inf. Of a tile that is not in PART all does.
    """
    s = product * rule.outer
    slope = 1.0
    if rule.cap is not None:
        s, slope = capped(s, rule.cap)
    there = (rows < sizes.queries) & (cols < sizes.keys)
    if PART:
        s, there = hidden(
            s, rows, cols, sizes.queries, sizes.keys, 0, MASK, BIAS, given.mask.row,
            given.mask.col, given.bias.row, given.bias.col, CAUSAL,
            given.mask.first is not None, given.bias.first is not None,
        )  # fmt: skip
    return s, slope, there


@triton.jit
def scored(j, t, given, sizes, rule, PART: tl.constexpr, shape: tl.constexpr):
    """Score the tile of keys that begins with the j-th, for a tile of queries."""
    keys = read(
        t.K, j, sizes.keys, given.key.row, given.key.col, shape.N, shape.E, shape.E_PAD,
        not PART,
    )  # fmt: skip
    product = tl.dot(t.tile, tl.trans(keys), input_precision="ieee")
    cols = (j + tl.arange(0, shape.N))[None, :]
    s, slope, there = scores_of(
        product, t.rows[:, None], cols, t.MASK, t.BIAS, given, sizes, rule,
        shape.CAUSAL, PART,
    )  # fmt: skip
    return s, slope, there, keys
