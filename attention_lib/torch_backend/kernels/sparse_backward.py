r"""Sparse attention, backward: gradients in queries and alpha, then in keys and values.

With the slopes ``h = w^(1 - c)`` of the weights and the gradient ``g`` in each, that in
a score is ``h (g - mean)`` with ``mean = sum h g / sum h``, by which the threshold
answers. A query needs ``sum h g k - mean sum h k``: so one pass over its keys finds the
mean as well, and the second kernel, which goes over the queries of each key, reads it.
"""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.row_rules import derivative_in_alpha
from attention_lib.torch_backend.kernels.sparse_threshold import (
    distance,
    shares_and_slopes,
)
from attention_lib.torch_backend.kernels.sparse_tiles import (
    COUNTS,
    column,
    of_head,
    queries_of,
    scored,
    scores_of,
)
from attention_lib.torch_backend.kernels.tiles import finite_only, place, read, write

__all__ = ["to_keys", "to_queries"]

INFINITY = tl.constexpr(float("inf"))


@triton.jit
def centred(h, g, mean):
    """Give the gradient in scores: without a slope none, whatever the values are."""
    return tl.where(h != 0, h * (g - mean), 0.0)


@triton.jit
def mean_of(pulled, slopes):
    """Give the mean pull at the keys of a row, by which its threshold answers."""
    return pulled / tl.where(slopes == 0, 1.0, slopes)


