"""What the way back of streaming attention needs of whole rows, and gives to them."""

import torch
import triton

from attention_lib.torch_backend.kernels import streaming_rules as rules
from attention_lib.torch_backend.kernels.arrays import padded
from attention_lib.torch_backend.kernels.streaming_backward import means

__all__ = ["finish_rows", "means_of"]

EXP = rules.EXP.value
ROWS = 32  # of a program that finds the means of some


def means_of(out, grad, pull, numbers):
    """Give each row's mean gradient over its weights, or less that in its total."""
    if not numbers.normalised:
        return None
    rows = grad.shape[0] * grad.shape[1], grad.shape[2]
    mean = grad.new_zeros(rows, dtype=torch.float32)
    if not numbers.whole:
        return mean if pull is None else mean - pull.reshape(rows)
    width = out.shape[-1]
    means[(triton.cdiv(mean.numel(), ROWS),)](
        out, grad, mean, mean.numel(), D=width, D_PAD=padded(width), ROWS=ROWS
    )
    return mean


def finish_rows(moved, in_shifts, top, total, mean, rows, unit, numbers):
    """Turn what the kernel summed for each row into gradients in its parameters."""
    multipliers, shifts, _ = rows
    if numbers.family != EXP:
        in_shifts.copy_(moved)
        return
    base = top.masked_fill(top == -torch.inf, 0) * unit
    in_shifts.zero_()
    if numbers.whole and shifts is not None:
        factor = numbers.multiplier if multipliers is None else multipliers
        share = (torch.exp(shifts - base * factor) / total).nan_to_num(1.0)
        in_shifts.copy_(-mean * share.masked_fill(top == -torch.inf, 0))
    moved.mul_(unit).addcmul_(base, in_shifts, value=-1)
