"""Tiles, warps and stages of sparse attention, and what each launch of a call takes."""

from typing import NamedTuple

import torch
import triton

from attention_lib.torch_backend.kernels import row_rules as rules
from attention_lib.torch_backend.kernels.arrays import padded, strides
from attention_lib.torch_backend.kernels.bounds import bounds_of
from attention_lib.torch_backend.kernels.device import INTERPRETED
from attention_lib.torch_backend.kernels.sparse_lists import list_tiles
from attention_lib.torch_backend.kernels.sparse_tiles import (
    COUNTS,
    Bounds,
    Given,
    Place,
    Rule,
    Shape,
    Sizes,
)

__all__ = ["Launch", "Tiles", "tiles_of"]

LEAST_SHARED = 101_376  # bytes that a program may have on any card that is served
LEAST_KEYS = 16  # of a tile, for products
SHORT = 2**15  # up to so many tiles two bytes hold the number of each
LISTED = 1024  # tiles that are listed at once
# Steps of the edge, beside its room, that end the search. Newton's steps square what
# is left, up to an alpha of 1.5; those of sparsemax end all at once.
CLOSE = {2: 1e-6, 1.5: 1e-4}
CLOSE_IN_HALVES = {2: 2e-4, 1.5: 1e-3}


class Tiles(NamedTuple):
    """The tiles that all kernels of a call share, their warps and stages.

    The way back to keys reads a tile of queries in so many `parts`. The largest kernel
    takes so much `shared` memory; `since` is the first capability that they are for.
    """

    queries: int
    keys: int
    parts: int
    warps: int
    stages: int
    shared: int = 0
    since: int = 8


SMALL = Tiles(16, 16, 1, 4, 1)  # for the interpreter, in which only the tests run
# By bytes of a number, and the larger of the padded sizes of keys and values. Of 16
# bits 64 by 64 was the fastest on an H200; the others, and warps before Hopper, have
# only been compiled, where these spilled least.
TILES = {
    (2, 64): (
        Tiles(64, 64, 2, 4, 2, 49_152, since=9),
        Tiles(64, 64, 2, 8, 2, 49_152),
    ),
    (2, 128): (Tiles(64, 64, 2, 8, 2, 73_728),),
    (2, 256): (Tiles(32, 32, 1, 8, 1, 81_920),),
    (4, 64): (Tiles(32, 32, 1, 4, 2, 49_536),),
    (4, 128): (Tiles(32, 32, 1, 8, 1, 73_728),),
    (4, 256): (Tiles(16, 16, 1, 8, 1, 73_728),),
}


def tiles_of(like, size):
    """Choose the tiles for tensors like one, of so many padded features."""
    if INTERPRETED:
        return SMALL
    choices = TILES[like.element_size(), max(size, 64)]
    if not like.is_cuda:  # to be compiled, not run
        return choices[0]
    found = torch.cuda.get_device_properties(like.device)
    room = getattr(found, "shared_memory_per_block_optin", LEAST_SHARED)
    for tiles in choices:
        if tiles.since <= found.major and tiles.shared <= room:
            return tiles
    return choices[-1]


class Launch:
    """What the launches of one call are given: places, sizes, the rule, the shape."""

    def __init__(
        self,
        query,
        key,
        value,
        mask,
        bias,
        cs,
        c,
        family,
        group,
        causal,
        scale,
        softcap,
    ):
        batch, heads, n_q, width = query.shape
        n_k, v_width = value.shape[-2:]
        pad, v_pad = padded(width), padded(v_width)
        near = family == rules.NEAR_ONE.value
        tiles = tiles_of(query, max(pad, v_pad))
        if near:  # its powers, and the gradient in alpha, take more registers
            tiles = tiles._replace(warps=8, queries=min(tiles.queries, 32))
        self.tiles = tiles
        counts = triton.cdiv(n_q, tiles.queries), triton.cdiv(n_k, tiles.keys)
        self.sizes = Sizes(n_q, n_k, *counts, heads, group)
        self.batch, self.heads, self.kv_heads = batch, heads, heads // group
        self.given = Given(*map(place_of, (query, key, value, mask, bias)))
        self.mask = mask if bias is None else bias
        close = CLOSE if query.dtype == torch.float32 else CLOSE_IN_HALVES
        close = close[2 if near or c > 0.5 else 1.5]
        number = c if cs is None else None
        wide = query.dtype == torch.float32
        inner, outer = (scale, 1.0) if wide and abs(scale) <= 1 else (1.0, scale)
        self.rule = Rule(inner, outer, softcap, number, cs, close)
        self.shape = Shape(
            tiles.queries, tiles.keys, width, pad, v_width, v_pad, causal,
            self.mask is not None, family, wide,
        )  # fmt: skip

    def per_query(self, kernel, *more, **constants):
        """Start a program for each tile of queries of each head."""
        programs = self.batch * self.heads * self.sizes.query_tiles
        self._start(kernel, programs, more, **constants)

    def in_parts(self, kernel, *more):
        """Start the same, for programs that read a tile of keys in two parts or one."""
        parts = 2 if self.tiles.keys > LEAST_KEYS else 1
        shape = self.shape._replace(N=self.tiles.keys // parts)
        self.per_query(kernel, *more, PARTS=parts, shape=shape)

    def per_key(self, kernel, *more, **constants):
        """Start a program for each tile of keys of each of their heads."""
        programs = self.batch * self.kv_heads * self.sizes.key_tiles
        self._start(kernel, programs, more, **constants)

    def _start(self, kernel, programs, more, **constants):
        # Along one axis of the grid: the others end at 65,535.
        constants = {"shape": self.shape} | constants
        kernel[(programs,)](
            self.given, *more, self.sizes, self.rule, **constants,
            num_warps=self.tiles.warps, num_stages=self.tiles.stages,
        )  # fmt: skip

    def bounds(self):
        """Find which keys the mask lets each query see."""
        if self.mask is None:
            return Bounds(None, None, 0, 0, 0)
        first, end = bounds_of(self.mask, self.sizes.keys)
        return Bounds(first, end, *strides(first[..., None])[:3])

    def listed(self, marks, flags=None, *, back=False):
        """List the marked tiles of keys by tiles of queries, or the reverse."""
        *lead, n_own, n_other = marks.mT.shape if back else marks.shape
        short = max(n_own, n_other) < SHORT
        listed = marks.new_empty(
            (*lead, n_own, n_other), dtype=torch.int16 if short else torch.int32
        )
        counts = marks.new_empty((*lead, n_own, COUNTS.value), dtype=torch.int32)
        block = min(LISTED, max(16, triton.next_power_of_2(n_other)))
        programs = self.batch * self.heads * n_own
        list_tiles[(programs,)](
            marks, flags, listed, counts, self.sizes, BACK=back, BLOCK=block,
            shape=self.shape, num_warps=1,
        )  # fmt: skip
        return listed, counts


def place_of(a):
    """Give where an array of four axes lies."""
    return Place(a, *strides(a))
