"""Where a process falls, the others say so soon, and the group is not used again."""

import signal
import time

import pytest

from tests.distributed.processes import Processes, Raised

TIMEOUT, SOON = 5.0, 10.0  # seconds: of the group, and until all have raised
SIZE, VICTIM = 3, 1
TURN = 0  # the first of three: later, some have all that they need
SURVIVORS = [rank for rank in range(SIZE) if rank != VICTIM]


@pytest.fixture
def three():
    """Three processes whose exchanges take at most so long."""
    processes = Processes(SIZE, timeout=TIMEOUT)
    yield processes
    processes.close()


def answers(processes, ranks):
    """Wait for the errors of some processes."""
    found = [processes.answer(rank) for rank in ranks]
    assert all(isinstance(each, Raised) for each in found), found
    return found


def test_a_process_that_raises_stops_all_and_the_group_is_refused(three, tmp_path):
    begun = time.monotonic()
    for rank in range(SIZE):
        three.start(rank, "falls", str(tmp_path), VICTIM, TURN, "raise")
    found = answers(three, range(SIZE))
    assert time.monotonic() - begun < SOON
    assert found[VICTIM].kind == "ArithmeticError"
    for rank in SURVIVORS:
        assert found[rank].kind == "RuntimeError"
        assert "ring_attention: the exchange with process" in found[rank].message
        assert found[rank].cause is not None
    begun = time.monotonic()
    for each in three.errors("attends"):
        assert each.kind == "RuntimeError"
        assert "an earlier call on this group failed" in each.message
    assert time.monotonic() - begun < 1.0, "it waited for the others"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_stopped_is_noticed(three, tmp_path, number):
    for rank in range(SIZE):
        three.start(rank, "falls", str(tmp_path), VICTIM, TURN, "sleep")
    end = time.monotonic() + 30
    while not (tmp_path / "asleep").exists():
        assert time.monotonic() < end, "it never got there"
        time.sleep(0.01)
    begun = time.monotonic()
    three.send_signal(VICTIM, number)
    found = answers(three, SURVIVORS)
    assert time.monotonic() - begun < SOON
    for rank, each in zip(SURVIVORS, found, strict=True):
        others = ", ".join(str(other) for other in range(SIZE) if other != rank)
        assert each.kind == "RuntimeError"
        assert f"the exchange with process {others} of the group" in each.message
        assert each.cause is not None
    for rank in SURVIVORS:
        three.start(rank, "leaves")
    for rank in SURVIVORS:
        assert three.answer(rank) is None
