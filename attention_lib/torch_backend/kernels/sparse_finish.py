"""Sparse attention, forward, second: find the edge of each row, average the values.

Only listed tiles are read: the fast ones from the front of a list, the others from its
back.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_threshold import raised_by
from attention_lib.torch_backend.kernels.sparse_threshold import (
    distance,
    room,
    shares,
    sums,
)
from attention_lib.torch_backend.kernels.sparse_tiles import (
    COUNTS,
    column,
    of_head,
    queries_of,
    scored,
    shared_head,
)
from attention_lib.torch_backend.kernels.tiles import (
    finite_only,
    place,
    poison,
    read,
    write,
)

__all__ = ["finish", "spoil"]

INFINITY = tl.constexpr(float("inf"))
STEPS = tl.constexpr(60)  # more than any row has needed


@triton.jit
def _add(
    total, slopes, n, LIST, base, edge, t, given, sizes, rule, PART: tl.constexpr,
    shape: tl.constexpr,
):  # fmt: skip
    """Add up weights and slopes over listed tiles."""
    c = column(t.c, rule)
    for i in span(0, n):
        at = sizes.key_tiles - 1 - i if PART else i
        j = tl.load(LIST + at).to(tl.int32) * shape.N
        found = scored(j, t, given, sizes, rule, PART, shape)
        x = distance(found[0], base[:, None], edge[:, None], c, shape.FAMILY, PART)
        w, h = sums(x, c, shape.FAMILY)
        total += w
        slopes += h
    return total, slopes


@triton.jit
def _average(
    acc, total, n, LIST, base, edge, t, given, sizes, rule, PART: tl.constexpr,
    shape: tl.constexpr,
):  # fmt: skip
    """Add up the weighted values of listed tiles."""
    c = column(t.c, rule)
    for i in span(0, n):
        at = sizes.key_tiles - 1 - i if PART else i
        j = tl.load(LIST + at).to(tl.int32) * shape.N
        found = scored(j, t, given, sizes, rule, PART, shape)
        x = distance(found[0], base[:, None], edge[:, None], c, shape.FAMILY, PART)
        w = shares(x, c, shape.FAMILY)
        total += tl.sum(w, 1)
        values = read(
            t.V, j, sizes.keys, given.value.row, given.value.col, shape.N, shape.V,
            shape.V_PAD, not PART,
        )  # fmt: skip
        if PART:
            values = finite_only(values)  # `spoil` adds what the others bring
        acc = tl.dot(w.to(values.dtype), values, acc, input_precision="ieee")
    return acc, total


@triton.jit
def finish(given, out, TOP, EDGE, LIST, COUNT, sizes, rule, shape: tl.constexpr):
    """Raise the edges to where weights sum to one, then average the values."""
    tile, batch, head = place(sizes.query_tiles, sizes.heads, shape.CAUSAL)
    block = (batch * sizes.heads + head).to(tl.int64) * sizes.query_tiles + tile
    LIST += block * sizes.key_tiles
    COUNT += block * COUNTS
    n_fast, n_partly = tl.load(COUNT), tl.load(COUNT + 1)
    first = tile * shape.M
    t = queries_of(first, batch, head, given, sizes, rule, shape)
    base = tl.load(TOP + t.at, mask=t.inside, other=0.0)
    edge = tl.load(EDGE + t.at, mask=t.inside, other=INFINITY)
    i = 0
    while i < STEPS:
        total = tl.full([shape.M], 0.0, tl.float32)
        slopes = tl.full([shape.M], 0.0, tl.float32)
        total, slopes = _add(
            total, slopes, n_fast, LIST, base, edge, t, given, sizes, rule, False, shape
        )
        total, slopes = _add(
            total,
            slopes,
            n_partly,
            LIST,
            base,
            edge,
            t,
            given,
            sizes,
            rule,
            True,
            shape,
        )
        step = raised_by(total, slopes, t.c, shape.FAMILY)
        moving = (step > 0) & (step > rule.close * room(edge, t.c, shape.FAMILY))
        edge += step
        i += tl.where(tl.max(moving.to(tl.int32), 0) > 0, 1, STEPS)
    acc = tl.full([shape.M, shape.V_PAD], 0.0, tl.float32)
    total = tl.full([shape.M], 0.0, tl.float32)
    acc, total = _average(
        acc, total, n_fast, LIST, base, edge, t, given, sizes, rule, False, shape
    )
    acc, total = _average(
        acc, total, n_partly, LIST, base, edge, t, given, sizes, rule, True, shape
    )
    # Of a lost row, a key that scores -inf has no weight, nor perhaps any other.
    total = tl.where(edge == edge, tl.where(total == 0, 1.0, total), edge)
    tl.store(EDGE + t.at, edge, mask=t.inside)
    write(
        of_head(out, batch, head), acc / total[:, None], first, sizes.queries, out.row,
        out.col, shape.M, shape.V, shape.V_PAD,
    )  # fmt: skip


@triton.jit
def spoil(
    given, out, TOP, EDGE, FLAG, LIST, COUNT, sizes, rule, PARTS: tl.constexpr,
    shape: tl.constexpr,
):  # fmt: skip
    """Add the NaN and the infinities that values bring to the rows that see them.

    A kernel of its own, which ends at once where there are none: it would take
    registers from the other. A tile of keys is read in so many PARTS.
    """
    tile, batch, head = place(sizes.query_tiles, sizes.heads, False)
    block = (batch * sizes.heads + head).to(tl.int64) * sizes.query_tiles + tile
    if tl.load(COUNT + block * COUNTS + 2) > 0:
        LIST += block * sizes.key_tiles
        kv_heads = sizes.heads // sizes.group
        kv = (batch * kv_heads + shared_head(head, sizes)).to(tl.int64)
        FLAG += kv * sizes.key_tiles
        OUT = of_head(out, batch, head)
        first = tile * shape.M
        t = queries_of(first, batch, head, given, sizes, rule, shape)
        c = column(t.c, rule)
        base = tl.load(TOP + t.at, mask=t.inside, other=0.0)
        edge = tl.load(EDGE + t.at, mask=t.inside, other=INFINITY)
        acc = read(
            OUT, first, sizes.queries, out.row, out.col, shape.M, shape.V, shape.V_PAD,
            False,
        ).to(tl.float32)  # fmt: skip
        for i in span(0, PARTS * tl.load(COUNT + block * COUNTS + 1)):
            key_tile = tl.load(LIST + sizes.key_tiles - 1 - i // PARTS).to(tl.int32)
            if tl.load(FLAG + key_tile) != 0:
                j = (key_tile * PARTS + i % PARTS) * shape.N
                found = scored(j, t, given, sizes, rule, True, shape)
                x = distance(
                    found[0], base[:, None], edge[:, None], c, shape.FAMILY, True
                )
                values = read(
                    t.V, j, sizes.keys, given.value.row, given.value.col, shape.N,
                    shape.V, shape.V_PAD, False,
                )  # fmt: skip
                acc += poison(shares(x, c, shape.FAMILY), found[2], values)
        write(
            OUT, acc, first, sizes.queries, out.row, out.col, shape.M, shape.V,
            shape.V_PAD,
        )  # fmt: skip
