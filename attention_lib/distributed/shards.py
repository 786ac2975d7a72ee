"""A shard of the keys, the job of one process, and the blocks in which it is done."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import torch

from attention_lib._call import Call
from attention_lib._dispatch import work_dtype
from attention_lib.distributed.layouts import Segment
from attention_lib.torch_backend.general import BLOCK_SCORES
from attention_lib.torch_backend.sizes import at_once

__all__ = [
    "Block",
    "Job",
    "Shard",
    "as_leaves",
    "blocks",
    "part_of_rows",
    "without_arrays",
]

KEYS = 1024  # in a block, unless all keys of a shard are asked for at once


@dataclass(frozen=True, eq=False)
class Shard:
    """Keys, their values (None where only scores are wanted), and which take part."""

    key: Any
    value: Any
    where: Any
    segments: list[Segment]

    def shapes(self, n):
        """Give name, dtype and shape of each array of a shard like this, of n keys."""
        for name, axis in (("key", -2), ("value", -2), ("where", -1)):
            mine = getattr(self, name)
            if mine is not None:
                shape = list(mine.shape)
                shape[axis] = n
                yield name, mine.dtype, shape

    def packed(self):
        """Give the shard's bytes, side by side."""
        arrays = [getattr(self, name) for name, *_ in self.shapes(0)]
        flat = [a.contiguous().view(-1).view(torch.uint8) for a in arrays]
        return torch.cat(flat)

    def n_bytes(self, n):
        """Give how many bytes a shard like this one has, of n keys."""
        shapes = self.shapes(n)
        return sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in shapes)

    def unpacked(self, wire, n, segments):
        """Give another shard like this one, of n keys, from its bytes."""
        found, start = {"value": None, "where": None}, 0
        for name, dtype, shape in self.shapes(n):
            size = dtype.itemsize * math.prod(shape)
            found[name] = wire[start : start + size].view(dtype).view(shape)
            start += size
        return Shard(**found, segments=segments)


@dataclass(frozen=True, eq=False)
class Job:
    """What one process computes of a call, its arrays apart.

    `call` has no arrays and no weighting; `weighting` has the parameters as given. `n`
    is the number of keys that take part in a row, of all processes: a number, an int
    tensor (..., L or 1, 1), or None where the weighting does not use it. `circuit`
    brings the keys of all; `key_segments` are of our own.
    """

    call: Call
    weighting: Any
    segments: list[Segment]
    n_keys: int
    n: Any
    circuit: Any
    key_segments: list[Segment]

    def with_arrays(self, names, arrays):
        """Give the weighting with other arrays for its parameters."""
        if not names:
            return self.weighting
        given = dict(zip(names, arrays, strict=True))
        return dataclasses.replace(self.weighting, **given)

    def n_of(self, rows):
        """Give the number of keys of some rows."""
        return part_of_rows(self.n, rows)


def without_arrays(call):
    """Give a call without what is saved elsewhere, for the way back."""
    return dataclasses.replace(
        call, query=None, key=None, value=None, mask=None, weighting=None
    )


def part_of_rows(a, rows):
    """Cut what may hold one number a row, (..., L or 1, 1)."""
    if not isinstance(a, torch.Tensor) or a.ndim < 2 or a.shape[-2] == 1:
        return a
    return a[..., rows, :]


@dataclass(frozen=True, eq=False)
class Block:
    """Some queries and some keys of a shard, and the places of the first of each."""

    rows: slice
    columns: slice
    offsets: tuple
    is_causal: bool

    def call(self, job, query, shard, weighting):
        """Give this part of the job, as a call of its own."""
        where = shard.where
        if where is not None and where.shape[-1] > 1:
            where = where[..., self.columns]
        if where is not None and where.shape[-2] > 1:
            where = where[..., self.rows, :]
        value = shard.value
        shape = (*job.call.lead, query.shape[-2], 1)
        return dataclasses.replace(
            job.call,
            query=query[..., self.rows, :],
            key=shard.key[..., self.columns, :],
            value=None if value is None else value[..., self.columns, :],
            mask=where,
            is_causal=self.is_causal,
            weighting=weighting.part(shape, (...,), self.rows),
        )


def blocks(job, query, shard, *, whole_rows=False):
    """Give the blocks in which a shard is attended to: none that the mask hides.

    `whole_rows` asks for all keys of the shard at once.
    """
    heads = max(1, math.prod(job.call.lead))
    n = shard.key.shape[-2]
    width = max(1, n if whole_rows else min(n, KEYS))
    most = at_once(query.to(work_dtype(query)), BLOCK_SCORES)
    height = max(1, most // (heads * width))
    for rows, first in job.segments:
        for start in range(rows.start, rows.stop, height):
            stop = min(start + height, rows.stop)
            at = first + start - rows.start
            yield from _across(job, shard, slice(start, stop), at, width, whole_rows)


def _across(job, shard, rows, at, width, whole_rows):
    """Give the blocks of some rows, whose first is at a place of the whole."""
    causal, last = job.call.is_causal, at + rows.stop - rows.start - 1
    for columns, first in shard.segments:
        step = columns.stop - columns.start if whole_rows else width
        for start in range(columns.start, columns.stop, max(step, 1)):
            stop = min(start + step, columns.stop)
            key_at = first + start - columns.start
            if causal and key_at > last:
                continue
            partly = causal and key_at + stop - start - 1 > at
            yield Block(rows, slice(start, stop), (at, key_at), partly)


def as_leaves(call, dtype):
    """Give a call whose arrays can be differentiated in, and these arrays."""
    given = [
        a.detach().to(dtype).requires_grad_()
        for a in (call.query, call.key, call.value)
    ]
    query, key, value = given
    return dataclasses.replace(call, query=query, key=key, value=value), given
