"""Which keys take part in a call, for all its queries or for a block of them."""

import math

import torch

from attention_lib._dispatch import work_dtype
from attention_lib.torch_backend.sizes import at_once

__all__ = ["count_keys", "for_each_head", "part_of", "where_of"]

COUNTED = 256  # queries whose keys are counted at once


def where_of(call, block=slice(None), stop=None, offsets=(0, 0)):
    """Tell which keys take part for a block of queries, or None where all do."""
    where = None if call.mask is None else part_of(call.mask, block, stop)
    if call.bias is not None:
        where = part_of(call.bias, block, stop) != -torch.inf
    if call.is_causal:
        length, n_keys = call.shape[-2:]
        device = call.query.device
        query = torch.arange(length, device=device)[block, None] + offsets[0]
        key = torch.arange(n_keys, device=device)[:stop] + offsets[1]
        where = key <= query if where is None else where & (key <= query)
    return where


def part_of(a, block, stop):
    """Cut a mask to a block of queries and the keys before `stop`."""
    a = a[..., block, :] if a.shape[-2] > 1 else a
    return a[..., :stop] if a.shape[-1] > 1 else a


def count_keys(call):
    """Count the keys that take part: a number, or one a row, (..., L or 1, 1).

    The latter in the dtype to compute in, as rules are given it.
    """
    dtype = work_dtype(call.query)
    length, n_keys = call.shape[-2:]
    if call.mask is None and call.bias is None and not call.is_causal:
        return n_keys
    if call.mask is None and call.bias is None:
        seen = torch.arange(1, length + 1, device=call.query.device)
        return seen.clamp(max=n_keys)[:, None].to(dtype)
    counts, heads = [], max(1, math.prod(call.lead) * n_keys)
    step = max(1, at_once(call.query, COUNTED * heads) // heads)
    for start in range(0, max(length, 1), step):
        where = where_of(call, slice(start, min(start + step, length)))
        counts.append(where.expand(*where.shape[:-1], n_keys).sum(-1, keepdim=True))
        if where.shape[-2] == 1 < length:
            return counts[0].to(dtype)  # the same for every query
    return torch.cat(counts, -2).to(dtype)


def for_each_head(a, group):
    """Repeat each head of keys for the heads of queries that it serves."""
    return a if group == 1 else a.repeat_interleave(group, -3)
