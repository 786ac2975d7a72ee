"""What a busy neighbour costs: our slow-down beside it, over that of the peer.

The neighbour is a process that multiplies matrices on every core. A program that is
handed out in small pieces, after each of which it waits for all cores, loses a slice of
the neighbour's time per piece; one that is not becomes slower by the neighbour's share.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from entmax import entmax15, entmax_bisect
from entmax import sparsemax as their_sparsemax
from torch.nn.functional import scaled_dot_product_attention as torch_attention

from attention_lib import entmax, sparsemax
from benchmarks.attention_case import CASE, check_fused, inputs
from benchmarks.sparse_rows import scores
from benchmarks.streamed_attention import attend, work
from benchmarks.timing import PAIRS, Row, calls_per_sample, seconds_a_call

# Of a threshold and of a sum; all others go through the same blocks and threads.
WEIGHTINGS = (("entmax15", False), ("entmax15", True), ("softpick", True))
SHAPES = ((4096, 4096), (64, 32768))
MANY = 10**7  # numbers for which the package takes minutes where alpha is small
GOAL = 1.3
MEASURE = "times the slow-down"
NEIGHBOUR = """
import numpy as np
matrix = np.ones((1000, 1000), np.float32)
print("busy", flush=True)
while True:
    matrix @ matrix
"""


def rows() -> Iterator[Row]:
    """Compare attention with torch's own, and sparse rows with the entmax package."""
    given = [torch.from_numpy(a).requires_grad_() for a in inputs()]
    check_fused(lambda: torch_attention(*given))
    for name, backward in WEIGHTINGS:
        ours = work(given, lambda *a, n=name: attend(n, *a), backward)
        peer = work(given, torch_attention, backward)
        way = "forward and backward" if backward else "forward"
        pairs = slow_downs(ours, peer)
        yield Row(f"{name}, {way}: {CASE}", "torch", MEASURE, GOAL, pairs)
    for shape in SHAPES:
        yield from against_the_package(torch.from_numpy(scores(shape, 1.0)))


def against_the_package(x: torch.Tensor) -> Iterator[Row]:
    """Compare sparse rows: by the fast way, and where its time allows by the other."""
    cases = [
        ("sparsemax", sparsemax, their_sparsemax),
        ("entmax-1.5", entmax, entmax15),
        *((f"alpha {a:g}", *of_alpha(a)) for a in (1.25, 1.05)),
    ]
    for name, ours, peer in cases if x.numel() < MANY else cases[:2]:
        pairs = slow_downs(lambda f=ours: f(x), lambda f=peer: f(x))
        case = f"{name}, {x.shape[0]:,} x {x.shape[1]:,}"
        yield Row(case, "entmax", MEASURE, GOAL, pairs)


def of_alpha(alpha: float) -> tuple[Callable, Callable]:
    """Return our function and the package's for one alpha."""
    return lambda x: entmax(x, alpha), lambda x: entmax_bisect(x, alpha=alpha)


def slow_downs(
    ours: Callable[[], object], peer: Callable[[], object]
) -> list[tuple[float, float]]:
    """Return how many times as long both take beside the neighbour, in turn."""
    calls = {side: calls_per_sample([side]) for side in (ours, peer)}
    pairs = []
    for index in range(PAIRS):
        order = (ours, peer) if index % 2 == 0 else (peer, ours)
        alone = {side: seconds_a_call(side, calls[side]) for side in order}
        with neighbour():
            beside = {side: seconds_a_call(side, calls[side]) for side in order}
        pairs.append((beside[ours] / alone[ours], beside[peer] / alone[peer]))
    return pairs


@contextmanager
def neighbour() -> Iterator[None]:
    """Keep every core busy by another process, which ends with the block."""
    command = [sys.executable, "-c", NEIGHBOUR]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()  # it has begun
            yield
        finally:
            process.kill()
