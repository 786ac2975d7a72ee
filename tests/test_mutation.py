"""A part of the library is replaced for a while, for all who use it."""

import numpy as np
import pytest

from attention_lib import (
    Softpick,
    State,
    _dispatch,
    attention_rollout,
    fold,
    rollout,
    softmax,
)
from attention_lib.numpy_backend import attention
from tests.mutation import Change

SCORES = np.log([1.0, 3.0])


def test_a_function_is_replaced_for_all_who_imported_it():
    before = attention_rollout
    with Change("rollout.attention_rollout", lambda layers: "wrong").applied():
        assert attention_rollout([]) == rollout.attention_rollout([]) == "wrong"
    assert attention_rollout is rollout.attention_rollout is before


def test_it_is_put_back_after_an_error():
    before = attention_rollout
    with (
        pytest.raises(ZeroDivisionError),
        Change("rollout.attention_rollout", lambda layers: 1 / 0).applied(),
    ):
        attention_rollout([])
    assert attention_rollout is before


def test_named_in_a_module_that_imported_it_it_is_replaced_there_alone():
    before = _dispatch.present
    with Change("fold.present", lambda scores, where: "wrong").applied():
        assert fold.present(0, 0) == "wrong"
        assert _dispatch.present is before
    assert fold.present is before


def test_a_wrong_function_that_asks_for_the_right_one_is_given_it():
    def twice(right, scores, where=None, multiplier=1.0):
        return 2 * right(scores, where, multiplier)

    with Change("numpy_backend.rows.softmax", twice).applied():
        np.testing.assert_allclose(softmax(SCORES), [0.5, 1.5])
    np.testing.assert_allclose(softmax(SCORES), [0.25, 0.75])


def test_a_method_is_replaced_for_objects_that_are_there_already():
    weighting = Softpick()
    with Change("weightings.sums.Softpick.phi", lambda self, s: "wrong").applied():
        assert weighting.phi(0) == "wrong"
    assert weighting.phi(SCORES)[0] == 0


def test_an_inherited_method_is_replaced_in_the_class_that_is_named():
    with Change("weightings.sums.Softpick.weigh", lambda self, s, w: 0).applied():
        assert "weigh" in vars(Softpick)
    assert "weigh" not in vars(Softpick)


def test_a_property_a_class_method_and_a_number_stay_what_they_are():
    with Change("fold.State.stream", lambda self: "wrong").applied():
        assert State().stream == "wrong"
    with Change("fold.State.identity", lambda right, cls: (right, cls)).applied():
        assert State.identity()[1] is State
    before = attention.ROWS
    with Change("numpy_backend.attention.ROWS", 3).applied():
        assert attention.ROWS == 3
    assert before == attention.ROWS
