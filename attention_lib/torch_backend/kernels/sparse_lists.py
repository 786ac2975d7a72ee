"""Which tiles of keys a tile of queries has weight in, and the other way round."""

import triton
import triton.language as tl

from attention_lib.torch_backend.kernels.loops import span
from attention_lib.torch_backend.kernels.sparse_tiles import (
    COUNTS,
    FAST,
    PARTLY,
    of_head,
    shared_head,
)
from attention_lib.torch_backend.kernels.tiles import place, read

__all__ = ["flag_tiles", "list_tiles"]


@triton.jit
def _odd(tile):
    """Tell whether a tile holds a NaN or an infinite number."""
    return tl.max(tl.where(tl.abs(tile.to(tl.float32)) < float("inf"), 0, 1))


@triton.jit
def flag_tiles(given, FLAG, sizes, rule, shape: tl.constexpr):
    """Flag the tiles whose keys or values hold a NaN or an infinite number."""
    tile, batch, kv = place(sizes.key_tiles, sizes.heads // sizes.group, False)
    keys = read(
        of_head(given.key, batch, kv), tile * shape.N, sizes.keys, given.key.row,
        given.key.col, shape.N, shape.E, shape.E_PAD, False,
    )  # fmt: skip
    values = read(
        of_head(given.value, batch, kv), tile * shape.N, sizes.keys, given.value.row,
        given.value.col, shape.N, shape.V, shape.V_PAD, False,
    )  # fmt: skip
    odd = tl.maximum(_odd(keys), _odd(values))
    tl.store(FLAG + tl.program_id(0), odd.to(tl.int8))


@triton.jit
def list_tiles(
    MARK, FLAG, LIST, COUNT, sizes, BACK: tl.constexpr, BLOCK: tl.constexpr,
    shape: tl.constexpr,
):  # fmt: skip
    """List the marked tiles of keys of a tile of queries, or if BACK the reverse.

    The fast ones are listed from the front, the others from the back; COUNT holds how
    many there are of each, and of flagged ones. A flagged tile is marked wherever
    causality lets it be seen, with weight or without: multiplication makes NaN of it.
    """
    n_own, n_other = sizes.query_tiles, sizes.key_tiles
    if BACK:
        n_own, n_other = sizes.key_tiles, sizes.query_tiles
    own, batch, head = place(n_own, sizes.heads, False)
    index = (batch * sizes.heads + head).to(tl.int64)
    MARK += index * sizes.query_tiles * sizes.key_tiles
    if FLAG is not None:
        kv = batch * (sizes.heads // sizes.group) + shared_head(head, sizes)
        FLAG += kv.to(tl.int64) * sizes.key_tiles
    LIST += (index * n_own + own) * n_other
    n_fast = 0
    n_partly = 0
    n_flagged = 0
    for first in span(0, n_other, BLOCK):
        other = first + tl.arange(0, BLOCK)
        there = other < n_other
        query_tile, key_tile = own + 0 * other, other
        if BACK:
            query_tile, key_tile = other, own + 0 * other
        at = query_tile.to(tl.int64) * sizes.key_tiles + key_tile
        mark = tl.load(MARK + at, mask=there, other=0).to(tl.int32)
        if FLAG is not None:
            flag = tl.load(FLAG + key_tile, mask=there, other=0) > 0
            if shape.CAUSAL:
                flag = flag & (key_tile * shape.N < (query_tile + 1) * shape.M)
            mark = tl.where(flag, PARTLY, mark)
            n_flagged += tl.sum(flag.to(tl.int32), 0)
            tl.store(MARK + at, mark.to(tl.int8), mask=flag)
        fast, partly = (mark == FAST).to(tl.int32), (mark == PARTLY).to(tl.int32)
        up = n_fast + tl.cumsum(fast, 0) - 1
        down = n_other - n_partly - tl.cumsum(partly, 0)
        spot = tl.where(mark == FAST, up, down)
        tl.store(LIST + spot, other.to(LIST.dtype.element_ty), mask=mark > 0)
        n_fast += tl.sum(fast, 0)
        n_partly += tl.sum(partly, 0)
    COUNT += (index * n_own + own) * COUNTS
    tl.store(COUNT, n_fast)
    tl.store(COUNT + 1, n_partly)
    tl.store(COUNT + 2, n_flagged)
