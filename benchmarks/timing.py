"""Two sides timed in turn, and what is concluded from the pairs."""

import math
import operator
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from statistics import median

__all__ = ["MEASURES", "Row", "time_in_turn"]

PAIRS = 9
# A sample lasts at least this long, so that the clock and a stray interrupt are small.
SAMPLE_SECONDS = 0.1
# BLAS and OpenMP workers spin for some milliseconds after their work, on the cores
# that the other side needs.
PAUSE_SECONDS = 0.05

# What one pair of times says, and which comparison with the goal is a success.
MEASURES = {
    "times faster": (lambda ours, peer: peer / ours, operator.ge),
    "times as long": (lambda ours, peer: ours / peer, operator.le),
    "ms more": (lambda ours, peer: 1000 * (ours - peer), operator.le),
    "times as much": (lambda ours, peer: ours / peer, operator.le),
    "times the slow-down": (lambda ours, peer: ours / peer, operator.le),
    "of it": (lambda part, whole: part / whole, operator.ge),
    "MB": (lambda ours, peer: ours, operator.le),
    # A pair is what was done, in thousand millions, and the seconds that it took.
    "GFLOP/s": (lambda done, seconds: done / seconds, operator.ge),
    "GB/s": (lambda done, seconds: done / seconds, operator.ge),
}


@dataclass
class Row:
    """One comparison: the pairs (ours, peer), their measure, and the goal, if any."""

    case: str
    peer: str | None
    measure: str
    goal: float | None
    pairs: list[tuple[float, float | None]]
    median: float = field(init=False)
    min: float = field(init=False)
    max: float = field(init=False)
    met: bool | None = field(init=False)

    def __post_init__(self) -> None:
        """Conclude from the pairs; only here, so that the figures cannot disagree."""
        measure, succeeds = MEASURES[self.measure]
        samples = [measure(ours, peer) for ours, peer in self.pairs]
        self.median, self.min, self.max = median(samples), min(samples), max(samples)
        self.met = None if self.goal is None else succeeds(self.median, self.goal)

    def __str__(self) -> str:
        """Return one line for the terminal."""
        sign = "≥" if MEASURES[self.measure][1] is operator.ge else "≤"
        against = f" (against {self.peer})" if self.peer else ""
        goal = "no goal"
        if self.goal is not None:
            goal = f"goal {sign} {self.goal:g}: {'met' if self.met else 'MISSED'}"
        return (
            f"  {self.median:6.2f} {self.measure:13} {self.min:6.2f} to {self.max:.2f}"
            f"   {goal}   {self.case}{against}"
        )


def time_in_turn(
    ours: Callable[[], object], peer: Callable[[], object], pairs: int = PAIRS
) -> list[tuple[float, float]]:
    """Return seconds a call of both, taken in turn, each side first as often."""
    calls = calls_per_sample((ours, peer))
    times = []
    for index in range(pairs):
        order = (ours, peer) if index % 2 == 0 else (peer, ours)
        taken = {side: seconds_a_call(side, calls) for side in order}
        times.append((taken[ours], taken[peer]))
    return times


def calls_per_sample(sides: Iterable[Callable[[], object]]) -> int:
    """Return how many calls make a sample of either side long enough; warm both up."""
    fastest = math.inf
    for side in sides:
        side()
        fastest = min(fastest, seconds_a_call(side, 1))
    return max(1, math.ceil(SAMPLE_SECONDS / fastest))


def seconds_a_call(side: Callable[[], object], calls: int) -> float:
    """Return the mean time of some calls, after a pause."""
    time.sleep(PAUSE_SECONDS)
    start = time.perf_counter()
    for _ in range(calls):
        side()
    return (time.perf_counter() - start) / calls
