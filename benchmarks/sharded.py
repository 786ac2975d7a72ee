"""What two processes time together, a thread each: a ring, a tree, and their parts."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch.nn.functional import scaled_dot_product_attention as fused

from attention_lib.distributed import ring_attention, tree_attention
from attention_lib.distributed.circuits import Ring
from attention_lib.distributed.layouts import segments
from attention_lib.distributed.shards import Shard
from attention_lib.distributed.transfers import Line
from benchmarks.memory import current_and_reset_peak, peak
from benchmarks.timing import PAIRS

__all__ = ["PROCESSES", "measured", "memory"]

PROCESSES = 2
N_HEADS, D_KEY = 8, 64
LONG, MANY, FEW = 8192, 32768, 32  # the last are queries of a process
BOUND = 1e-5  # of float32 outputs, against the peer's
LOOPBACK = Path("/sys/class/net/lo")


def measured() -> dict[str, list[tuple[float, float]]]:
    """Give the pairs of each case, timed in turn."""
    return _together(_measure)


def memory(n: int) -> float:
    """Give the MB by which attention in a ring raises a process's peak."""
    return _together(_remember, n)


def _together(work: Callable, *given: object) -> object:
    """Run a function in a new group of processes; give what the first gives."""
    answers = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        arguments = (f"{folder}/meeting", answers, work, given)
        started = multiprocessing.spawn(
            _join, arguments, nprocs=PROCESSES, join=False, daemon=True
        )
        while answers.empty():
            started.join(0.1)  # raises what a process raised
        answer = answers.get()
        while not started.join():
            pass
    return answer


def _join(rank: int, meeting: str, answers: object, work: Callable, given: tuple):
    torch.set_num_threads(1)
    if LOOPBACK.exists():
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    where = f"file://{meeting}"
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=PROCESSES)
    with torch.no_grad():
        answer = work(*given)
    if rank == 0:
        answers.put(answer)
    dist.destroy_process_group()


def _measure() -> dict[str, list[tuple[float, float]]]:
    found = {}
    for name, queries, n in (("long", LONG // PROCESSES, LONG), ("few", FEW, MANY)):
        query, key, value = _shards(queries, n // PROCESSES)

        def ours(query=query, key=key, value=value):
            return ring_attention(query, key, value)

        def gathered(query=query, key=key, value=value):
            return fused(query, _gathered(key), _gathered(value))

        torch.testing.assert_close(ours(), gathered(), rtol=BOUND, atol=BOUND)
        found[name] = list(_in_turn(ours, gathered))
    found["one process"] = list(_against_one_process())
    found["tree"] = list(_decoded())
    found["hidden"] = list(_hidden())
    return found


def _shards(queries: int, keys: int) -> tuple:
    torch.manual_seed(dist.get_rank())
    query = torch.randn(1, N_HEADS, queries, D_KEY)
    return query, *torch.randn(2, 1, N_HEADS, keys, D_KEY)


def _gathered(shard: torch.Tensor) -> torch.Tensor:
    parts = [torch.empty_like(shard) for _ in range(PROCESSES)]
    dist.all_gather(parts, shard)
    return torch.cat(parts, -2)


def _in_turn(*sides: Callable) -> Iterator[tuple]:
    """Time calls of all processes together: the slowest counts; the order turns."""
    for side in sides:
        side()
    for index in range(PAIRS):
        order = range(len(sides))
        taken = {
            i: _slowest(sides[i]) for i in (order if index % 2 else reversed(order))
        }
        yield tuple(taken[i] for i in order)


def _slowest(side: Callable) -> float:
    """Give the seconds that the slowest process takes, from a common start."""
    dist.barrier()
    start = time.perf_counter()
    side()
    taken = torch.tensor(time.perf_counter() - start, dtype=torch.float64)
    dist.all_reduce(taken, dist.ReduceOp.MAX)
    return taken.item()


def _against_one_process() -> Iterator[tuple]:
    """Time two processes of one thread against one process of two, on the whole."""
    mine = _shards(LONG // PROCESSES, LONG // PROCESSES)
    whole = [_gathered(a) for a in mine]

    def alone():
        if dist.get_rank() == 0:  # the other waits
            torch.set_num_threads(PROCESSES)
            fused(*whole)
            torch.set_num_threads(1)

    return _in_turn(lambda: ring_attention(*mine), alone)


def _decoded() -> Iterator[tuple]:
    """Time one query of all processes against gathering the keys."""
    torch.manual_seed(0)
    query = torch.randn(1, N_HEADS, 1, D_KEY)
    _, key, value = _shards(1, MANY // PROCESSES)

    def gathered():
        return fused(query, _gathered(key), _gathered(value))

    def ours():
        return tree_attention(query, key, value)

    torch.testing.assert_close(ours(), gathered(), rtol=BOUND, atol=BOUND)
    return _in_turn(ours, gathered)


def _hidden() -> Iterator[tuple]:
    """Time the rounds alone, the work alone, and both: of few queries on many keys."""
    query, key, value = _shards(FEW, MANY // PROCESSES)
    n, rank = key.shape[-2], dist.get_rank()
    held = [segments([n] * PROCESSES, r, "contiguous") for r in range(PROCESSES)]
    shard = Shard(key, value, None, held[rank])

    def rounds():
        with Line(None, "the rounds alone", 2**20) as line:
            Ring(line, held).visit(shard, lambda _: None)

    def work():
        for _ in range(PROCESSES):
            fused(query, key, value)

    return _in_turn(rounds, work, lambda: ring_attention(query, key, value))


def _remember(n: int) -> float:
    mine = _shards(n // PROCESSES, n // PROCESSES)
    ring_attention(*(a[..., :64, :] for a in mine))  # loads what is loaded once
    before = current_and_reset_peak()
    out = ring_attention(*mine)
    raised = (peak() - before) / 1e6
    del out  # held until here
    return raised
