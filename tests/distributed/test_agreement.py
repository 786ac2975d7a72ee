"""What one process would raise, all raise, before any work; and they go on after it."""

import pytest
import torch

from attention_lib import Softmax
from tests.distributed.cases import SHARDED
from tests.distributed.test_edges import arrays
from tests.paths import EVERY

GIVEN = arrays(2)
WIDE = [GIVEN[0], [a[..., :2] for a in GIVEN[1]]]
DOUBLE = [GIVEN[0], [a.double() for a in GIVEN[1]]]
FEW_VALUES = [GIVEN[0], [*GIVEN[1][:2], GIVEN[1][2][:, :3]]]
PER_HEAD, ONE, A_ROW = torch.ones(2, 1, 1), torch.ones(1, 1), torch.ones(4, 1)
SHORT = [GIVEN[0], [GIVEN[1][0], *(a[:, :1] for a in GIVEN[1][1:])]]


def both(first, second):
    """Give the options of each process."""
    return [first, second]


@pytest.mark.parametrize(
    ("function", "given", "options", "kind", "message"),
    [
        ("ring", WIDE, {}, "ValueError", "sizes must be the same on all processes"),
        ("ring", DOUBLE, {}, "ValueError", "dtype must be the same on all processes"),
        ("ring", FEW_VALUES, {}, "ValueError", "process 1 of the group: key and value"),
        ("ring", SHORT, {"layout": "zigzag"}, "ValueError", "got key shards of [4, 1]"),
        ("ring", GIVEN, {"layout": "zig"}, "ValueError", "layout must be one of"),
        ("ring", GIVEN, {"weighting": "hardmax"}, "TypeError", "Hardmax is of the sel"),
        ("ring", GIVEN, {"where": torch.ones(3).bool()}, "ValueError", "where"),
        ("ring", GIVEN, {"where": torch.ones(4)}, "TypeError", "where must be bool"),
        ("ring", GIVEN, {"is_causal": 1}, "TypeError", "is_causal"),
        ("tree", GIVEN, {"scale": "no"}, "TypeError", "scale"),
        ("tree", SHORT, {"weighting": "nothing"}, "ValueError", "nothing"),
        (
            "ring",
            GIVEN,
            both({"is_causal": True}, {"is_causal": False}),
            "ValueError",
            "is_causal must be the same on all processes; got True on process 0",
        ),
        (
            "ring",
            GIVEN,
            both({"weighting": "softmax"}, {"weighting": "softmax1"}),
            "ValueError",
            "weighting must be the same",
        ),
        (
            "ring",
            GIVEN,
            both(
                {"weighting": Softmax(torch.ones(2, 1, 1))}, {"weighting": Softmax(1)}
            ),
            "ValueError",
            "weighting must be the same",
        ),
        (
            "tree",
            GIVEN,
            both({"weighting": Softmax(ONE)}, {"weighting": Softmax(A_ROW)}),
            "ValueError",
            "weighting must be the same",
        ),
        (
            "tree",
            GIVEN,
            both({"where": ONE > 0}, {"where": A_ROW > 0}),
            "ValueError",
            "where must be the same",
        ),
        (
            "ring",
            GIVEN,
            both({"where": torch.ones(4).bool()}, {}),
            "ValueError",
            "where must be the same",
        ),
    ],
)
def test_all_raise_the_same(two, function, given, options, kind, message):
    errors = two.errors("attention", function, given, options)
    for error in errors:
        assert error.kind == kind
        assert message in error.message
    assert errors[0].message == errors[1].message
    assert two.run("attends") == [24.0, 24.0], "an error of arguments breaks no group"


@pytest.mark.parametrize("name", sorted(EVERY.keys() - SHARDED.keys()))
def test_a_weighting_that_needs_all_keys_at_once_is_refused(two, name):
    for error in two.errors("attention", "ring", GIVEN, {"weighting": EVERY[name]}):
        assert error.kind == "TypeError"
        assert "no finite state exists" in error.message or "own" in error.message


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("dropout", "ValueError: process 0 of the group: attention over a group of"),
        ("check", "TypeError: process 0 of the group: check must be"),
        ("own rule", "RuntimeError: process 0 of the group: KeyError: 'its rule'"),
    ],
)
def test_what_one_refuses_all_refuse_and_no_call_meets_another(two, what, message):
    for said, after in two.run("refused_on_one", what):
        assert said.startswith(message)
        assert after == 7.0


def test_calls_that_do_not_belong_together_are_told_apart(two):
    for error in two.errors("ring_or_tree"):
        assert error.kind == "ValueError"
        assert "process 0 is at function ring_attention" in error.message


def test_no_gradients_where_another_process_wants_them(two):
    for error in two.errors("records_on_one"):
        assert error.kind == "ValueError"
        assert error.message == "process 0 wants gradients, and process 1 records none"


def test_without_a_group_it_says_what_to_do():
    from attention_lib.distributed import ring_attention, tree_attention, zigzag

    one = torch.ones(2, 3)
    for call in (lambda: ring_attention(one, one, one),
                 lambda: tree_attention(one, one, one),
                 lambda: zigzag(one)):  # fmt: skip
        with pytest.raises(ValueError, match="init_process_group"):
            call()
