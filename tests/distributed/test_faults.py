"""Where a process falls, the others say so soon, and the group is not used again."""

import pytest

from tests.distributed.falls import SIGNALS, SIZE, SURVIVORS, VICTIM
from tests.distributed.processes import Raised

SOON = 10.0  # seconds until all have raised, of a group whose timeout is half of it


def all_raised(found, begun, soon):
    """Look that each answer is an error, raised since then and soon."""
    assert all(isinstance(each, Raised) for each in found), found
    took = [each.at - begun for each in found]
    assert all(0 < seconds < soon for seconds in took), took


def test_a_process_that_raises_stops_all_and_the_group_is_refused(falls):
    fall = falls["raise"].result()
    all_raised(fall.found, fall.begun, SOON)
    assert fall.found[VICTIM].kind == "ArithmeticError"
    for rank in SURVIVORS:
        assert fall.found[rank].kind == "RuntimeError"
        assert "ring_attention: the exchange with process" in fall.found[rank].message
        assert fall.found[rank].cause is not None
    all_raised(fall.again, fall.begun_again, 1.0)  # none waits for the others
    for each in fall.again:
        assert each.kind == "RuntimeError"
        assert "an earlier call on this group failed" in each.message


@pytest.mark.parametrize("name", SIGNALS)
def test_a_process_that_is_killed_or_stopped_is_noticed(falls, name):
    fall = falls[name].result()
    all_raised(fall.found, fall.begun, SOON)
    for rank, each in zip(SURVIVORS, fall.found, strict=True):
        others = ", ".join(str(other) for other in range(SIZE) if other != rank)
        assert each.kind == "RuntimeError"
        assert f"the exchange with process {others} of the group" in each.message
        assert each.cause is not None
    assert fall.again == [None] * len(SURVIVORS)  # they have left the group
