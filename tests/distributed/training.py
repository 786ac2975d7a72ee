"""A step of training of a module, over all processes and on one; for `workers`."""

import torch
import torch.distributed as dist

from attention_lib.distributed import zigzag
from attention_lib.nn import MultiHeadAttention

__all__ = ["evaluated", "module_with", "trained"]

TOKENS, FEATURES = 11, 6


def trained(weighting, learned, layout):
    """Give how far each parameter's gradient is from that of one process.

    Beside the largest entry of all, for that of a key's bias is zero: a shift.
    """
    torch.manual_seed(0)
    made = {"weighting": weighting, "learned": learned, "num_kv_heads": 1}
    module = MultiHeadAttention(FEATURES, 2, **made).double()
    tokens = torch.randn(2, TOKENS, FEATURES, dtype=torch.float64)
    wanted = torch.randn_like(tokens)
    alone = _gradients(module, tokens, wanted)
    cut = zigzag if layout == "zigzag" else _next_ones
    mine = _gradients(
        module, cut(tokens), cut(wanted), group=dist.group.WORLD, layout=layout
    )
    largest = max(gradient.abs().max() for gradient in alone.values())
    found = {}
    for name, gradient in mine.items():
        dist.all_reduce(gradient)  # the loss is a sum over tokens
        found[name] = ((gradient - alone[name]).abs().max() / largest).item()
    return found


def module_with(what):
    """Ask for what a group lacks."""
    x, more = torch.ones(2, 4, FEATURES), {}
    made = {"dropout": {"dropout": 0.5}, "method": {"method": "dense"}}.get(what, {})
    if what == "attn_mask":
        more["attn_mask"] = torch.ones(4, 4, dtype=torch.bool)
    return MultiHeadAttention(FEATURES, 2, **made)(x, group=dist.group.WORLD, **more)


def evaluated():
    """Evaluate a module with dropout, which drops nothing then."""
    module = MultiHeadAttention(FEATURES, 2, dropout=0.5).eval()
    out = module(torch.ones(2, 4, FEATURES), group=dist.group.WORLD)
    return tuple(out.shape)


def _gradients(module, tokens, wanted, **options):
    module.zero_grad()
    out = module(tokens, is_causal=True, **options)
    (0.5 * (out - wanted) ** 2).sum().backward()
    return {name: p.grad.clone() for name, p in module.named_parameters()}


def _next_ones(x):
    rank, size = dist.get_rank(), dist.get_world_size()
    return x[:, rank * TOKENS // size : (rank + 1) * TOKENS // size]
