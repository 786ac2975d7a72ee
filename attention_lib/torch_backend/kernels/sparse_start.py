"""Sparse attention, forward, first: bound the edge of each row, and mark its tiles.

The largest scores at each place of the tiles of keys are some of a row's scores, and
their edge bounds that of the row from below. To find them takes no exchange within a
row. From that edge one step is taken over all keys, and the tiles that hold some weight
are marked: as the edge only rises, no others can.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_threshold import lowest, raised_by
from attention_lib.torch_backend.kernels.sparse_threshold import distance, room, sums
from attention_lib.torch_backend.kernels.sparse_tiles import (
    FAST,
    PARTLY,
    column,
    queries_of,
    scored,
    seen_keys,
)
from attention_lib.torch_backend.kernels.tiles import place

__all__ = ["coarse_edge", "start"]

INFINITY = tl.constexpr(float("inf"))
STEPS = tl.constexpr(16)  # a bound serves wherever the steps to it end


@triton.jit
def _tops(
    best, low, high, t, given, sizes, rule, PART: tl.constexpr, shape: tl.constexpr
):
    """Keep the largest score, or NaN, at each place of the tiles between two keys."""
    for j in span(low, high, shape.N):
        found = scored(j, t, given, sizes, rule, PART, shape)
        best = tl.maximum(best, found[0], propagate_nan=tl.PropagateNan.ALL)
    return best


@triton.jit
def coarse_edge(best, base, c, rule, shape: tl.constexpr):
    """Give an edge not above that of each row, from some of its scores."""
    edge = lowest(base, shape.FAMILY)
    i = 0
    while i < STEPS:
        x = distance(
            best, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, False
        )
        total, slopes = sums(x, column(c, rule), shape.FAMILY)
        step = raised_by(total, slopes, c, shape.FAMILY)
        moving = (step > 0) & (step > rule.close * room(edge, c, shape.FAMILY))
        edge += step
        i += tl.where(tl.max(moving.to(tl.int32), 0) > 0, 1, STEPS)
    return edge


@triton.jit
def _mark(
    total, slopes, kind, low, high, MARK, base, edge, t, given, sizes, rule,
    PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up weights and slopes, and mark the tiles that hold some."""
    c = column(t.c, rule)
    for j in span(low, high, shape.N):
        found = scored(j, t, given, sizes, rule, PART, shape)
        x = distance(found[0], base[:, None], edge[:, None], c, shape.FAMILY, PART)
        w, h = sums(x, c, shape.FAMILY)
        total += w
        slopes += h
        # Every row that has weight sets the same mark: no exchange between warps.
        at = MARK + j // shape.N + tl.zeros_like(t.rows)
        tl.store(at, (tl.zeros_like(t.rows) + kind).to(tl.int8), mask=h != 0)
    return total, slopes


@triton.jit
def start(given, bounds, TOP, EDGE, MARK, sizes, rule, shape: tl.constexpr):
    """Bound the edges from below, and mark the tiles that may hold weight."""
    tile, batch, head = place(sizes.query_tiles, sizes.heads, shape.CAUSAL)
    first = tile * shape.M
    t = queries_of(first, batch, head, given, sizes, rule, shape)
    MARK += (
        (batch * sizes.heads + head).to(tl.int64) * sizes.query_tiles + tile
    ) * sizes.key_tiles
    begin, fast, stop, some = seen_keys(
        first, t.rows, batch, head, bounds, sizes, shape
    )
    best = tl.full([shape.M, shape.N], -INFINITY, tl.float32)
    best = _tops(best, begin, fast, t, given, sizes, rule, False, shape)
    best = _tops(best, fast, stop, t, given, sizes, rule, True, shape)
    top = tl.max(best, 1)
    odd = tl.where((best != best) | (best == INFINITY), 1, 0)
    # A row without a score above -inf is lost if a key takes part, else zero.
    lost = (tl.max(odd, 1) > 0) | (some & (top == -INFINITY))
    base = tl.where(lost | (top == -INFINITY), 0.0, top)
    edge = coarse_edge(best, base, t.c, rule, shape)
    edge = tl.where(lost, float("nan"), tl.where(some, edge, INFINITY))
    total = tl.full([shape.M], 0.0, tl.float32)
    slopes = tl.full([shape.M], 0.0, tl.float32)
    kind = tl.where(first + shape.M <= sizes.queries, FAST, PARTLY)
    total, slopes = _mark(
        total, slopes, kind, begin, fast, MARK, base, edge, t, given, sizes, rule,
        False, shape,
    )  # fmt: skip
    total, slopes = _mark(
        total, slopes, PARTLY, fast, stop, MARK, base, edge, t, given, sizes, rule,
        True, shape,
    )  # fmt: skip
    edge += raised_by(total, slopes, t.c, shape.FAMILY)
    tl.store(TOP + t.at, base, mask=t.inside)
    tl.store(EDGE + t.at, edge, mask=t.inside)
