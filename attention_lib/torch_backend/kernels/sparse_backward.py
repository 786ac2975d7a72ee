r"""Sparse attention, backward: the gradients in queries and alpha, then in keys, values.

With the slopes ``h = w^(1 - c)`` of the weights and the gradient ``g`` in each, that in
a score is ``h (g - mean)`` with ``mean = sum h g / sum h``, which is how the threshold
answers. Queries need ``sum h g k - mean sum h k``: so one pass over their keys finds the
mean as well, and a second kernel, which goes over the queries of each key, reads it.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_rules import derivative_in_alpha
from attention_lib.torch_backend.kernels.sparse_forward import alphas, column
from attention_lib.torch_backend.kernels.sparse_threshold import (
    distance,
    shares_and_slopes,
)
from attention_lib.torch_backend.kernels.sparse_tiles import (
    COUNTS,
    of_head,
    scores_of,
)
from attention_lib.torch_backend.kernels.tiles import finite_only, place, read, write

__all__ = ["to_keys", "to_queries"]

INFINITY = tl.constexpr(float("inf"))


@triton.jit
def centred(h, g, mean):
    """Give the gradient in scores: what has no slope has none, whatever it is worth."""
    return tl.where(h != 0, h * (g - mean), 0.0)


@triton.jit
def _to_queries(
    a, b, hg, hs, fg, fs, low, high, LIST, end, pulls, base, edge, c, queries, rows, K, k,
    V, v, MASK, BIAS, mask, bias, sizes, rule, IN_ALPHA: tl.constexpr,
    PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up what listed tiles of keys bring to the gradients of their queries."""
    for i in span(low, high):
        j = tl.load(LIST + (end - 1 - i if PART else i)).to(tl.int32) * shape.N
        keys = read(
            K, j, sizes.keys, k.row, k.col, shape.N, shape.E, shape.E_PAD, not PART
        )
        values = read(
            V, j, sizes.keys, v.row, v.col, shape.N, shape.V, shape.V_PAD, not PART
        )
        cols = (j + tl.arange(0, shape.N))[None, :]
        product = tl.dot(queries, tl.trans(keys), input_precision=shape.PREC)
        s, slope, there = scores_of(
            product, rows[:, None], cols, MASK, BIAS, mask, bias, sizes, rule,
            shape.CAUSAL, PART,
        )  # fmt: skip
        g = tl.dot(pulls, tl.trans(values), input_precision=shape.PREC)
        x = distance(
            s, base[:, None], edge[:, None], column(c, rule), shape.FAMILY, PART
        )
        w, h = shares_and_slopes(x, column(c, rule), shape.FAMILY)
        p = centred(h, g, 0.0)
        hg += tl.sum(p, 1)
        hs += tl.sum(h, 1)
        if IN_ALPHA:
            free = derivative_in_alpha(w, column(c, rule))
            fg += tl.sum(tl.where(free != 0, free * g, 0.0), 1)
            fs += tl.sum(free, 1)
        p, h = p * slope, h * slope
        if PART:
            keys = finite_only(keys)
        a = tl.dot(p.to(keys.dtype), keys, a, input_precision=shape.PREC)
        b = tl.dot(h.to(keys.dtype), keys, b, input_precision=shape.PREC)
    return a, b, hg, hs, fg, fs


@triton.jit
def to_queries(
    q, k, v, mask, bias, pull, in_q, TOP, EDGE, MEAN, IN_ALPHA, LIST, COUNT, sizes, rule,
    shape: tl.constexpr,
):  # fmt: skip
    """Give the gradient in a tile of queries, and the mean that centres each row."""
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
    first = tile * shape.M
    rows = first + tl.arange(0, shape.M)
    inside = rows < sizes.queries
    queries = read(
        of_head(q, batch, head), first, sizes.queries, q.row, q.col, shape.M, shape.E,
        shape.E_PAD, False,
    )  # fmt: skip
    pulls = read(
        of_head(pull, batch, head), first, sizes.queries, pull.row, pull.col, shape.M,
        shape.V, shape.V_PAD, False,
    )  # fmt: skip
    at = index * sizes.queries + rows
    c = alphas(rule, at, inside)
    base = tl.load(TOP + at, mask=inside, other=0.0)
    edge = tl.load(EDGE + at, mask=inside, other=INFINITY)
    a = tl.zeros([shape.M, shape.E_PAD], tl.float32)
    b = tl.zeros([shape.M, shape.E_PAD], tl.float32)
    hg = tl.zeros([shape.M], tl.float32)
    hs = tl.zeros([shape.M], tl.float32)
    fg = tl.zeros([shape.M], tl.float32)
    fs = tl.zeros([shape.M], tl.float32)
    a, b, hg, hs, fg, fs = _to_queries(
        a, b, hg, hs, fg, fs, 0, n_fast, LIST, sizes.key_tiles, pulls, base, edge, c,
        queries, rows, K, k, V, v, MASK, BIAS, mask, bias, sizes, rule,
        IN_ALPHA is not None, False, shape,
    )  # fmt: skip
    a, b, hg, hs, fg, fs = _to_queries(
        a, b, hg, hs, fg, fs, 0, n_partly, LIST, sizes.key_tiles, pulls, base, edge, c,
        queries, rows, K, k, V, v, MASK, BIAS, mask, bias, sizes, rule,
        IN_ALPHA is not None, True, shape,
    )  # fmt: skip
    mean = hg / tl.where(hs == 0, 1.0, hs)
    tl.store(MEAN + at, mean, mask=inside)
    if IN_ALPHA is not None:
        tl.store(IN_ALPHA + at, fg - mean * fs, mask=inside)
    write(
        of_head(in_q, batch, head), (a - mean[:, None] * b) * rule.scale, first,
        sizes.queries, in_q.row, in_q.col, shape.M, shape.E, shape.E_PAD,
    )  # fmt: skip


