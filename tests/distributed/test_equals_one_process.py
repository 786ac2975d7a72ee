"""Shards give what the whole gives on one process: outputs and gradients, all kinds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.distributed.cases import SHARDED, Case
from tests.in_rotation import WHOLE

BOUND = 1e-12  # of the largest entry of each output and each gradient, in float64
STEEP = 1e-9  # beyond alpha = 2, where an ulp of the threshold moves a weight by more
STEEPER = {"alpha": [[[3.0]], [[4.0]]]}
LEARNED = [
    ("softmax", {"temperature": 0.7}),
    ("softmax", {"temperature": [[[0.7]], [[0.2]]]}),
    ("softmax1", {"offset": 0.3}),
    ("scalable_softmax", {"scale": 0.5}),
    ("sigmoid", {"bias": -1.0}),
    ("normalized_sigmoid", {"bias": -1.0}),
    ("entmax", {"alpha": 1.5}),
    ("entmax", {"alpha": [[[1.0]], [[0.5]]]}),
    ("entmax", STEEPER),
]
LEARNED = [(turn, *each) for turn, each in enumerate(LEARNED)]


OTHERWISE = {"enable_gqa": True, "options": {"softcap": 2.0, "scale": -0.7}}


def ring_cases(name, turn, **more):
    """Give the ways to cut a whole for a ring: of the last three, one in its turn."""
    zigzag = {"is_causal": True, "layout": "zigzag"}
    others = [
        Case(name, masked=True, **more),
        Case(name, masked=True, **zigzag, **more),
        Case(name, **OTHERWISE, **more),
    ]
    return [
        Case(name, **more),
        Case(name, is_causal=True, uneven=True, **more),
        Case(name, queries=11, keys=9, **zigzag, **more),
        *in_its_turn(others, turn),
    ]


def tree_cases(name, turn, **more):
    """Give the ways to cut a whole for a tree: one in its turn."""
    cases = [
        Case(name, **more),
        Case(name, masked=True, uneven=True, **more),
        Case(name, **OTHERWISE, **more),
    ]
    return in_its_turn(cases, turn)


def in_its_turn(cases, turn):
    """Give one of some cases, or all with `WHOLE=1`."""
    return cases if WHOLE else [cases[turn % len(cases)]]


def equal(processes, function, cases, bound=BOUND):
    """Run cases on all processes, and look at the largest error of each."""
    for rank, errors in enumerate(processes.run(function, cases)):
        for case, of_case in zip(cases, errors, strict=True):
            assert all(e <= bound for e in of_case), (
                f"process {rank}, {case}: {of_case}"
            )


@pytest.mark.parametrize(("turn", "name"), list(enumerate(SHARDED)))
def test_two_processes_are_one(two, turn, name):
    equal(two, "ring", ring_cases(name, turn))
    equal(two, "tree", tree_cases(name, turn))


@pytest.mark.parametrize(("turn", "name"), list(enumerate(SHARDED)))
def test_four_processes_are_one(four, turn, name):
    uneven, zigzag = ring_cases(name, turn)[1:3]
    equal(four, "ring", in_its_turn([uneven, zigzag], turn))
    equal(four, "tree", tree_cases(name, turn + 1))


@pytest.mark.parametrize(("turn", "name", "learned"), LEARNED)
def test_parameters_learn_as_on_one_process(two, turn, name, learned):
    bound = STEEP if learned == STEEPER else BOUND
    equal(two, "ring", ring_cases(name, turn, learned=learned)[1:], bound)
    equal(two, "tree", tree_cases(name, turn, learned=learned), bound)


def test_shards_of_several_blocks(two):
    names = ("softmax1", "normalized_relu", "entmax", "sigmoid")
    long = {"queries": 90, "keys": 2300, "is_causal": True, "masked": True}
    equal(two, "ring", [Case(name, **long) for name in names])


@st.composite
def any_split(draw, size):
    """Draw a whole of some lengths, and any way to share it out."""
    name = draw(st.sampled_from(sorted(SHARDED)))
    parts = st.lists(st.integers(0, 7), min_size=size, max_size=size)
    cuts = draw(parts), draw(parts.filter(sum))
    causal, masked = draw(st.booleans()), draw(st.booleans())
    return Case(
        name, sum(cuts[0]), sum(cuts[1]), is_causal=causal, masked=masked, cuts=cuts,
        seed=draw(st.integers(0, 99)),
    )  # fmt: skip


@pytest.mark.parametrize("size", [2, 4])
def test_any_split_gives_the_same(request, size):
    processes = request.getfixturevalue({2: "two", 4: "four"}[size])

    @settings(max_examples=200 if WHOLE else 20)
    @given(any_split(size))
    def same(case):
        equal(processes, "ring", [case])
        if not case.is_causal:
            equal(processes, "tree", [case])

    same()
