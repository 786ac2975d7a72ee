"""Weightings whose states merge: what one process folds, and the way back.

The output is ``sum_j shares_j v_j`` over ``sum_j shares_j``, relative to the largest
score M of a row. It does not depend on M, so that gradients take M as a constant.
"""

import dataclasses

import torch

from attention_lib import _n_keys
from attention_lib._dispatch import quiet, work_dtype
from attention_lib.distributed import by_flash
from attention_lib.distributed.circuits import no_nan
from attention_lib.distributed.shards import as_leaves, blocks, part_of_rows
from attention_lib.fold import State, finalize, fold_block, merge

__all__ = ["backward", "forward"]


def forward(job, query, shard, names, arrays):
    """Give the output, and the two numbers of each row that the way back needs."""
    weighting = job.with_arrays(names, arrays)
    sums = _Sums(job, query, shard, weighting)

    def step(here):
        flash = by_flash.serves(job, query, here, weighting)
        parts = by_flash.states if flash else _states
        for rows, state in parts(job, query, here, weighting):
            sums.add(rows, state)

    job.circuit.visit(shard, step)
    state = sums.over_all(job.circuit)
    return finalize(state), (state.max, state.total)


def backward(job, grad, query, shard, out, kept, names, arrays):
    """Give the gradients of the query, of our keys and values, and of the arrays."""
    peak, total = kept
    weighting = job.with_arrays(names, arrays)
    pulls = _pulls(job, grad, out, peak, total, names, arrays)
    in_query = torch.zeros_like(query, dtype=work_dtype(query))
    in_arrays = [torch.zeros_like(a, dtype=in_query.dtype) for a in arrays]

    def step(here):
        found = [torch.zeros_like(a, dtype=in_query.dtype)
                 for a in (here.key, here.value)]  # fmt: skip
        if by_flash.serves(job, query, here, weighting):
            parts = by_flash.slopes(job, grad, query, here, out, peak, total, weighting)
        else:
            parts = _slopes(job, query, here, peak, pulls, names, arrays)
        for block, slopes in parts:
            in_query[..., block.rows, :] += slopes[0]
            for sums, slope in zip(found, slopes[1:3], strict=True):
                sums[..., block.columns, :] += slope
            for sums, slope in zip(in_arrays, slopes[3:], strict=True):
                sums += slope
        return found

    in_key, in_value = job.circuit.visit_back(shard, step)
    in_query, *in_arrays = job.circuit.shared(in_query, *in_arrays)
    in_arrays = [a + b for a, b in zip(in_arrays, pulls[2], strict=True)]
    return in_query, in_key, in_value, in_arrays


class _Sums:
    """The state of all rows over the keys that were met so far."""

    def __init__(self, job, query, shard, weighting):
        self.weighting, self.n = weighting, job.n
        start = fold_block(_of_no_keys(job, query, shard, weighting), (0, 0), job.n)
        self.out, self.dtype = start.out.clone(), query.dtype
        self.kept = [None if a is None else a.clone()
                     for a in (start.max, start.total, start.seen)]  # fmt: skip

    def add(self, rows, state):
        """Merge the state of some rows with what there is."""
        kept = [part_of_rows(a, rows) for a in self.kept]
        so_far = State(
            self.out[..., rows, :], *kept, state.weighting, state.n, state.dtype
        )
        both = merge(so_far, state)
        self.out[..., rows, :] = both.out
        for mine, new in zip(self.kept, (both.max, both.total, both.seen), strict=True):
            if mine is not None:
                mine[..., rows, :] = new

    def over_all(self, circuit):
        """Give the state over the keys of all processes."""
        peak, total, seen = self.kept
        state = State(self.out, peak, total, seen, self.weighting, self.n, self.dtype)
        if total is None:
            (out,) = circuit.summed(self.out)
            return State(out, None, None, None, self.weighting, self.n, self.dtype)
        # What was seen is a small number, and travels with the largest scores.
        with quiet(self.out):
            found = seen.to(total.dtype)
            tops = [found] if peak is None else [found, peak]
            found, *top = circuit.largest(torch.stack(tops))
            rise, top = 1, top[0] if top else None
            if peak is not None:
                rise = state.stream.rise(no_nan(peak), top)
            out, total = circuit.summed(self.out * rise, total * rise)
        return State(
            out, top, total, found.to(seen.dtype), self.weighting, self.n, self.dtype
        )


def _of_no_keys(job, query, shard, weighting):
    """Give the call of all our queries and none of the keys."""
    return dataclasses.replace(
        job.call,
        query=query,
        key=shard.key[..., :0, :],
        value=shard.value[..., :0, :],
        is_causal=False,
        weighting=weighting,
    )


def _states(job, query, shard, weighting):
    """Fold a shard, block by block."""
    for block in blocks(job, query, shard):
        call = block.call(job, query, shard, weighting)
        yield block.rows, fold_block(call, block.offsets, job.n_of(block.rows))


def _pulls(job, grad, out, peak, total, names, arrays):
    """Give the gradients of the undivided output, of the total, and of the arrays.

    The last are those of the last division alone, in which an offset enters.
    """
    grad, out = grad.to(work_dtype(grad)), out.to(work_dtype(out))
    if total is None:
        return grad, None, [torch.zeros_like(a, dtype=grad.dtype) for a in arrays]
    with torch.enable_grad(), quiet(grad):
        arrays = [a.detach().to(grad.dtype).requires_grad_() for a in arrays]
        total = total.detach().requires_grad_()
        weighting = job.with_arrays(names, arrays)
        stream = weighting.stream(_n_keys.as_given_to_rules(job.n, grad))
        factor = stream.finish(torch.ones_like(total), peak, total)
        by_row = (grad * out).sum(-1, keepdim=True)
        share = torch.where(factor == 0, 0, by_row / factor).detach()
        found = torch.autograd.grad(
            (share * factor).sum(), [total, *arrays], allow_unused=True
        )
    in_total, *in_arrays = _or_zeros(found, [total, *arrays])
    return grad * factor.detach(), in_total, in_arrays


def _slopes(job, query, shard, peak, pulls, names, arrays):
    """Differentiate a shard's sums, block by block, each computed again."""
    wanted, like = [*arrays], work_dtype(query)
    for block in blocks(job, query, shard):
        rows = block.rows
        with torch.enable_grad(), quiet(query):
            leaves = [a.detach().to(like).requires_grad_() for a in wanted]
            weighting = job.with_arrays(names, leaves)
            call, given = as_leaves(block.call(job, query, shard, weighting), like)
            state = fold_block(call, block.offsets, job.n_of(rows))
            rise = 1
            if state.max is not None:
                rise = state.stream.rise(state.max, part_of_rows(peak, rows))
            loss = (state.out * rise * pulls[0][..., rows, :]).sum()
            if state.total is not None:
                loss = loss + (state.total * rise * part_of_rows(pulls[1], rows)).sum()
            found = torch.autograd.grad(loss, [*given, *leaves], allow_unused=True)
        yield block, _or_zeros(found, [*given, *leaves])


def _or_zeros(slopes, like):
    """Give zeros for the gradients in what had no part."""
    return [
        torch.zeros_like(a) if slope is None else slope
        for slope, a in zip(slopes, like, strict=True)
    ]
