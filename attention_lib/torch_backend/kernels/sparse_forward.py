"""Sparse attention, forward: bound the edge of each row, find it, average the values.

`start` goes over the keys twice. First it keeps the elementwise maximum over tiles of
keys: some of the row's scores, whose edge bounds that of the row from below. From that
edge it takes one step over all keys, and marks the tiles that hold some weight. `finish`
takes further steps over the listed tiles until no row moves, then averages the values.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_threshold import lowest, raised_by
from attention_lib.torch_backend.kernels.sparse_threshold import (
    distance,
    room,
    shares,
    sums,
)
from attention_lib.torch_backend.kernels.sparse_tiles import (
    COUNTS,
    FAST,
    PARTLY,
    of_head,
    scores_of,
    seen_keys,
)
from attention_lib.torch_backend.kernels.tiles import (
    finite_only,
    place,
    poison,
    read,
    write,
)

__all__ = ["alphas", "column", "finish", "spoil", "start"]

INFINITY = tl.constexpr(float("inf"))
COARSE_STEPS = tl.constexpr(16)  # a bound serves wherever the steps to it end
STEPS = tl.constexpr(60)  # more than any row has needed


@triton.jit
def alphas(rule, at, there):
    """Give ``alpha - 1``: a number, or one a row as a column."""
    if rule.by_row is None:
        return rule.c
    else:
        return tl.load(rule.by_row + at, mask=there, other=1.0)


@triton.jit
def column(c, rule):
    """Make a column of what is one a row."""
    if rule.by_row is None:
        return c
    else:
        return c[:, None]


@triton.jit
def _scores(
    j, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, PART: tl.constexpr,
    shape: tl.constexpr,
):  # fmt: skip
    """Score the tile of keys that begins with the j-th."""
    keys = read(K, j, sizes.keys, k.row, k.col, shape.N, shape.E, shape.E_PAD, not PART)
    product = tl.dot(queries, tl.trans(keys), input_precision=shape.PREC)
    cols = (j + tl.arange(0, shape.N))[None, :]
    s, slope, there = scores_of(
        product, rows[:, None], cols, MASK, BIAS, mask, bias, sizes, rule, shape.CAUSAL,
        PART,
    )  # fmt: skip
    return s, there


@triton.jit
def _tops(
    best, low, high, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule,
    PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Keep the largest score, or NaN, at each place of the tiles from one to another."""
    for j in span(low, high, shape.N):
        s, there = _scores(
            j, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, PART, shape
        )
        best = tl.maximum(best, s, propagate_nan=tl.PropagateNan.ALL)
    return best


@triton.jit
def coarse_edge(best, base, c, rule, shape: tl.constexpr):
    """Give an edge not above that of each row, from some of its scores."""
    edge = lowest(base, shape.FAMILY)
    i = 0
    while i < COARSE_STEPS:
        x = distance(
            best, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, False
        )
        total, slopes = sums(x, column(c, rule), shape.FAMILY)
        step = raised_by(total, slopes, c, shape.FAMILY)
        moving = (step > 0) & (step > rule.close * room(edge, c, shape.FAMILY))
        edge += step
        i += tl.where(tl.max(moving.to(tl.int32), 0) > 0, 1, COARSE_STEPS)
    return edge


