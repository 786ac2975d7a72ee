"""Attention of NumPy arrays, against the textbook formula and torch's."""

from collections.abc import Iterator

import numpy as np

from attention_lib import scaled_dot_product_attention
from benchmarks.attention_case import CASE, D_KEY, check_fused, inputs
from benchmarks.memory import extra_megabytes
from benchmarks.timing import PAIRS, Row, time_in_turn


def rows() -> Iterator[Row]:
    """Compare times with both peers, and measure the memory."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention as torch_attention

    arrays = inputs()
    tensors = [torch.from_numpy(array) for array in arrays]
    ours = scaled_dot_product_attention(*arrays)
    for theirs in (textbook(*arrays), torch_attention(*tensors).numpy()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)

    pairs = time_in_turn(
        lambda: scaled_dot_product_attention(*arrays), lambda: textbook(*arrays)
    )
    yield Row(CASE, "the textbook formula", "times faster", 1.7, pairs)
    check_fused(lambda: torch_attention(*tensors))
    pairs = time_in_turn(
        lambda: scaled_dot_product_attention(*arrays), lambda: torch_attention(*tensors)
    )
    yield Row(CASE, "torch", "times as long", 1.5, pairs)
    extra = [(extra_megabytes(__name__, "work"), None) for _ in range(PAIRS)]
    yield Row(f"{CASE}, extra memory", None, "MB", 30, extra)


def textbook(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return softmax(query keyᵀ / √d) value as it is written, in float32."""
    # By a Python float: a NumPy float64 would make all of it float64.
    scores = query @ key.swapaxes(-1, -2) / float(D_KEY) ** 0.5
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights @ value


def work():
    """Return the call whose memory is measured, its code already loaded."""
    arrays = inputs()
    # Large enough to take the same path, and so to load what that loads.
    scaled_dot_product_attention(*(array[:, :2, :1024] for array in arrays))
    return lambda: scaled_dot_product_attention(*arrays)
