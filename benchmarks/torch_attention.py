"""Attention of torch tensors, against torch's own function."""

from collections.abc import Iterator

import torch
from torch.nn.functional import scaled_dot_product_attention as torch_attention

from attention_lib import scaled_dot_product_attention
from benchmarks.attention_case import CASE, check_fused, inputs
from benchmarks.timing import Row, time_in_turn


def rows() -> Iterator[Row]:
    """Compare a forward pass, and one with causal masking."""
    tensors = [torch.from_numpy(array) for array in inputs()]
    for causal in (False, True):

        def ours(causal=causal):
            return scaled_dot_product_attention(*tensors, is_causal=causal)

        def peer(causal=causal):
            return torch_attention(*tensors, is_causal=causal)

        torch.testing.assert_close(ours(), peer())
        check_fused(peer)
        # More pairs than elsewhere: the goal leaves two percent.
        pairs = time_in_turn(ours, peer, pairs=21)
        case = f"{CASE}, causal" if causal else CASE
        yield Row(case, "torch", "times as long", 1.02, pairs)
