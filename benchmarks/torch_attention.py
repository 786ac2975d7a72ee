"""Attention of torch tensors, against torch's own function."""

from collections.abc import Iterator

import torch
from torch.nn.functional import scaled_dot_product_attention as torch_attention

from attention_lib import scaled_dot_product_attention
from benchmarks.numpy_attention import CASE, inputs
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


def check_fused(peer) -> None:
    """Stop unless torch takes its fused kernel: the dense one is no fair peer."""
    kernel = "_scaled_dot_product_flash_attention_for_cpu"
    with torch.autograd.profiler.profile() as profile:
        peer()
    if not any(kernel in event.key for event in profile.key_averages()):
        raise RuntimeError(f"torch did not take {kernel} for these inputs")
