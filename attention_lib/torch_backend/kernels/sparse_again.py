"""Gradients of sparse attention in torch's operations, to be differentiated again."""

import torch

from attention_lib._call import Call
from attention_lib._dispatch import quiet
from attention_lib.torch_backend.entmax import entmax
from attention_lib.torch_backend.masking import for_each_head
from attention_lib.torch_backend.scores import scores, weighted_sum

__all__ = ["differentiate"]


def differentiate(grad, arrays, options, needed):
    """Give the gradients in the arrays by one matrix of weights, with their graph."""
    with quiet(arrays[0]):
        out = _attended(arrays, *options)
    given = [a for a, need in zip(arrays, needed[:6], strict=True) if need]
    slopes = iter(torch.autograd.grad(out, given, grad, create_graph=True))
    return tuple(next(slopes) if need else None for need in needed[:6])


def _attended(arrays, c, family, group, causal, scale, softcap):
    query, key, value, mask, bias, cs = arrays
    if mask is not None:
        mask = mask != 0
    call = Call(
        query, key, value, bias, mask, causal, scale, group, softcap, query.shape[:2]
    )
    score, where = scores(call)
    alpha = 1 + (c if cs is None else cs.view(*query.shape[:3], 1))
    weights = entmax(score, alpha, where)
    value = for_each_head(value, group).to(weights.dtype)
    return weighted_sum(weights, value, where).to(query.dtype)
