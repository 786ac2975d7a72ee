"""Gradients that have none of their own, and say so."""

import torch

__all__ = ["first_only"]

REASON = "second derivatives of attention need method='dense'"


def first_only(slopes, inputs, reason=REASON):
    """Give gradients that refuse to be differentiated, instead of lacking a term.

    Nothing is done unless a graph of the gradients is being made.
    """
    if not torch.is_grad_enabled():
        return slopes
    inputs = [a for a in inputs if a is not None and a.requires_grad]
    return tuple(
        None if a is None else _First.apply(a, reason, *inputs) for a in slopes
    )


class _First(torch.autograd.Function):
    @staticmethod
    def forward(ctx, slope, reason, *inputs):
        ctx.reason = reason
        return slope.view_as(slope)

    @staticmethod
    def backward(ctx, grad):
        raise RuntimeError(ctx.reason)
