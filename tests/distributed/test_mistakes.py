"""Each mistake, made on all processes, is noticed by a case that passes without it."""

import pytest

from tests.distributed.cases import Case
from tests.distributed.mistakes import MISTAKES
from tests.distributed.test_equals_one_process import BOUND

CAUSAL = Case("softmax", is_causal=True)
CAUSAL_N = Case("scalable_softmax", is_causal=True)
BIASED = Case("softmax1", learned={"offset": 0.3})
SPARSE = Case("entmax")
NOTICED = {
    "places_of_a_shard_are_ignored": ("ring", CAUSAL),
    "keys_of_the_shard_are_counted": ("ring", Case("scalable_softmax")),
    "all_keys_are_counted_under_a_causal_mask": ("ring", CAUSAL_N),
    "states_merge_without_rescaling": ("ring", Case("softmax", spread=3.0)),
    "a_gradient_is_not_sent_home": ("ring", Case("softmax")),
    "sums_are_not_reduced": ("tree", Case("sigmoid")),
    "the_sums_of_newton_are_not_reduced": ("ring", SPARSE),
    "the_sums_of_the_way_back_are_not_reduced": ("ring", SPARSE),
    "the_gradient_of_a_parameter_is_dropped": ("ring", BIASED),
    "a_nan_is_left_to_the_maximum": ("spoiled", SPARSE),
}


def errors(answers):
    """Give the largest error of all processes; NaN is one."""
    found = [error for of_rank in answers for case in of_rank for error in case]
    return max(found, key=lambda error: float("inf") if error != error else error)


def test_every_mistake_has_a_case():
    assert NOTICED.keys() == MISTAKES.keys()


@pytest.mark.parametrize("name", MISTAKES)
def test_it_is_noticed(two, name):
    function, case = NOTICED[name]
    assert errors(two.run(function, [case])) <= BOUND
    assert not errors(two.run("mutated", name, function, [case])) <= BOUND
