"""Torch's kernel for a processor that gives the log-sum-exp beside the output."""

import torch

__all__ = ["attended", "known", "slopes"]

NAME = "_scaled_dot_product_flash_attention_for_cpu"


def known():
    """Tell whether this torch has it."""
    return hasattr(torch.ops.aten, NAME)


def attended(query, key, value, causal, scale):
    """Attend in four axes: give the output and the log-sum-exp, (B, H, L).

    The kernel reads the last axis as if its numbers lay side by side.
    """
    query, key, value = map(_side_by_side, (query, key, value))
    return getattr(torch.ops.aten, NAME)(query, key, value, 0.0, causal, scale=scale)


def slopes(grad, query, key, value, out, lse, causal, scale):
    """Give the gradients of query, key and value.

    The kernel's way back uses no more of all keys than ``exp(score - lse)`` and the
    output, so that it serves some of the keys, too.
    """
    given = map(_side_by_side, (grad, query, key, value, out))
    kernel = getattr(torch.ops.aten, NAME + "_backward")
    return kernel(*given, lse, 0.0, causal, attn_mask=None, scale=scale)


def _side_by_side(a):
    return a if a.stride(-1) == 1 else a.contiguous()
