"""Attention with sparsemax and entmax, 1 < alpha <= 2, without a matrix of weights.

What is kept for the way back grows with the lengths, but for one byte for each tile of
64 by 64 scores: it says whether the tile holds weight. Tiles without any are skipped.
"""

from numbers import Real

import torch

from attention_lib._dispatch import traced
from attention_lib.torch_backend.kernels import device
from attention_lib.torch_backend.kernels import row_rules as rules
from attention_lib.torch_backend.kernels.arrays import a_row, arrays_of
from attention_lib.torch_backend.kernels.sparse_operators import attend

__all__ = ["refuses", "run"]

WIDEST = 256  # features of a head
LEAST = 1e-6  # a smaller scale would need both factors of a product scaled
PLAIN = 0.1  # alpha - 1 from which powers of shifted scores are accurate


def refuses(call, stream):
    """Say why the kernel cannot serve a call of a threshold kind, or None."""
    if stream.formula != "entmax":
        return f"the sparse kernel knows entmax alone; got {stream.formula}"
    alpha = stream.power
    if isinstance(alpha, Real) and not 1 < alpha <= 2:
        return f"the sparse kernel takes 1 < alpha <= 2; got {alpha}"
    if isinstance(alpha, torch.Tensor):
        if traced(alpha):
            return "the numbers of alpha cannot be looked at"
        reason = device.refuses(alpha.to(call.query.device, torch.float32))
        if reason is not None:
            return reason
    if not (stream.sign == 1 and stream.multiplier == 1):
        return "the sparse kernel takes scores as they are"
    if call.bias is not None and call.bias.requires_grad:
        return "the sparse kernel has no gradient in an additive mask"
    widths = call.query.shape[-1], call.value.shape[-1]
    if max(widths) > WIDEST:
        return f"the sparse kernel takes up to {WIDEST} features; got {max(widths)}"
    if 0 < abs(call.scale) < LEAST:
        return f"the sparse kernel takes no scale below {LEAST}; got {call.scale}"
    return None


def run(call, stream):
    """Attend, or give None where there is nothing to do, or an alpha not to be had.

    An alpha for each head is looked at once, which waits for a GPU.
    """
    if not (all(call.shape) and call.query.shape[-1] and call.value.shape[-1]):
        return None
    alpha, cs, c = stream.power, None, 1.0
    if isinstance(alpha, Real):
        c = alpha - 1
        family = rules.ENTMAX if c >= PLAIN else rules.NEAR_ONE
        family = {2: rules.SPARSEMAX, 1.5: rules.ENTMAX15}.get(alpha, family)
    elif bool(((alpha > 1) & (alpha <= 2)).all()):
        cs, family = a_row(alpha - 1, call), rules.NEAR_ONE
    else:
        return None
    given = arrays_of(call)
    out, *_ = attend(
        given.query, given.key, given.value, given.mask, given.bias, cs, float(c),
        family.value, given.group, call.is_causal, call.scale, call.softcap,
    )  # fmt: skip
    return out.reshape(*call.lead, *out.shape[-2:])
