"""Attention by blocks of queries, each computed again on the way back.

A block holds some heads, some queries and all their keys. It is written over the same
few megabytes each time, and one number a query is kept for the gradients, so the memory
grows with the lengths and not with their product.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch

from attention_lib.torch_backend.once import first_only

__all__ = ["Plan", "attend_by_blocks"]

BLOCK_BYTES = 4 * 1024 * 1024
FEWEST, MOST = 64, 256  # queries in a block


@dataclass(frozen=True)
class Plan:
    """How to compute one call, beside its arrays.

    `mask` is bool, `bias` is added to the scores, both (..., L or 1, S or 1) over the
    leading axes `lead`. `shape` holds L and S.
    """

    rule: Any
    scale: float
    lead: tuple
    shape: tuple
    is_causal: bool
    mask: Any = None
    bias: Any = None

    def blocks(self, itemsize):
        """Give slices of heads and of queries, and the key before which to stop."""
        n_heads, (length, n_keys) = math.prod(self.lead), self.shape
        heads = min(n_heads, torch.get_num_threads())  # each core its own product
        rows = BLOCK_BYTES // (itemsize * heads * n_keys)
        rows = min(max(rows, FEWEST), MOST, length)
        for head in range(0, n_heads, heads):
            for row in range(0, length, rows):
                end = min(row + rows, length)
                stop = min(end, n_keys) if self.is_causal else n_keys
                yield slice(head, min(head + heads, n_heads)), slice(row, end), stop

    def cut(self, array, heads, rows, stop):
        """Give the part of a mask that belongs to a block."""
        array = array[..., rows, :] if array.shape[-2] > 1 else array
        array = array[..., :stop] if array.shape[-1] > 1 else array
        if math.prod(array.shape[:-2]) == 1:
            return array.reshape(1, *array.shape[-2:])
        places = (
            torch.unravel_index(torch.tensor(i), self.lead)
            for i in range(heads.start, heads.stop)
        )
        whole = array.expand(*self.lead, *array.shape[-2:])
        return torch.stack([whole[place] for place in places])

    def finish(self, x, heads, rows, stop):
        """Add the bias to a block of scores, and hide what takes no part."""
        hidden = self.rule.hidden
        if self.bias is not None:
            bias = self.cut(self.bias, heads, rows, stop)
            x.add_(bias, alpha=self.rule.factor)
            if hidden != -math.inf:
                x.masked_fill_(bias == -math.inf, hidden)
        if self.mask is not None:
            x.masked_fill_(~self.cut(self.mask, heads, rows, stop), hidden)
        if self.is_causal and stop > rows.start + 1:
            corner = x[..., rows.start :]  # every query sees the keys before
            key = torch.arange(rows.start, stop, device=x.device)
            query = torch.arange(rows.start, rows.stop, device=x.device)
            corner.masked_fill_(key > query[:, None], hidden)


def attend_by_blocks(query, key, value, shift, offset, plan):
    """Average values (N, S, Ev) for queries (N, L, E) of as many heads.

    `shift` (N, L, 1) is added to the scores of a query; `offset` (N, L, 1) is the score
    of one more key. Either may be None.
    """
    return _Blocks.apply(query, key, value, shift, offset, plan)


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, shift, offset, plan):
        with torch.autocast(query.device.type, enabled=False):
            out, kept = _forward(query, key, value, shift, offset, plan)
        ctx.plan = plan
        ctx.save_for_backward(query, key, value, shift, offset, out, kept)
        return out

    @staticmethod
    def backward(ctx, grad):
        saved = ctx.saved_tensors
        with torch.no_grad(), torch.autocast(grad.device.type, enabled=False):
            slopes = _backward(ctx.plan, grad, *saved)
        return *first_only(slopes, (grad, *saved)), None


def _scratch(plan, like, count):
    """Give so many buffers of one block, and a way to view one as a block."""
    heads, rows, _ = next(plan.blocks(like.element_size()))
    size = (heads.stop - heads.start) * (rows.stop - rows.start) * plan.shape[1]
    buffers = like.new_empty(count, size)

    def view(index, heads, rows, stop):
        shape = (heads.stop - heads.start, rows.stop - rows.start, stop)
        return buffers[index, : math.prod(shape)].view(shape)

    return view


def _product(a, b, alpha, added, out):
    """Write ``alpha a b`` to `out`, plus what is added to each row (None: nothing)."""
    beta = 0 if added is None else 1
    torch.baddbmm(
        out if added is None else added, a, b, beta=beta, alpha=alpha, out=out
    )


def _forward(query, key, value, shift, offset, plan):
    """Give the output, and what the rule keeps of each row (None: nothing)."""
    out = query.new_empty(*query.shape[:-1], value.shape[-1])
    keeps, rule = None, plan.rule
    view, scale = _scratch(plan, query, 2), plan.scale * rule.factor
    for heads, rows, stop in plan.blocks(query.element_size()):
        x, spare = (view(i, heads, rows, stop) for i in (0, 1))
        added = None if shift is None else shift[heads, rows]
        _product(query[heads, rows], key[heads, :stop].mT, scale, added, x)
        plan.finish(x, heads, rows, stop)
        more = () if offset is None else (offset[heads, rows],)
        shares, total, kept = rule.weigh(x, spare, *more)
        part = torch.bmm(shares, value[heads, :stop])
        out[heads, rows] = part if total is None else part.div_(total)
        if kept is not None:
            keeps = out.new_empty(*out.shape[:-1], 1) if keeps is None else keeps
            keeps[heads, rows] = kept
    return out, keeps


def _backward(plan, grad, query, key, value, shift, offset, out, kept):
    """Give the gradients of the first five."""
    rule, mean = plan.rule, None
    if rule.centred:
        mean = (grad * out).sum(-1, keepdim=True)
        if rule.summed:
            grad, mean = grad / kept, mean / kept
    in_query = torch.empty_like(query)
    in_key, in_value = torch.zeros_like(key), torch.zeros_like(value)
    in_shift = None if shift is None else torch.empty_like(shift)
    view, scale = _scratch(plan, query, 3), plan.scale * rule.factor
    for heads, rows, stop in plan.blocks(query.element_size()):
        x, g, spare = (view(i, heads, rows, stop) for i in (0, 1, 2))
        asked, pulled, keys = query[heads, rows], grad[heads, rows], key[heads, :stop]
        added = None if shift is None else shift[heads, rows]
        here = None if kept is None else kept[heads, rows]
        if rule.shifted:
            added = -here
        _product(asked, keys.mT, scale, added, x)
        plan.finish(x, heads, rows, stop)
        level = None if mean is None else mean[heads, rows]
        below = None if mean is None or rule.level else -level
        _product(pulled, value[heads, :stop].mT, 1, below, g)
        shares, slopes = rule.differ(x, g, spare, level, here)
        in_value[heads, :stop].baddbmm_(shares.mT, pulled)
        in_key[heads, :stop].baddbmm_(slopes.mT, asked, alpha=plan.scale)
        in_query[heads, rows] = torch.bmm(slopes, keys).mul_(plan.scale)
        if in_shift is not None:
            in_shift[heads, rows] = slopes.sum(-1, keepdim=True)
    in_offset = None if offset is None else -torch.exp(offset - kept) * mean
    return in_query, in_key, in_value, in_shift, in_offset
