"""Two sides timed in turn on a GPU, by its own clock; in the interpreter, once."""

import math
import time
from collections.abc import Callable

import torch

__all__ = ["ROUNDS", "errors", "memory", "time_in_turn"]

ROUNDS = 7
SAMPLE_MS = 8.0  # of work, at least, in a sample
MOST_CALLS = 40
CACHE = 256 * 1024 * 1024  # bytes, more than any GPU keeps: written before each call


def time_in_turn(ours: Callable, peer: Callable, on_gpu: bool, best_of: int = 1):
    """Return seconds a call of both, in turn; the peer's are the best of some."""
    if not on_gpu:
        return [(_once(ours), _once(peer))]
    spare = torch.empty(CACHE, dtype=torch.uint8, device="cuda")
    calls = [_calls(side, spare) for side in (ours, peer)]
    pairs = []
    for index in range(ROUNDS):
        taken = {}
        for side in (0, 1) if index % 2 == 0 else (1, 0):
            tries = best_of if side else 1
            taken[side] = min(
                _seconds((ours, peer)[side], calls[side], spare) for _ in range(tries)
            )
        pairs.append((taken[0], taken[1]))
    return pairs


def _calls(side, spare):
    """Return how many calls make a sample long enough; the first ones compile."""
    side()
    ms = 1000 * _seconds(side, 3, spare)
    return min(MOST_CALLS, max(3, math.ceil(SAMPLE_MS / max(ms, 1e-3))))


def _seconds(side, calls, spare):
    """Return the mean time of a call whose inputs lie in no cache.

    Writing over the cache takes longer than to start the call behind it, so that what
    Python takes is not seen.
    """
    events = []
    for _ in range(calls):
        spare.zero_()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        side()
        end.record()
        events.append((start, end))
    torch.cuda.synchronize()
    return sum(start.elapsed_time(end) for start, end in events) / calls / 1000


def _once(side):
    start = time.perf_counter()
    side()
    return time.perf_counter() - start


def memory(side: Callable, on_gpu: bool) -> float:
    """Return by how many MB a call raises the peak of the GPU's memory."""
    if not on_gpu:
        side()
        return 0.0
    side()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    result = side()
    torch.cuda.synchronize()
    del result
    return (torch.cuda.max_memory_allocated() - before) / 1e6


def errors(ours: Callable, peer: Callable, exact: Callable) -> tuple[float, float]:
    """Return the root mean square errors of both, against float64."""
    true = exact()
    found = (
        float((side().double() - true).square().mean().sqrt()) for side in (ours, peer)
    )
    return tuple(found)
