"""Attention by blocks of queries, each computed again on the way back.

A block holds some heads, some queries and all their keys. It is written over the same
few megabytes each time, and one number a query is kept for the gradients, so the memory
grows with the lengths and not with their product.
"""

import math
from dataclasses import replace
from itertools import groupby, product
from typing import NamedTuple

import torch

from attention_lib.torch_backend.block_masks import finish
from attention_lib.torch_backend.once import first_only
from attention_lib.torch_backend.sizes import at_once, free_memory
from attention_lib.torch_backend.threads import share, threads_for

__all__ = ["attend_by_blocks", "threads_of"]

BLOCK_BYTES = 4 * 1024 * 1024  # of scores at a time: they stay in the cache
FEWEST, MOST = 64, 256  # queries in a block
PIECES = 8  # in which a GPU takes the queries, where later ones see more keys
MANY = 4  # heads a thread: then it matters little that one thread takes one more


class Block(NamedTuple):
    """Some heads, some of their queries, and the key before which to stop."""

    heads: slice
    rows: slice
    stop: int


def attend_by_blocks(query, key, value, shift, offset, rule, call):
    """Average values (N, S, Ev) for queries (N, L, E) of as many heads.

    `shift` (N, L, 1) is added to the scores of a query; `offset` (N, L, 1) is the score
    of one more key. Either may be None. Of the call, its scale and its masks are used,
    and the leading axes that the N heads come from.
    """
    # Its arrays are saved on the way, where hooks see them, not with the call.
    call = replace(call, query=None, key=None, value=None)
    return _Blocks.apply(query, key, value, shift, offset, rule, call)


def threads_of(query, key):
    """Say how many threads should share the scores of all heads."""
    return threads_for(query, query.shape[:-1].numel() * key.shape[1])


class _Blocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, shift, offset, rule, call):
        with torch.autocast(query.device.type, enabled=False):
            out, kept = _forward(query, key, value, shift, offset, rule, call)
        ctx.rule, ctx.call = rule, call
        ctx.save_for_backward(query, key, value, shift, offset, out, kept)
        return out

    @staticmethod
    def backward(ctx, grad):
        saved = ctx.saved_tensors
        with torch.no_grad(), torch.autocast(grad.device.type, enabled=False):
            slopes = _backward(ctx.rule, ctx.call, grad, *saved)
        return *first_only(slopes, (grad, *saved)), None, None


