"""The attention problem that is timed, the same for every engine and peer."""

import numpy as np

__all__ = ["CASE", "D_KEY", "N_HEADS", "N_KEYS", "check_fused", "inputs"]

CASE = "8 heads, n = 4096, d = 64, float32"
N_HEADS, N_KEYS, D_KEY = 8, 4096, 64


def inputs() -> list[np.ndarray]:
    """Return query, key and value.

    With a batch axis: without one, torch's function leaves its fused kernel for a
    dense formula that takes three times as long, and any comparison flatters us.
    """
    rng = np.random.default_rng(0)
    shape = (1, N_HEADS, N_KEYS, D_KEY)
    return [rng.standard_normal(shape, dtype=np.float32) for _ in range(3)]


def check_fused(peer) -> None:
    """Stop unless torch takes its fused kernel: the dense one is no fair peer."""
    import torch

    kernel = "_scaled_dot_product_flash_attention_for_cpu"
    with torch.autograd.profiler.profile() as profile:
        peer()
    if not any(kernel in event.key for event in profile.key_averages()):
        raise RuntimeError(f"torch did not take {kernel} for these inputs")
