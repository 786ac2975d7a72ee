"""What is sent, what is made, and how many steps a threshold takes.

The steps are counted for each power with three lengths and two spreads in rotation: any
two of these meet, and all three with ``WHOLE=1``.
"""

import pytest

from attention_lib.distributed.layouts import lengths_of
from tests.distributed.cases import Case
from tests.in_rotation import in_rotation

FLOAT64 = 8  # bytes
HEADS, BATCH, FEATURES = 2, 2, 3


def of_keys(case, size, heads=HEADS):
    """Give the bytes of keys and values that each process sends in a round."""
    _, keys = case.lengths(size)
    each = BATCH * heads * FEATURES * FLOAT64 * 2
    # All shards but that which the next process begins with.
    return [each * (case.keys - keys[(rank + 1) % size]) for rank in range(size)]


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("shared", [False, True], ids=["heads", "shared heads"])
def test_a_ring_sends_each_shard_once_and_no_head_twice(request, size, shared):
    processes = request.getfixturevalue({2: "two", 4: "four"}[size])
    case = Case("softmax1", keys=16, enable_gqa=shared)
    sent = processes.run("sent", "ring", case, "forward")
    whole = of_keys(case, size, 1 if shared else HEADS)
    assert [sum(of_rank) for of_rank in sent] == whole
    back = processes.run("sent", "ring", case, "backward")
    # Keys and values once more, and their gradients, which are as many numbers.
    assert [sum(of_rank) for of_rank in back] == [2 * n for n in whole]


def test_thresholds_cost_a_round_of_keys_for_the_start_and_each_step(two):
    case = Case("entmax", keys=16)
    values = of_keys(case, 2)[0] // 2
    for of_rank in two.run("sent", "ring", case, "forward"):
        shards = [n for n in of_rank if n > 1]
        flags = [n for n in of_rank if n == 1]
        assert shards[-1] == 2 * values
        assert set(shards[:-1]) == {values}
        assert len(shards) == 1 + len(flags) + 1  # the last flag ends all


def test_a_tree_sends_only_states(two):
    rows = BATCH * HEADS * Case().queries
    for of_rank in two.run("sent", "tree", Case("softmax", keys=600), "forward"):
        assert of_rank == [2 * rows * FLOAT64, ((FEATURES + 1) * rows + 2) * FLOAT64]
    for of_rank in two.run("sent", "tree", Case("sigmoid", keys=600), "forward"):
        assert of_rank == [(FEATURES * rows + 2) * FLOAT64]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("ring", "softmax"),
        ("tree", "softmax1"),
        ("ring", "normalized_relu"),
        ("ring", "entmax"),
    ],
)
def test_nothing_as_large_as_queries_times_keys_is_made(two, function, name):
    case = Case(name, queries=200, keys=2400, is_causal=function == "ring")
    scores, block = BATCH * HEADS * 100 * 1200, 2**15
    for largest, given in two.run("largest_made", function, case, block):
        assert largest <= 2 * given + block
        assert scores > 5 * (2 * given + block), "the case is too small to tell"


@in_rotation(
    "alpha", [0.5, 1.1, 1.5, 2.0], {"keys": [64, 1024, 16384], "spread": [0.01, 3.0]}
)
def test_eight_steps_find_a_threshold(two, four, alpha, keys, spread):
    case = Case("entmax", 1, keys, spread=spread, learned={"alpha": alpha})
    for processes in (two, four):
        for of_rank in processes.run("steps", [case]):
            assert max(of_rank) <= 8, of_rank


def test_a_zigzag_is_balanced_and_covers_all(four):
    for n in (8, 13, 64):
        wanted = list(range(n))
        assert sum(lengths_of(n, 4)) == n
        found = four.run("zigzags", n)
        assert sorted(i for places, *_ in found for i in places) == wanted
        for places, whole, slope in found:
            assert whole == wanted
            assert slope == [float(i in places) for i in wanted]
    # Pairs of a query and a key that it sees, on each process, differ by a block.
    pairs = [sum(i + 1 for i in places) for places, *_ in found]
    assert max(pairs) - min(pairs) <= 8
