"""What the processes of a test do: attend to shards, and compare with the whole."""

import torch
import torch.distributed as dist

from attention_lib import scaled_dot_product_attention
from attention_lib.distributed import ring_attention, tree_attention
from attention_lib.distributed.layouts import segments
from tests.distributed.cases import Case

__all__ = ["ring", "tree"]


def ring(cases):
    """Give, of each case, the largest error of this process's shard of each array."""
    return [_ring(case) for case in cases]


def tree(cases):
    """Give the same of attention in a tree."""
    return [_tree(case) for case in cases]


def _ring(case):
    rank, size = dist.get_rank(), dist.get_world_size()
    whole = case.whole()
    rows, columns = (
        _places(lengths, rank, case.layout) for lengths in case.lengths(size)
    )
    wanted = _wanted(case, whole)
    given = [
        whole.query[..., rows, :].clone().requires_grad_(),
        whole.key[..., columns, :].clone().requires_grad_(),
        whole.value[..., columns, :].clone().requires_grad_(),
    ]
    where = None if whole.where is None else whole.where[..., columns]
    weighting, learned = case.weighting()
    out = ring_attention(
        *given,
        is_causal=case.is_causal,
        where=where,
        layout=case.layout,
        enable_gqa=case.enable_gqa,
        weighting=weighting,
        **case.options,
    )
    found = torch.autograd.grad((out * whole.pull[..., rows, :]).sum(), [*given, *learned])
    shares = [out.detach(), *found[:3]]
    parts = [rows, rows, columns, columns]
    errors = [
        _error(mine, want[..., part, :], want)
        for mine, want, part in zip(shares, wanted[:4], parts, strict=True)
    ]
    for mine, want in zip(found[3:], wanted[4:], strict=True):
        dist.all_reduce(mine)
        errors.append(_error(mine, want, want))
    return errors


def _tree(case):
    rank, size = dist.get_rank(), dist.get_world_size()
    whole = case.whole()
    _, keys = case.lengths(size)
    columns = _places(keys, rank, "contiguous")
    wanted = _wanted(case, whole)
    given = [
        whole.query.clone().requires_grad_(),
        whole.key[..., columns, :].clone().requires_grad_(),
        whole.value[..., columns, :].clone().requires_grad_(),
    ]
    where = None if whole.where is None else whole.where[..., columns]
    weighting, learned = case.weighting()
    out = tree_attention(
        *given,
        where=where,
        enable_gqa=case.enable_gqa,
        weighting=weighting,
        **case.options,
    )
    found = torch.autograd.grad((out * whole.pull).sum(), [*given, *learned])
    shares = [out.detach(), found[0], *found[3:]]
    wholes = [*wanted[:2], *wanted[4:]]
    errors = [_error(a, b, b) for a, b in zip(shares, wholes, strict=True)]
    for mine, want in zip(found[1:3], wanted[2:4], strict=True):
        errors.append(_error(mine, want[..., columns, :], want))
    return errors


def _places(lengths, rank, layout):
    """Give the places of the whole that a process holds."""
    held = segments(lengths, rank, layout)
    return [s.start + i for s in held for i in range(s.rows.stop - s.rows.start)]


def _wanted(case, whole):
    """Give the output of one process, and the gradients of all that was given."""
    given = [a.clone().requires_grad_() for a in (whole.query, whole.key, whole.value)]
    weighting, learned = case.weighting()
    out = scaled_dot_product_attention(
        *given,
        whole.where,
        is_causal=case.is_causal,
        enable_gqa=case.enable_gqa,
        weighting=weighting,
        method="dense",
        **case.options,
    )
    found = torch.autograd.grad((out * whole.pull).sum(), [*given, *learned])
    return [out.detach(), *found]


def _error(mine, wanted, whole):
    """Give the largest error, beside the largest entry of the whole."""
    if not mine.numel():
        return 0.0
    assert mine.shape == wanted.shape, (mine.shape, wanted.shape)
    difference = (mine - wanted).abs()
    return (difference.max() / whole.abs().max().clamp(min=1e-300)).item()