@triton.jit
def _to_keys(
    in_keys, in_values, low, high, LIST, end, keys, values, cols, Q, q, PULL, pull, C, TOP,
    EDGE, MEAN, MASK, BIAS, mask, bias, sizes, rule, PARTS: tl.constexpr,
    PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up what listed tiles of queries bring to the gradients of their keys.

    Each is read in so many PARTS. The scores lie with the keys along the rows.
    """
    M: tl.constexpr = shape.M // PARTS
    for i in span(low * PARTS, high * PARTS):
        place = i // PARTS
        tile = tl.load(LIST + (end - 1 - place if PART else place)).to(tl.int32)
        first = tile * shape.M + i % PARTS * M
        rows = first + tl.arange(0, M)
        inside = rows < sizes.queries
        queries = read(
            Q, first, sizes.queries, q.row, q.col, M, shape.E, shape.E_PAD, not PART
        )
        pulls = read(
            PULL, first, sizes.queries, pull.row, pull.col, M, shape.V, shape.V_PAD,
            not PART,
        )  # fmt: skip
        base = tl.load(TOP + rows, mask=inside, other=0.0)
        edge = tl.load(EDGE + rows, mask=inside, other=INFINITY)
        mean = tl.load(MEAN + rows, mask=inside, other=0.0)
        if rule.by_row is None:
            c = rule.c
        else:
            c = tl.load(C + rows, mask=inside, other=1.0)[None, :]
        product = tl.dot(keys, tl.trans(queries), input_precision=shape.PREC)
        s, slope, there = scores_of(
            product, rows[None, :], cols[:, None], MASK, BIAS, mask, bias, sizes, rule,
            shape.CAUSAL, PART,
        )  # fmt: skip
        g = tl.dot(values, tl.trans(pulls), input_precision=shape.PREC)
        x = distance(s, base[None, :], edge[None, :], c, shape.FAMILY, PART)
        w, h = shares_and_slopes(x, c, shape.FAMILY)
        pulled = centred(h, g, mean[None, :]) * slope
        if PART:
            queries = finite_only(queries)
        in_values = tl.dot(
            w.to(pulls.dtype), pulls, in_values, input_precision=shape.PREC
        )
        in_keys = tl.dot(
            pulled.to(queries.dtype), queries, in_keys, input_precision=shape.PREC
        )
    return in_keys, in_values


@triton.jit
def to_keys(
    q, k, v, mask, bias, pull, in_k, in_v, TOP, EDGE, MEAN, LIST, COUNT, sizes, rule,
    PARTS: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Give the gradients in a tile of keys and values, of all queries that share it."""
    tile, batch, kv = place(sizes.key_tiles, sizes.heads // sizes.group, False)
    first = tile * shape.N
    cols = first + tl.arange(0, shape.N)
    keys = read(
        of_head(k, batch, kv), first, sizes.keys, k.row, k.col, shape.N, shape.E,
        shape.E_PAD, False,
    )  # fmt: skip
    values = read(
        of_head(v, batch, kv), first, sizes.keys, v.row, v.col, shape.N, shape.V,
        shape.V_PAD, False,
    )  # fmt: skip
    in_keys = tl.zeros([shape.N, shape.E_PAD], tl.float32)
    in_values = tl.zeros([shape.N, shape.V_PAD], tl.float32)
    for member in span(0, sizes.group):
        head = kv * sizes.group + member
        MASK, BIAS, C = mask.first, bias.first, rule.by_row
        index = (batch * sizes.heads + head).to(tl.int64)
        if mask.first is not None:
            MASK = of_head(mask, batch, head)
        if bias.first is not None:
            BIAS = of_head(bias, batch, head)
        if rule.by_row is not None:
            C = rule.by_row + index * sizes.queries
        Q, PULL = of_head(q, batch, head), of_head(pull, batch, head)
        block = index * sizes.key_tiles + tile
        n_fast = tl.load(COUNT + COUNTS * block)
        n_partly = tl.load(COUNT + COUNTS * block + 1)
        rows = index * sizes.queries
        in_keys, in_values = _to_keys(
            in_keys, in_values, 0, n_fast, LIST + block * sizes.query_tiles,
            sizes.query_tiles, keys, values, cols, Q, q, PULL, pull, C, TOP + rows,
            EDGE + rows, MEAN + rows, MASK, BIAS, mask, bias, sizes, rule, PARTS, False,
            shape,
        )  # fmt: skip
        in_keys, in_values = _to_keys(
            in_keys, in_values, 0, n_partly, LIST + block * sizes.query_tiles,
            sizes.query_tiles, keys, values, cols, Q, q, PULL, pull, C, TOP + rows,
            EDGE + rows, MEAN + rows, MASK, BIAS, mask, bias, sizes, rule, PARTS, True,
            shape,
        )  # fmt: skip
    write(
        of_head(in_k, batch, kv), in_keys * rule.scale, first, sizes.keys, in_k.row,
        in_k.col, shape.N, shape.E, shape.E_PAD,
    )  # fmt: skip
    write(
        of_head(in_v, batch, kv), in_values, first, sizes.keys, in_v.row, in_v.col,
        shape.N, shape.V, shape.V_PAD,
    )  # fmt: skip
