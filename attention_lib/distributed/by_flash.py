"""Softmax of a multiple of the scores on a processor: each part by torch's kernel.

The kernel gives the output and the log-sum-exp of some of the keys, which is a state
whose total is one; its way back takes the output and the log-sum-exp of all keys.
"""

import dataclasses

import torch

from attention_lib import _n_keys
from attention_lib._dispatch import traced, work_dtype
from attention_lib.distributed.shards import Block
from attention_lib.fold import State
from attention_lib.torch_backend import flash, sdpa
from attention_lib.torch_backend.masking import for_each_head
from attention_lib.torch_backend.scores import reads_only_numbers
from attention_lib.weightings.streams import ORDINARY

__all__ = ["serves", "slopes", "states"]

ROUNDED = 2.0**-15


def serves(job, query, shard, weighting):
    """Tell whether the kernel is right for a shard, and there is something in it."""
    call = job.call
    if not flash.known() or query.is_cuda or traced(query):
        return False
    if call.softcap is not None or shard.where is not None:
        return False
    if query.shape[-1] != shard.value.shape[-1] or not query.shape[-1]:
        return False
    stream = weighting.stream(_n_keys.as_given_to_rules(job.n, query))
    factor = stream.multiplier
    if not (stream.multiplies and isinstance(factor, float) and factor > 0):
        return False
    if not (isinstance(stream.sign, int) and query.numel() and shard.key.numel()):
        return False
    whole = dataclasses.replace(call, query=query, key=shard.key, value=shard.value)
    if not reads_only_numbers(whole):
        return False
    # By Cauchy and Schwarz; beyond, a log-sum-exp is rounded by more than this.
    lengths = [a.to(work_dtype(a)).norm(dim=-1).amax() for a in (query, shard.key)]
    bound = abs(call.scale) * factor * lengths[0] * lengths[1]
    return bool(bound * torch.finfo(bound.dtype).eps <= ROUNDED)


def states(job, query, shard, weighting):
    """Fold a shard, piece by piece."""
    factor, scale = _factor_and_scale(job, query, weighting)
    for block in _pieces(job, shard):
        asked, *held = _arrays(job, query, shard, block)
        asked, above = sdpa.above_zero(asked, scale)
        out, lse = flash.attended(asked, *held, block.is_causal, above)
        rows = (*job.call.lead, out.shape[-2])
        out, lse = out.reshape(*rows, -1), lse.reshape(*rows, 1)
        yield (
            block.rows,
            State(
                out,
                lse / factor,
                torch.ones_like(lse),
                torch.full_like(lse, ORDINARY, dtype=torch.int64),
                weighting.part(
                    (*job.call.lead, query.shape[-2], 1), (...,), block.rows
                ),
                job.n_of(block.rows),
                query.dtype,
            ),
        )


def slopes(job, grad, query, shard, out, peak, total, weighting):
    """Give the gradients of query, key and value of each piece."""
    _, scale = _factor_and_scale(job, query, weighting)
    stream = weighting.stream(_n_keys.as_given_to_rules(job.n, query))
    lse = stream.log_total(peak, total)
    if stream.offset is not None:
        offset = torch.as_tensor(stream.offset, dtype=lse.dtype, device=lse.device)
        lse = torch.logaddexp(lse, offset)
    nothing = [torch.zeros((), dtype=lse.dtype)] * len(weighting.parameters())
    for block in _pieces(job, shard):
        asked, *held = _arrays(job, query, shard, block)
        asked, above = sdpa.above_zero(asked, scale)
        pulled, given, sums = (
            _four(job, a.to(lse.dtype)[..., block.rows, :]) for a in (grad, out, lse)
        )
        in_asked, *found = flash.slopes(
            pulled, asked, *held, given, sums.squeeze(-1), block.is_causal, above
        )
        found = [sdpa.above_zero(in_asked, scale)[0], *found]
        like = (
            query[..., block.rows, :],
            shard.key[..., block.columns, :],
            shard.value[..., block.columns, :],
        )
        groups = (1, job.call.group, job.call.group)
        back = [
            _back(job, f, a, group)
            for f, a, group in zip(found, like, groups, strict=True)
        ]
        yield block, [*back, *nothing]


def _factor_and_scale(job, query, weighting):
    """Give what multiplies the scores, with its sign, and the scale of the products."""
    stream = weighting.stream(_n_keys.as_given_to_rules(job.n, query))
    return stream.multiplier, job.call.scale * stream.multiplier * stream.sign


def _pieces(job, shard):
    """Cut what a causal mask leaves into whole rectangles and squares from a corner."""
    for rows, at in job.segments:
        for columns, key_at in shard.segments:
            if rows.start == rows.stop or columns.start == columns.stop:
                continue
            if not job.call.is_causal:
                yield Block(rows, columns, (0, 0), False)
                continue
            skipped = max(0, key_at - at)  # queries before the first key
            if rows.start + skipped >= rows.stop:
                continue
            rest = slice(rows.start + skipped, rows.stop)
            # Keys up to the first of these queries are seen by all of them.
            middle = min(columns.stop, columns.start + at + skipped - key_at)
            if middle > columns.start:
                yield Block(rest, slice(columns.start, middle), (0, 0), False)
            if middle < columns.stop:
                yield Block(rest, slice(middle, columns.stop), (0, 0), True)


def _arrays(job, query, shard, block):
    """Give query, key and value of a piece, in four axes, for each head of queries."""
    asked = query[..., block.rows, :]
    held = (a[..., block.columns, :] for a in (shard.key, shard.value))
    held = (for_each_head(a, job.call.group) for a in held)
    return tuple(_four(job, a.to(work_dtype(query))) for a in (asked, *held))


def _four(job, a):
    return sdpa.four_axes(job.call, a, a.shape[-2:])


def _back(job, slope, like, group):
    """Sum a gradient in four axes over what was repeated to make them."""
    slope = slope.reshape(*job.call.lead, *slope.shape[-2:])
    if group > 1:
        slope = slope.unflatten(-3, (-1, group)).sum(-3)
    return slope.sum_to_size(like.shape)
