"""Mistakes in torch's blocks of queries, and in its own kernel's way back."""

import dataclasses
from types import SimpleNamespace

import torch

from tests.mutation import mistake

BLOCKED = "tests/torch_backend/test_blocks.py::"
STREAMED = BLOCKED + "test_outputs_and_gradients_are_those_of_one_matrix[cpu-"


@mistake(
    "torch_backend.blocks._forward",
    f"{STREAMED}sparsemax()]",
    f"{STREAMED}softpick()]",
)
def the_last_query_is_forgotten(right, *given):
    """Leave zeros where a block that is too short leaves off."""
    out, kept = right(*given)
    out[:, -1] = 0
    return out, kept


@mistake(
    "torch_backend.block_masks.finish",
    f"{STREAMED}softmax1()]",
    f"{STREAMED}entmax()]",
)
def a_causal_block_sees_the_next_key(right, x, block, rule, call):
    """Hide what lies more than one place after the query's own."""
    rows = block.rows
    if call.is_causal:
        block = block._replace(rows=slice(rows.start + 1, rows.stop + 1))
    right(x, block, rule, call)


@mistake(
    "torch_backend.block_rules.Entmax.differ",
    f"{STREAMED}entmax()]",
    f"{STREAMED}entmax(alpha=1.3)]",
    f"{STREAMED}sparsemax()]",
)
def the_way_back_forgets_that_the_threshold_moves(self, x, g, spare, mean, kept):
    """Move each key by itself, as if the threshold stood still."""
    u, power = x.relu(), 1 / self.c - 1
    h = torch.where(u > 0, u**power, 0)
    return u * h, g * h


@mistake(
    "torch_backend.blocks._backward",
    *(f"{STREAMED}{name}()]" for name in ("sigmoid", "sparsemax", "softpick")),
)
def the_way_back_forgets_the_mask(right, rule, call, *given):
    """Let all keys take part on the way back."""
    free = dataclasses.replace(call, bias=None, mask=None, is_causal=False)
    return right(rule, free, *given)


@mistake("torch_backend.block_rules.Softpick.differ", f"{STREAMED}softpick()]")
def the_way_back_forgets_that_the_sum_moves(right, self, x, g, spare, mean, kept):
    """Move each key by itself, as if the sum stood still."""
    return right(self, x, g, spare, 0 * mean, kept)


@mistake(
    "torch_backend.sdpa._softmax1_backward",
    f"{BLOCKED}test_derivatives_are_differences[cpu-softmax1()]",
)
def softmax1_s_way_back_with_softmax_s_sum(right, ctx, grad):
    """Take the share of the one more key out of the sum that was kept."""
    *saved, offset, out, lse = ctx.saved_tensors
    without = lse + torch.log1p(-torch.exp(offset - lse))
    kept = (*saved, offset, out, without)
    needs = ctx.needs_input_grad
    plain = SimpleNamespace(
        saved_tensors=kept, options=ctx.options, needs_input_grad=needs
    )
    return right(plain, grad)


@mistake(
    "torch_backend.masking.count_keys",
    f"{STREAMED}relu(mean=True)]",
    f"{STREAMED}sigmoid(bias=-logn)]",
)
def masked_keys_are_counted_in_attention(call):
    """Count all keys, for every query."""
    return call.shape[-1]