@triton.jit
def _mark(
    total, slopes, kind, low, high, MARK, base, edge, c, queries, rows, K, k, MASK, BIAS,
    mask, bias, sizes, rule, PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up weights and slopes, and mark the tiles that hold some."""
    for j in span(low, high, shape.N):
        s, there = _scores(
            j, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, PART, shape
        )
        x = distance(
            s, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, PART
        )
        w, h = sums(x, column(c, rule), shape.FAMILY)
        total += w
        slopes += h
        # Every row that has weight sets the same mark: no exchange between warps.
        at = MARK + j // shape.N + tl.zeros_like(rows)
        tl.store(at, (tl.zeros_like(rows) + kind).to(tl.int8), mask=h != 0)
    return total, slopes


@triton.jit
def start(
    q, k, mask, bias, bounds, TOP, EDGE, MARK, sizes, rule, shape: tl.constexpr
):  # fmt: skip
    """Bound the edges from below, and mark the tiles that may hold weight."""
    tile, batch, head = place(sizes.query_tiles, sizes.heads, shape.CAUSAL)
    K = of_head(k, batch, head // sizes.group)
    MASK, BIAS = mask.first, bias.first
    if mask.first is not None:
        MASK = of_head(mask, batch, head)
    if bias.first is not None:
        BIAS = of_head(bias, batch, head)
    index = (batch * sizes.heads + head).to(tl.int64)
    MARK += (index * sizes.query_tiles + tile) * sizes.key_tiles
    first = tile * shape.M
    rows = first + tl.arange(0, shape.M)
    inside = rows < sizes.queries
    queries = read(
        of_head(q, batch, head), first, sizes.queries, q.row, q.col, shape.M, shape.E,
        shape.E_PAD, False,
    )  # fmt: skip
    at = index * sizes.queries + rows
    c = alphas(rule, at, inside)
    begin, fast, stop, some = seen_keys(first, rows, batch, head, bounds, sizes, shape)
    best = tl.full([shape.M, shape.N], -INFINITY, tl.float32)
    best = _tops(
        best, begin, fast, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, False,
        shape,
    )  # fmt: skip
    best = _tops(
        best, fast, stop, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, True,
        shape,
    )  # fmt: skip
    top = tl.max(best, 1)
    odd = tl.where((best != best) | (best == INFINITY), 1, 0)
    # A row without a score above -inf is lost if a key takes part, else zero.
    lost = (tl.max(odd, 1) > 0) | (some & (top == -INFINITY))
    base = tl.where(lost | (top == -INFINITY), 0.0, top)
    edge = coarse_edge(best, base, c, rule, shape)
    edge = tl.where(lost, float("nan"), tl.where(some, edge, INFINITY))
    total = tl.zeros([shape.M], tl.float32)
    slopes = tl.zeros([shape.M], tl.float32)
    kind = tl.where(first + shape.M <= sizes.queries, FAST, PARTLY)
    total, slopes = _mark(
        total, slopes, kind, begin, fast, MARK, base, edge, c, queries, rows, K, k, MASK, BIAS,
        mask, bias, sizes, rule, False, shape,
    )  # fmt: skip
    total, slopes = _mark(
        total, slopes, PARTLY, fast, stop, MARK, base, edge, c, queries, rows, K, k, MASK,
        BIAS, mask, bias, sizes, rule, True, shape,
    )  # fmt: skip
    edge += raised_by(total, slopes, c, shape.FAMILY)
    tl.store(TOP + at, base, mask=inside)
    tl.store(EDGE + at, edge, mask=inside)


@triton.jit
def _add(
    total, slopes, low, high, LIST, end, base, edge, c, queries, rows, K, k, MASK, BIAS,
    mask, bias, sizes, rule, PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up weights and slopes over listed tiles; those in PART lie at the end."""
    for i in span(low, high):
        j = tl.load(LIST + (end - 1 - i if PART else i)).to(tl.int32) * shape.N
        s, there = _scores(
            j, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, PART, shape
        )
        x = distance(
            s, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, PART
        )
        w, h = sums(x, column(c, rule), shape.FAMILY)
        total += w
        slopes += h
    return total, slopes


@triton.jit
def _average(
    acc, total, low, high, LIST, end, base, edge, c, queries, rows, K, k, V, v, MASK,
    BIAS, mask, bias, sizes, rule, PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up the weighted values of listed tiles."""
    for i in span(low, high):
        j = tl.load(LIST + (end - 1 - i if PART else i)).to(tl.int32) * shape.N
        s, there = _scores(
            j, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, PART, shape
        )
        x = distance(
            s, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, PART
        )
        w = shares(x, column(c, rule), shape.FAMILY)
        total += tl.sum(w, 1)
        values = read(
            V, j, sizes.keys, v.row, v.col, shape.N, shape.V, shape.V_PAD, not PART
        )
        if PART:
            values = finite_only(values)  # `spoil` adds what they bring
        acc = tl.dot(w.to(values.dtype), values, acc, input_precision=shape.PREC)
    return acc, total


@triton.jit
def finish(
    q, k, v, mask, bias, out, TOP, EDGE, LIST, COUNT, sizes, rule, shape: tl.constexpr
):  # fmt: skip
    """Raise the edges to where weights sum to one, then average the values."""
    tile, batch, head = place(sizes.query_tiles, sizes.heads, shape.CAUSAL)
    kv = head // sizes.group
    K, V = of_head(k, batch, kv), of_head(v, batch, kv)
    MASK, BIAS = mask.first, bias.first
    if mask.first is not None:
        MASK = of_head(mask, batch, head)
    if bias.first is not None:
        BIAS = of_head(bias, batch, head)
    index = (batch * sizes.heads + head).to(tl.int64)
    LIST += (index * sizes.query_tiles + tile) * sizes.key_tiles
    COUNT += (index * sizes.query_tiles + tile) * COUNTS
    n_fast, n_partly = tl.load(COUNT), tl.load(COUNT + 1)
    end = sizes.key_tiles
    first = tile * shape.M
    rows = first + tl.arange(0, shape.M)
    inside = rows < sizes.queries
    queries = read(
        of_head(q, batch, head), first, sizes.queries, q.row, q.col, shape.M, shape.E,
        shape.E_PAD, False,
    )  # fmt: skip
    at = index * sizes.queries + rows
    c = alphas(rule, at, inside)
    base = tl.load(TOP + at, mask=inside, other=0.0)
    edge = tl.load(EDGE + at, mask=inside, other=INFINITY)
    n = 0
    while n < STEPS:
        total = tl.zeros([shape.M], tl.float32)
        slopes = tl.zeros([shape.M], tl.float32)
        total, slopes = _add(
            total, slopes, 0, n_fast, LIST, end, base, edge, c, queries, rows, K, k, MASK,
            BIAS, mask, bias, sizes, rule, False, shape,
        )  # fmt: skip
        total, slopes = _add(
            total, slopes, 0, n_partly, LIST, end, base, edge, c, queries, rows, K, k, MASK,
            BIAS, mask, bias, sizes, rule, True, shape,
        )  # fmt: skip
        step = raised_by(total, slopes, c, shape.FAMILY)
        moving = (step > 0) & (step > rule.close * room(edge, c, shape.FAMILY))
        edge += step
        n += tl.where(tl.max(moving.to(tl.int32), 0) > 0, 1, STEPS)
    acc = tl.zeros([shape.M, shape.V_PAD], tl.float32)
    total = tl.zeros([shape.M], tl.float32)
    acc, total = _average(
        acc, total, 0, n_fast, LIST, end, base, edge, c, queries, rows, K, k, V, v,
        MASK, BIAS, mask, bias, sizes, rule, False, shape,
    )  # fmt: skip
    acc, total = _average(
        acc, total, 0, n_partly, LIST, end, base, edge, c, queries, rows, K, k, V, v,
        MASK, BIAS, mask, bias, sizes, rule, True, shape,
    )  # fmt: skip
    # Of a lost row, a key that scores -inf has no weight, nor perhaps any other.
    total = tl.where(edge == edge, tl.where(total == 0, 1.0, total), edge)
    acc = acc / total[:, None]
    tl.store(EDGE + at, edge, mask=inside)
    write(
        of_head(out, batch, head), acc, first, sizes.queries, out.row, out.col, shape.M,
        shape.V, shape.V_PAD,
    )  # fmt: skip


@triton.jit
def spoil(
    q, k, v, mask, bias, out, TOP, EDGE, FLAG, LIST, COUNT, sizes, rule,
    shape: tl.constexpr,
):  # fmt: skip
    """Add the NaN and the infinite numbers that values bring to the rows that see them."""
    tile, batch, head = place(sizes.query_tiles, sizes.heads, False)
    index = (batch * sizes.heads + head).to(tl.int64)
    COUNT += (index * sizes.query_tiles + tile) * COUNTS
    if tl.load(COUNT + 2) > 0:
        kv = head // sizes.group
        K, V = of_head(k, batch, kv), of_head(v, batch, kv)
        OUT = of_head(out, batch, head)
        MASK, BIAS = mask.first, bias.first
        if mask.first is not None:
            MASK = of_head(mask, batch, head)
        if bias.first is not None:
            BIAS = of_head(bias, batch, head)
        FLAG += (batch * (sizes.heads // sizes.group) + kv).to(
            tl.int64
        ) * sizes.key_tiles
        LIST += (index * sizes.query_tiles + tile) * sizes.key_tiles
        first = tile * shape.M
        rows = first + tl.arange(0, shape.M)
        inside = rows < sizes.queries
        queries = read(
            of_head(q, batch, head), first, sizes.queries, q.row, q.col, shape.M,
            shape.E, shape.E_PAD, False,
        )  # fmt: skip
        at = index * sizes.queries + rows
        c = alphas(rule, at, inside)
        base = tl.load(TOP + at, mask=inside, other=0.0)
        edge = tl.load(EDGE + at, mask=inside, other=INFINITY)
        acc = read(
            OUT, first, sizes.queries, out.row, out.col, shape.M, shape.V, shape.V_PAD,
            False,
        ).to(tl.float32)  # fmt: skip
        for i in span(0, tl.load(COUNT + 1)):
            key_tile = tl.load(LIST + sizes.key_tiles - 1 - i).to(tl.int32)
            if tl.load(FLAG + key_tile) != 0:
                j = key_tile * shape.N
                s, there = _scores(
                    j, queries, rows, K, k, MASK, BIAS, mask, bias, sizes, rule, True,
                    shape,
                )  # fmt: skip
                x = distance(
                    s, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, True
                )
                values = read(
                    V, j, sizes.keys, v.row, v.col, shape.N, shape.V, shape.V_PAD, False
                )
                acc += poison(shares(x, column(c, rule), shape.FAMILY), there, values)
        write(
            OUT, acc, first, sizes.queries, out.row, out.col, shape.M, shape.V,
            shape.V_PAD,
        )  # fmt: skip
