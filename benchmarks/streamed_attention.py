"""Attention of other weightings in torch, against torch's own of softmax."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention as torch_attention

from attention_lib import Entmax, scaled_dot_product_attention
from benchmarks.attention_case import (
    CASE,
    D_KEY,
    N_HEADS,
    N_KEYS,
    check_fused,
    inputs,
)
from benchmarks.memory import extra_megabytes
from benchmarks.timing import Row, time_in_turn

# Weighting, and the largest goal for a forward pass.
WEIGHTINGS = {
    "softmax1": 2.5,
    "scalable_softmax": 2.5,
    "sigmoid": 2.5,
    "relu": 2.5,
    "relu_mean": 2.5,
    "normalized_sigmoid": 2.5,
    "normalized_tanh": 2.5,
    "normalized_relu": 2.5,
    "softpick": 2.5,
    "sparsemax": 4.0,
    "entmax15": 4.0,
    "entmax, alpha 1.25": 4.0,
}
MEASURED = ("softmax1", "normalized_sigmoid", "softpick", "sparsemax", "entmax15")
GROWING = ("softpick", "entmax15")
LENGTHS = (1024, 2048, 4096, 8192, 16384)
FEW_HEADS = 2
BOTH_WAYS, MEMORY = 2.5, 80
DOUBLED, DOUBLED_MEMORY = 4.5, 2.2
PAIRS = 7


def rows() -> Iterator[Row]:
    """Compare forward passes and both ways, and measure memory and growth."""
    given = [torch.from_numpy(a).requires_grad_() for a in inputs()]
    check_fused(lambda: torch_attention(*given))
    for name, goal in WEIGHTINGS.items():
        check_answer(name, [a[:, :1, :512].detach() for a in given])
        for backward in (False, True):
            ours = work(given, lambda *a, n=name: attend(n, *a), backward)
            peer = work(given, torch_attention, backward)
            pairs = time_in_turn(ours, peer, PAIRS)
            case = f"{name}, {'forward and backward' if backward else 'forward'}"
            limit = BOTH_WAYS if backward else goal
            yield Row(f"{case}: {CASE}", "torch", "times as long", limit, pairs)
    for name in MEASURED:
        extra = [(memory_of(name, N_KEYS, N_HEADS), None) for _ in range(PAIRS)]
        yield Row(f"{name}, with backward: {CASE}", None, "MB", MEMORY, extra)
    for name in GROWING:
        yield from growth(name)


def growth(name: str) -> Iterator[Row]:
    """Compare twice as many queries and keys with as many, in time and memory."""
    for n, more in pairwise(LENGTHS):
        case = f"{name}, with backward: {FEW_HEADS} heads, n = {n} to {more}"
        sides = [both_ways(name, length, FEW_HEADS) for length in (more, n)]
        pairs = time_in_turn(*sides, PAIRS)
        yield Row(case, "half as many keys", "times as long", DOUBLED, pairs)
    extra = [
        tuple(memory_of(name, length, FEW_HEADS) for length in (more, n))
        for _ in range(PAIRS)
    ]
    case = f"{case}, extra memory"
    yield Row(case, "half as many keys", "times as much", DOUBLED_MEMORY, extra)


def memory_of(name: str, n_keys: int, n_heads: int) -> float:
    """Return the extra peak memory of one call both ways, in MB."""
    return extra_megabytes(__name__, "both_ways", name, n_keys, n_heads)


def attend(name: str, *given: torch.Tensor) -> torch.Tensor:
    """Attend with a weighting by its name."""
    weighting = Entmax(alpha=1.25) if name.endswith("1.25") else name
    return scaled_dot_product_attention(*given, weighting=weighting)


def check_answer(name: str, given: list[torch.Tensor]) -> None:
    """Stop unless the answer is that of one matrix, in float64."""
    given = [a.double() for a in given]
    weighting = Entmax(alpha=1.25) if name.endswith("1.25") else name
    streamed, dense = (
        scaled_dot_product_attention(*given, weighting=weighting, method=method)
        for method in ("streaming", "dense")
    )
    torch.testing.assert_close(streamed, dense)


def work(given: list, call: Callable, backward: bool) -> Callable[[], object]:
    """Return a call to time: forward alone without gradients, or both ways."""
    pull = torch.ones_like(given[0])

    def forward():
        with torch.no_grad():
            return call(*given)

    def both():
        return torch.autograd.grad(call(*given), given, pull)

    return both if backward else forward


def both_ways(name: str, n_keys: str | int, n_heads: str | int) -> Callable:
    """Return the call whose memory is measured, its code already loaded."""
    rng = np.random.default_rng(0)
    shape = (1, int(n_heads), int(n_keys), D_KEY)
    given = [
        torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)).requires_grad_()
        for _ in range(3)
    ]
    call = work(given, lambda *a: attend(name, *a), backward=True)
    small = [a[:, :2, :1024].detach().requires_grad_() for a in given]
    work(small, lambda *a: attend(name, *a), backward=True)()
    return call
