"""The ceilings of a machine, product and copy, and what attention reaches below them.

Two threads of one process. An operation is a multiplication or an addition, in the two
products of attention; a byte is one that is read from memory or written to it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.nn.functional import scaled_dot_product_attention as fused

from benchmarks.attention_case import check_fused
from benchmarks.timing import PAIRS, Row, calls_per_sample, seconds_a_call

__all__ = ["THREADS", "attention", "copy", "product", "rows"]

THREADS = 2
SIDE = 2048  # of the matrices of a product
COPIED = 64 * 2**20  # numbers, more than any cache holds
N_HEADS, D_KEY = 8, 64
N_KEYS = 2048
CACHED = 65536  # keys of one query that decodes


def rows() -> Iterator[Row]:
    """Measure both ceilings, and attention in three ways."""
    yield product()
    yield copy()
    yield from attention()


def product(threads: int = THREADS, pairs: int = PAIRS) -> Row:
    """Measure the operations a second of a product of two float32 matrices."""
    one, other = torch.randn(2, SIDE, SIDE)
    out = torch.empty(SIDE, SIDE)
    case = f"product: {SIDE} x {SIDE}, float32, {threads} threads"
    work = 2 * SIDE**3
    return _rate(
        case, "GFLOP/s", work, lambda: torch.mm(one, other, out=out), threads, pairs
    )


def copy(threads: int = THREADS, pairs: int = PAIRS) -> Row:
    """Measure the bytes a second, read and written, of a copy into memory in use."""
    there, here = torch.ones(COPIED), torch.empty(COPIED)
    moved = 2 * 4 * COPIED
    case = f"copy: {4 * COPIED // 2**20} MiB, float32, {threads} threads"
    return _rate(case, "GB/s", moved, lambda: here.copy_(there), threads, pairs)


def attention(threads: int = THREADS, pairs: int = PAIRS) -> Iterator[Row]:
    """Measure softmax attention in one matrix, in torch's blocks, and of one query."""
    query, key, value = torch.randn(3, 1, N_HEADS, N_KEYS, D_KEY)
    torch.testing.assert_close(
        _in_one_matrix(query, key, value), fused(query, key, value)
    )
    check_fused(lambda: fused(query, key, value))
    size = f"{N_HEADS} heads, n = {N_KEYS}, d = {D_KEY}, float32, {threads} threads"
    work = 4 * N_HEADS * N_KEYS**2 * D_KEY
    for name, way in (("in one matrix", _in_one_matrix), ("in blocks", fused)):
        yield _rate(
            f"attention {name}: {size}",
            "GFLOP/s",
            work,
            lambda way=way: way(query, key, value),
            threads,
            pairs,
        )
    cached = torch.randn(2, 1, N_HEADS, CACHED, D_KEY)
    last = query[:, :, -1:]
    size = f"{N_HEADS} heads, n = {CACHED}, d = {D_KEY}, float32, {threads} threads"
    work = 4 * N_HEADS * CACHED * D_KEY
    yield _rate(
        f"attention of one query: {size}",
        "GFLOP/s",
        work,
        lambda: fused(last, *cached),
        threads,
        pairs,
    )


def _in_one_matrix(query, key, value):
    scores = (query * query.shape[-1] ** -0.5) @ key.mT
    return torch.softmax(scores, -1) @ value


def _rate(
    case: str, unit: str, work: int, side: Callable, threads: int, pairs: int
) -> Row:
    """Time a call some times, and keep what it did a second, in thousand millions."""
    with _threads(threads):
        calls = calls_per_sample([side])
        taken = [(work / 1e9, seconds_a_call(side, calls)) for _ in range(pairs)]
    return Row(case, None, unit, None, taken)


@contextmanager
def _threads(number: int):
    """Let torch use so many threads, and then as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
