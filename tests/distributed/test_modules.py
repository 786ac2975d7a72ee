"""Modules over a group: a step of training as on one process, and what is refused."""

import pytest

BOUND = 1e-12


@pytest.mark.parametrize("layout", ["contiguous", "zigzag"])
@pytest.mark.parametrize(
    ("weighting", "learned"),
    [("softmax1", ("offset",)), ("entmax15", ("alpha",)), ("sigmoid", ("bias",))],
)
def test_a_step_of_training_is_that_of_one_process(two, weighting, learned, layout):
    for errors in two.run("trained", weighting, learned, layout):
        assert errors
        assert all(error <= BOUND for error in errors.values()), errors


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("attn_mask", "takes no attn_mask"),
        ("dropout", "takes no dropout 0.5"),
        ("method", "takes no method 'dense'"),
    ],
)
def test_what_a_group_lacks_is_refused(two, what, message):
    for error in two.errors("module_with", what):
        assert error.kind == "ValueError"
        assert message in error.message


def test_dropout_is_none_while_evaluated(two):
    assert two.run("evaluated") == [(2, 4, 6)] * 2