def _cut(query, key, is_causal, threads):
    """Give the blocks in which the scores of all heads are computed."""
    n_heads, length, n_keys = *query.shape[:2], key.shape[1]
    if free_memory(query) is None:
        # Torch's own threads take a product each; a thread of ours takes one at a time.
        heads = min(n_heads, torch.get_num_threads()) if threads == 1 else 1
        rows = BLOCK_BYTES // (query.element_size() * max(heads, threads) * n_keys)
        rows = min(max(rows, FEWEST), MOST, length)
    else:
        most = at_once(query, FEWEST * n_keys)
        # Of a causal square as many pieces, so that most of its upper half is left out.
        rows = -(-length // PIECES) if is_causal else length
        rows = min(max(rows, FEWEST), most // n_keys, length)
        heads = min(n_heads, max(1, most // (rows * n_keys)))
    for head, row in product(range(0, n_heads, heads), range(0, length, rows)):
        end = min(row + rows, length)
        stop = min(end, n_keys) if is_causal else n_keys
        yield Block(slice(head, min(head + heads, n_heads)), slice(row, end), stop)


def _scratch(first, like, n_keys, count):
    """Give so many buffers as large as the first block, and a way to view them."""
    heads, rows, _ = first
    size = (heads.stop - heads.start) * (rows.stop - rows.start) * n_keys
    buffers = like.new_empty(count, size)

    def views(block):
        heads, rows, stop = block
        shape = (heads.stop - heads.start, rows.stop - rows.start, stop)
        return buffers[:, : math.prod(shape)].view(count, *shape)

    return views


def _product(a, b, alpha, added, out):
    """Write ``alpha a b`` to `out`, plus what is added to each row (None: nothing)."""
    beta = 0 if added is None else 1
    torch.baddbmm(
        out if added is None else added, a, b, beta=beta, alpha=alpha, out=out
    )


def _forward(query, key, value, shift, offset, rule, call):
    """Give the output, and what the rule keeps of each row (None: nothing)."""
    out = query.new_empty(*query.shape[:-1], value.shape[-1])
    keeps = query.new_empty(*query.shape[:-1], 1) if rule.keeps else None
    threads = threads_of(query, key)
    blocks = list(_cut(query, key, call.is_causal, threads))

    def work(jobs):
        views = _scratch(blocks[0], query, key.shape[1], 2)
        for block in jobs:
            (heads, rows, stop), (x, spare) = block, views(block)
            added = None if shift is None else shift[heads, rows]
            factor = call.scale * rule.factor
            _product(query[heads, rows], key[heads, :stop].mT, factor, added, x)
            finish(x, block, rule, call)
            more = () if offset is None else (offset[heads, rows],)
            shares, total, kept = rule.weigh(x, spare, *more)
            part = torch.bmm(shares, value[heads, :stop], out=out[heads, rows])
            if total is not None:
                part.div_(total)
            if keeps is not None:
                keeps[heads, rows] = kept

    share(work, blocks, threads)
    return out, keeps


def _backward(rule, call, grad, query, key, value, shift, offset, out, kept):
    """Give the gradients of the five arrays."""
    threads = threads_of(query, key)
    blocks = list(_cut(query, key, call.is_causal, threads))
    lots = _lots(blocks, len(query), threads)
    in_query = torch.empty_like(query)
    in_shift = None if shift is None else torch.empty_like(shift)
    in_offset = None if offset is None else torch.empty_like(offset)
    n_parts = len({part for part, *_ in lots})
    in_key, in_value = (a.new_empty(n_parts, *a.shape) for a in (key, value))

    def work(jobs):
        views = _scratch(blocks[0], query, key.shape[1], 3)
        for part, of_heads, lot in jobs:
            for sums in (in_key, in_value):
                sums[part, of_heads] = 0
            for block in lot:
                (heads, rows, stop), (x, g, spare) = block, views(block)
                asked, pulled = query[heads, rows], grad[heads, rows]
                keys, values = key[heads, :stop], value[heads, :stop]
                here = None if kept is None else kept[heads, rows]
                level = None
                if rule.centred:
                    level = (pulled * out[heads, rows]).sum(-1, keepdim=True)
                if rule.summed:
                    pulled, level = pulled / here, level / here
                added = None if shift is None else shift[heads, rows]
                added = -here if rule.shifted else added
                _product(asked, keys.mT, call.scale * rule.factor, added, x)
                finish(x, block, rule, call)
                # What is subtracted from each gradient of a row comes with the product.
                below = None if level is None or rule.level else -level
                _product(pulled, values.mT, 1, below, g)
                shares, slopes = rule.differ(x, g, spare, level, here)
                in_value[part, heads, :stop].baddbmm_(shares.mT, pulled)
                in_key[part, heads, :stop].baddbmm_(slopes.mT, asked, alpha=call.scale)
                torch.bmm(slopes, keys, out=in_query[heads, rows]).mul_(call.scale)
                if in_shift is not None:
                    in_shift[heads, rows] = slopes.sum(-1, keepdim=True)
                if in_offset is not None:
                    in_offset[heads, rows] = (
                        -torch.exp(offset[heads, rows] - here) * level
                    )

    share(work, lots, threads)
    in_key, in_value = (a[0] if n_parts == 1 else a.sum(0) for a in (in_key, in_value))
    return in_query, in_key, in_value, in_shift, in_offset


def _lots(blocks, n_heads, threads):
    """Give blocks that one thread takes in turn, their heads, and the sums they add to.

    All blocks of a head add to its keys' gradients. Where heads cannot be shared out
    evenly, several threads take one, each with sums of its own: so no two write to the
    same memory, and the order of adding is always the same.
    """
    n_parts = 1 if n_heads % threads == 0 or n_heads > MANY * threads else threads
    lots = []
    for heads, of_heads in groupby(blocks, key=lambda block: block.heads):
        of_heads = list(of_heads)
        lots += [(part, heads, of_heads[part::n_parts]) for part in range(n_parts)]
    return lots
