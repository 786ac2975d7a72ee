"""The running maximum and sum: however the scores are cut, the result is one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attention_lib import logsumexp, online_softmax, softmax
from tests.derivatives import gradcheck
from tests.engines import rounded

INF, NAN = np.inf, np.nan


def last(blocks):
    for pair in online_softmax(blocks):
        maximum, total = pair
    return maximum, total


@given(
    scores=arrays(np.float64, (3, 13), elements=st.floats(-800, 800)),
    cuts=st.lists(st.integers(0, 13), max_size=6),
)
def test_any_split_equals_the_whole(engine, scores, cuts):
    blocks = [engine.array(b) for b in np.split(scores, sorted(cuts), axis=-1)]
    maximum, total = map(engine.numpy, last(blocks))
    np.testing.assert_array_equal(maximum, scores.max(-1))
    exact = np.exp(scores - scores.max(-1, keepdims=True))
    np.testing.assert_allclose(total, exact.sum(-1), rtol=1e-12)
    weights = engine.numpy(softmax(engine.array(scores)))
    np.testing.assert_allclose(exact / total[:, None], weights, 1e-12, atol=1e-320)


def test_the_state_is_given_after_each_block(engine):
    scores = engine.array(np.log([1.0, 1, 4, 2, 8]))
    states = list(online_softmax([scores[:2], scores[2:4], scores[4:]]))
    states = [[float(engine.numpy(a)) for a in state] for state in states]
    np.testing.assert_allclose(states, [[0, 2], [np.log(4), 2], [np.log(8), 2]])


def test_blocks_may_come_from_a_generator_and_nothing_gives_nothing(engine):
    scores = engine.array([[3.0, 1.0], [0.0, 2.0]])
    maximum, total = last(scores[:, i : i + 1] for i in range(2))
    np.testing.assert_array_equal(engine.numpy(maximum), [3, 2])
    np.testing.assert_allclose(engine.numpy(total), 1 + np.exp(-2.0))
    assert list(online_softmax([])) == []


def test_empty_blocks_and_minus_infinity_add_nothing(engine):
    one = engine.array([[1.0, 2.0]])
    empty, nothing = one[:, :0], engine.array([[-INF, -INF]])
    for blocks in ([empty], [nothing], [empty, nothing, empty]):
        maximum, total = last(blocks)
        assert engine.numpy(maximum) == -INF
        assert engine.numpy(total) == 0
    expected = last([one])
    for blocks in ([empty, one], [one, empty], [nothing, one], [one, nothing]):
        for actual, wanted in zip(last(blocks), expected, strict=True):
            np.testing.assert_array_equal(engine.numpy(actual), engine.numpy(wanted))


@pytest.mark.parametrize("poison", [NAN, INF])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_or_infinity_spoils_the_sum_of_its_row_only(engine, poison, place):
    scores = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    scores[0, place] = poison
    maximum, total = last(engine.array(scores[:, i : i + 1]) for i in range(3))
    np.testing.assert_array_equal(engine.numpy(maximum), [poison, 3])
    assert np.isnan(engine.numpy(total)[0])
    assert engine.numpy(total)[1] == pytest.approx(1 + np.exp(-1) + np.exp(-2))


def test_sixteen_bits_are_computed_in_float32(engine_dtype, rng):
    engine, dtype = engine_dtype
    scores = rounded(rng.normal(size=(3, 101)), dtype)
    work = dtype if dtype == "float64" else "float32"
    maximum, total = last(engine.array(b, dtype) for b in np.split(scores, [7], -1))
    expected = np.log(np.exp(scores).sum(-1))
    actual = engine.numpy(maximum, work) + np.log(engine.numpy(total, work))
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_integers_become_floats(engine):
    maximum, total = last([engine.array(np.array([1, 3])), engine.array([3.0])])
    assert float(maximum) == 3
    assert float(total) == pytest.approx(2 + np.exp(-2))


def test_the_log_sum_exp_has_a_gradient(rng):
    scores = torch.tensor(rng.normal(size=(3, 7)), requires_grad=True)

    def folded(x):
        maximum, total = last(x.split(2, -1))
        return maximum + total.log()

    assert gradcheck(folded, scores)
    torch.testing.assert_close(folded(scores), logsumexp(scores))


def test_blocks_that_do_not_fit_are_refused(engine):
    with pytest.raises(ValueError, match=r"rows of shape \(2,\), the first \(3,\)"):
        list(online_softmax([engine.array(np.ones((3, 2))), engine.array([[1.0]] * 2)]))
    with pytest.raises(ValueError, match="a block needs an axis of keys"):
        list(online_softmax([engine.array(1.0)]))
    with pytest.raises(TypeError, match="a block must hold real numbers"):
        list(online_softmax([engine.array([True])]))
    with pytest.raises(TypeError, match="pass all arrays of one library"):
        list(online_softmax([np.ones(2), torch.ones(2)]))
    with pytest.raises(TypeError, match="pass all arrays of one library"):
        list(online_softmax([torch.ones(2), np.ones(2)]))