@triton.jit
def _to_queries(
    a, b, hg, hs, fg, fs, n, LIST, pulls, base, edge, t, given, sizes, rule,
    IN_ALPHA: tl.constexpr, PART: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Add up what listed tiles of keys bring to the gradients of their queries."""
    c = column(t.c, rule)
    for i in span(0, n):
        at = sizes.key_tiles - 1 - i if PART else i
        j = tl.load(LIST + at).to(tl.int32) * shape.N
        found = scored(j, t, given, sizes, rule, PART, shape)
        slope, keys = found[1], found[3]
        values = read(
            t.V, j, sizes.keys, given.value.row, given.value.col, shape.N, shape.V,
            shape.V_PAD, not PART,
        )  # fmt: skip
        g = tl.dot(pulls, tl.trans(values), input_precision="ieee")
        x = distance(found[0], base[:, None], edge[:, None], c, shape.FAMILY, PART)
        w, h = shares_and_slopes(x, c, shape.FAMILY)
        p = centred(h, g, 0.0)
        hg += tl.sum(p, 1)
        hs += tl.sum(h, 1)
        if IN_ALPHA:
            free = derivative_in_alpha(w, c)
            fg += tl.sum(tl.where(free != 0, free * g, 0.0), 1)
            fs += tl.sum(free, 1)
        p, h = p * slope, h * slope
        if PART:
            keys = finite_only(keys)
        a = tl.dot(p.to(keys.dtype), keys, a, input_precision="ieee")
        b = tl.dot(h.to(keys.dtype), keys, b, input_precision="ieee")
    return a, b, hg, hs, fg, fs


@triton.jit
def to_queries(
    given, pull, in_query, TOP, EDGE, MEAN, IN_ALPHA, LIST, COUNT, sizes, rule,
    shape: tl.constexpr,
):  # fmt: skip
    """Give the gradient in a tile of queries, and the mean that centres each row."""
    tile, batch, head = place(sizes.query_tiles, sizes.heads, shape.CAUSAL)
    block = (batch * sizes.heads + head).to(tl.int64) * sizes.query_tiles + tile
    LIST += block * sizes.key_tiles
    COUNT += block * COUNTS
    n_fast, n_partly = tl.load(COUNT), tl.load(COUNT + 1)
    first = tile * shape.M
    t = queries_of(first, batch, head, given, sizes, rule, shape)
    pulls = read(
        of_head(pull, batch, head), first, sizes.queries, pull.row, pull.col, shape.M,
        shape.V, shape.V_PAD, False,
    )  # fmt: skip
    base = tl.load(TOP + t.at, mask=t.inside, other=0.0)
    edge = tl.load(EDGE + t.at, mask=t.inside, other=INFINITY)
    a = tl.full([shape.M, shape.E_PAD], 0.0, tl.float32)
    b = tl.full([shape.M, shape.E_PAD], 0.0, tl.float32)
    hg = tl.full([shape.M], 0.0, tl.float32)
    hs = tl.full([shape.M], 0.0, tl.float32)
    fg = tl.full([shape.M], 0.0, tl.float32)
    fs = tl.full([shape.M], 0.0, tl.float32)
    a, b, hg, hs, fg, fs = _to_queries(
        a, b, hg, hs, fg, fs, n_fast, LIST, pulls, base, edge, t, given, sizes, rule,
        IN_ALPHA is not None, False, shape,
    )  # fmt: skip
    a, b, hg, hs, fg, fs = _to_queries(
        a, b, hg, hs, fg, fs, n_partly, LIST, pulls, base, edge, t, given, sizes, rule,
        IN_ALPHA is not None, True, shape,
    )  # fmt: skip
    mean = mean_of(hg, hs)
    tl.store(MEAN + t.at, mean, mask=t.inside)
    if IN_ALPHA is not None:
        tl.store(IN_ALPHA + t.at, fg - mean * fs, mask=t.inside)
    dq = a - mean[:, None] * b
    write(
        of_head(in_query, batch, head), dq * (rule.inner * rule.outer), first,
        sizes.queries, in_query.row, in_query.col, shape.M, shape.E, shape.E_PAD,
    )  # fmt: skip


@triton.jit
def _to_keys(
    in_keys, in_values, n, LIST, keys, values, cols, batch, head, given, pull, TOP,
    EDGE, MEAN, sizes, rule, PARTS: tl.constexpr, PART: tl.constexpr,
    shape: tl.constexpr,
):  # fmt: skip
    """Add up what listed tiles of queries bring to the gradients of their keys.

    Each is read in so many PARTS. The scores lie with the keys along the rows.
    """
    M: tl.constexpr = shape.M // PARTS
    Q, PULL = of_head(given.query, batch, head), of_head(pull, batch, head)
    MASK, BIAS = Q, Q  # not read
    if given.mask.first is not None:
        MASK = of_head(given.mask, batch, head)
    if given.bias.first is not None:
        BIAS = of_head(given.bias, batch, head)
    start = (batch * sizes.heads + head).to(tl.int64) * sizes.queries
    for i in span(0, n * PARTS):
        at = sizes.query_tiles - 1 - i // PARTS if PART else i // PARTS
        first = tl.load(LIST + at).to(tl.int32) * shape.M + i % PARTS * M
        rows = first + tl.arange(0, M)
        inside = rows < sizes.queries
        queries = read(
            Q, first, sizes.queries, given.query.row, given.query.col, M, shape.E,
            shape.E_PAD, not PART,
        )  # fmt: skip
        pulls = read(
            PULL, first, sizes.queries, pull.row, pull.col, M, shape.V, shape.V_PAD,
            not PART,
        )  # fmt: skip
        base = tl.load(TOP + start + rows, mask=inside, other=0.0)
        edge = tl.load(EDGE + start + rows, mask=inside, other=INFINITY)
        mean = tl.load(MEAN + start + rows, mask=inside, other=0.0)
        if rule.by_row is None:
            c = rule.c
        else:
            c = tl.load(rule.by_row + start + rows, mask=inside, other=1.0)[None, :]
        product = tl.dot(keys, tl.trans(queries), input_precision="ieee")
        s, slope, _ = scores_of(
            product, rows[None, :], cols[:, None], MASK, BIAS, given, sizes, rule,
            shape.CAUSAL, PART,
        )  # fmt: skip
        g = tl.dot(values, tl.trans(pulls), input_precision="ieee")
        x = distance(s, base[None, :], edge[None, :], c, shape.FAMILY, PART)
        w, h = shares_and_slopes(x, c, shape.FAMILY)
        p = centred(h, g, mean[None, :]) * slope
        if PART:
            queries = finite_only(queries)
        in_values = tl.dot(w.to(pulls.dtype), pulls, in_values, input_precision="ieee")
        in_keys = tl.dot(p.to(queries.dtype), queries, in_keys, input_precision="ieee")
    return in_keys, in_values


@triton.jit
def to_keys(
    given, pull, in_key, in_value, TOP, EDGE, MEAN, LIST, COUNT, sizes, rule,
    PARTS: tl.constexpr, shape: tl.constexpr,
):  # fmt: skip
    """Give the gradients in a tile of keys and values, of all queries that share it."""
    tile, batch, kv = place(sizes.key_tiles, sizes.heads // sizes.group, False)
    first = tile * shape.N
    cols = first + tl.arange(0, shape.N)
    keys = read(
        of_head(given.key, batch, kv), first, sizes.keys, given.key.row, given.key.col,
        shape.N, shape.E, shape.E_PAD, False,
    )  # fmt: skip
    if shape.WIDE:  # here the keys, once, in place of the queries
        keys = keys * rule.inner
    values = read(
        of_head(given.value, batch, kv), first, sizes.keys, given.value.row,
        given.value.col, shape.N, shape.V, shape.V_PAD, False,
    )  # fmt: skip
    in_keys = tl.full([shape.N, shape.E_PAD], 0.0, tl.float32)
    in_values = tl.full([shape.N, shape.V_PAD], 0.0, tl.float32)
    for member in span(0, sizes.group):
        head = kv * sizes.group + member
        block = (batch * sizes.heads + head).to(tl.int64) * sizes.key_tiles + tile
        listed, counts = LIST + block * sizes.query_tiles, COUNT + block * COUNTS
        in_keys, in_values = _to_keys(
            in_keys, in_values, tl.load(counts), listed, keys, values,
            cols, batch, head, given, pull, TOP, EDGE, MEAN, sizes, rule, PARTS, False,
            shape,
        )  # fmt: skip
        in_keys, in_values = _to_keys(
            in_keys, in_values, tl.load(counts + 1), listed, keys, values,
            cols, batch, head, given, pull, TOP, EDGE, MEAN, sizes, rule, PARTS, True,
            shape,
        )  # fmt: skip
    write(
        of_head(in_key, batch, kv), in_keys * (rule.inner * rule.outer), first,
        sizes.keys, in_key.row, in_key.col, shape.N, shape.E, shape.E_PAD,
    )  # fmt: skip
    write(
        of_head(in_value, batch, kv), in_values, first, sizes.keys, in_value.row,
        in_value.col, shape.N, shape.V, shape.V_PAD,
    )  # fmt: skip
