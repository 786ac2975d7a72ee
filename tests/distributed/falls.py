"""Three groups, in each of which a process falls: what the others say, and when.

They say it after a timeout, so it is begun before all tests, which run meanwhile. Each
process says for itself when it raised, on the clock that all processes share.
"""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from tests.distributed.processes import Processes

__all__ = ["SIGNALS", "SIZE", "SURVIVORS", "VICTIM", "Fall", "fallen"]

TIMEOUT = 5.0  # seconds, of the group
SIZE, VICTIM = 3, 1
TURN = 0  # the first of three: later, some have all that they need
SURVIVORS = [rank for rank in range(SIZE) if rank != VICTIM]
SIGNALS = ["SIGKILL", "SIGSTOP"]  # by name: not every system has them


class Fall(NamedTuple):
    """When a process fell, what all who could say of it, and of a call after it."""

    begun: float
    found: list
    begun_again: float
    again: list


@contextmanager
def fallen(folder):
    """Give the falls that are under way, by what makes a process fall."""
    ways = {"raise": by_raising} | dict.fromkeys(SIGNALS, by_a_signal)
    with ExitStack() as stack, ThreadPoolExecutor(len(ways)) as threads:
        given = []
        for how in ways:
            processes = Processes(SIZE, timeout=TIMEOUT)
            stack.callback(processes.close)
            processes.run("joins")  # what it takes to begin is no part of the timeout
            (here := folder / how).mkdir()
            given.append((processes, here, how))
        yield {
            how: threads.submit(fall, *each)
            for (how, fall), each in zip(ways.items(), given, strict=True)
        }
        stack.close()  # before the threads are waited for


def by_raising(processes, folder, how):
    """Let a process raise, and call once more."""
    begun = time.monotonic()
    for rank in range(SIZE):
        processes.start(rank, "falls", str(folder), VICTIM, TURN, how)
    found = [processes.answer(rank) for rank in range(SIZE)]
    return Fall(begun, found, time.monotonic(), processes.errors("attends"))


def by_a_signal(processes, folder, name):
    """Send a signal to a process while the others wait for it, and let these leave."""
    for rank in range(SIZE):
        processes.start(rank, "falls", str(folder), VICTIM, TURN, "sleep")
    end = time.monotonic() + 30
    while not (folder / "asleep").exists():
        assert time.monotonic() < end, "it never got there"
        time.sleep(0.01)
    begun = time.monotonic()
    processes.send_signal(VICTIM, getattr(signal, name))
    found = [processes.answer(rank) for rank in SURVIVORS]
    begun_again = time.monotonic()
    for rank in SURVIVORS:
        processes.start(rank, "leaves")
    left = [processes.answer(rank) for rank in SURVIVORS]
    return Fall(begun, found, begun_again, left)
