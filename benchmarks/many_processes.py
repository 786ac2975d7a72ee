"""Ceilings of this machine, and attention on two processes of one thread each."""

from collections.abc import Iterator
from statistics import median

from benchmarks import ceilings, sharded
from benchmarks.sharded import D_KEY, FEW, LONG, MANY, N_HEADS, PROCESSES
from benchmarks.timing import PAIRS, Row

SHAPE = f"{N_HEADS} heads, d = {D_KEY}, float32"
GATHERED = "all keys gathered, then SDPA"
GROWN = 2.2  # memory, for twice as many queries and keys


def rows() -> Iterator[Row]:
    """Measure the ceilings, then the ring and the tree against gathering."""
    yield from ceilings.rows()
    found = sharded.measured()
    each = f"{PROCESSES} processes, {SHAPE}"
    for name, case, goal in (
        ("long", f"ring, softmax: {each}, n = {LONG}", 1.1),
        ("few", f"ring, softmax: {each}, {FEW} queries a process, n = {MANY}", 0.7),
    ):
        yield Row(case, GATHERED, "times as long", goal, found[name])
    yield Row(
        f"ring, softmax: {each}, n = {LONG}, forward",
        f"one process, {PROCESSES} threads, SDPA of the whole",
        "times as long",
        None,
        found["one process"],
    )
    case = f"tree, softmax: {each}, one query, n = {MANY}"
    yield Row(case, GATHERED, "times as long", None, found["tree"])
    yield hidden(found["hidden"])
    extra = [
        tuple(sharded.memory(n) for n in (2 * LONG, LONG)) for _ in range(PAIRS - 2)
    ]
    case = f"ring, softmax: {each}, n = {LONG} to {2 * LONG}, extra memory"
    yield Row(case, "half as many", "times as much", GROWN, extra)


def hidden(taken: list[tuple[float, float, float]]) -> Row:
    """Conclude how much of the rounds is hidden behind the work, if that can be told.

    It cannot where the work alone varies by more than the rounds take.
    """
    rounds, work, _ = zip(*taken, strict=True)
    shares = [(a + b - c, a) for a, b, c in taken]
    spread, cost = max(work) - min(work), median(rounds)
    told = "cannot be told" if spread > cost else "can be told"
    case = (
        f"share of the rounds that is hidden ({told}): {PROCESSES} processes, {SHAPE}, "
        f"{FEW} queries a process, n = {MANY}; rounds alone {1000 * cost:.0f} ms, "
        f"work alone {1000 * median(work):.0f} ms, its spread {1000 * spread:.0f} ms"
    )
    return Row(case, None, "of it", None, shares)
