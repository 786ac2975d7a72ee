"""What masks do to a block of scores."""

import math

import numpy as np
import torch

from attention_lib.torch_backend.masking import part_of

__all__ = ["finish"]


def finish(x, block, rule, call):
    """Add the additive mask to a block of scores, and hide what takes no part."""
    hidden, rows, stop = rule.hidden, block.rows, block.stop
    if call.bias is not None:
        bias = _part(call.bias, call.lead, block)
        x.add_(bias, alpha=rule.factor)
        if hidden != -math.inf:
            x.masked_fill_(bias == -math.inf, hidden)
    if call.mask is not None:
        x.masked_fill_(~_part(call.mask, call.lead, block), hidden)
    if call.is_causal and stop > rows.start + 1:
        corner = x[..., rows.start :]  # every query sees the keys before
        key = torch.arange(rows.start, stop, device=x.device)
        query = torch.arange(rows.start, rows.stop, device=x.device)
        corner.masked_fill_(key > query[:, None], hidden)


def _part(mask, lead, block):
    """Give the part of a mask that belongs to a block, with one axis of heads."""
    mask = part_of(mask, block.rows, block.stop)
    if math.prod(mask.shape[:-2]) == 1:
        return mask.reshape(1, *mask.shape[-2:])
    # Head by head: a mask that its leading axes share is never expanded in memory.
    whole = mask.expand(*lead, *mask.shape[-2:])
    heads = range(block.heads.start, block.heads.stop)
    return torch.stack([whole[np.unravel_index(head, lead)] for head in heads])
