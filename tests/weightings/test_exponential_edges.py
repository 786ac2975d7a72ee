"""Softmax and its logarithm at the edges: every row of the library's table."""

import numpy as np
import pytest
import torch

from attention_lib import Softmax, log_softmax, logsumexp, softmax
from tests.engines import NUMPY, TORCH

INF, NAN = np.inf, np.nan
ROW_RULES = [softmax, log_softmax]


def both_rules(test):
    return pytest.mark.parametrize("rule", ROW_RULES)(test)


@both_rules
@pytest.mark.parametrize("poison", [NAN, INF])
@pytest.mark.parametrize("n_keys", [5, 101])
def test_nan_or_infinity_spoils_its_whole_row_and_no_other(
    engine, rule, poison, n_keys, rng
):
    scores = rng.normal(size=(3, n_keys))
    healthy = engine.numpy(rule(engine.array(scores)))
    scores[1, 2] = poison
    actual = engine.numpy(rule(engine.array(scores)))
    assert np.isnan(actual[1]).all()
    np.testing.assert_allclose(actual[[0, 2]], healthy[[0, 2]], rtol=1e-14)


@both_rules
@pytest.mark.parametrize("masked", [False, True])
def test_a_row_of_minus_infinity_is_nan_where_keys_take_part(engine, rule, masked):
    scores = engine.array([[-INF, -INF, -INF], [0.0, -INF, -INF]])
    where = engine.array([True, True, False]) if masked else None
    weights = engine.numpy(rule(scores, where=where))
    out = 0 if rule is softmax else -INF
    np.testing.assert_array_equal(weights[0], [NAN, NAN, out if masked else NAN])
    np.testing.assert_array_equal(weights[1], [1 + out if out == 0 else 0, out, out])


def test_logsumexp_of_infinities(engine):
    scores = engine.array([[1.0, INF], [-INF, -INF], [-INF, 2.0], [NAN, INF]])
    np.testing.assert_array_equal(
        engine.numpy(logsumexp(scores)), [INF, -INF, 2.0, NAN]
    )


@pytest.mark.parametrize("poison", [0.0, NAN, INF, -INF, 1e300])
@pytest.mark.parametrize("n_keys", [5, 101])
def test_what_does_not_take_part_is_never_read(engine, poison, n_keys, rng):
    scores, where = rng.normal(size=(7, n_keys)), rng.random((7, n_keys)) < 0.6
    where[0], where[1] = True, False
    scores[~where] = poison
    options = {"where": engine.array(where), "temperature": 0.7}
    weights = engine.numpy(softmax(engine.array(scores), **options))
    logs = engine.numpy(log_softmax(engine.array(scores), **options))
    total = engine.numpy(logsumexp(engine.array(scores), where=options["where"]))
    assert (weights[~where] == 0).all()
    assert (logs[~where] == -INF).all()
    assert total[1] == -INF
    for row, kept in enumerate(where):
        if row == 1:
            continue
        alone = engine.array(scores[row, kept])
        np.testing.assert_allclose(
            weights[row, kept], engine.numpy(softmax(alone, temperature=0.7)), 1e-13
        )
        np.testing.assert_allclose(
            logs[row, kept], engine.numpy(log_softmax(alone, temperature=0.7)), 1e-13
        )
        np.testing.assert_allclose(total[row], engine.numpy(logsumexp(alone)), 1e-13)


@pytest.mark.parametrize("shape", [(1,), (5, 1), (3, 5, 1), (1, 7), (1, 1, 1)])
def test_where_broadcasts(engine, shape, rng):
    scores = rng.normal(size=(3, 5, 7))
    where = rng.random(shape) < 0.5
    whole = engine.array(np.broadcast_to(where, scores.shape))
    for axis in (0, 1, 2):
        expected = softmax(engine.array(scores), axis, where=whole)
        actual = softmax(engine.array(scores), axis, where=engine.array(where))
        np.testing.assert_array_equal(engine.numpy(actual), engine.numpy(expected))


def test_a_mask_beats_the_lowest_score(engine_dtype):
    engine, dtype = engine_dtype
    # A large negative number in place of -inf would leave masked keys a share here.
    lowest = float(torch.finfo(getattr(torch, dtype)).min)
    scores = engine.array([[lowest, lowest, 0.0], [0.0, 0.0, 0.0]], dtype)
    where = engine.array([[True, True, False], [False, False, False]])
    weights = engine.numpy(softmax(scores, where=where), dtype)
    np.testing.assert_array_equal(weights, [[0.5, 0.5, 0], [0, 0, 0]])


def test_large_scores_do_not_overflow(engine_dtype):
    engine, dtype = engine_dtype
    top = {"float16": 6e4, "bfloat16": 3e38, "float32": 3e38, "float64": 1e308}[dtype]
    scores = engine.array([[top, top, -top], [-top, -top, -top]], dtype)
    np.testing.assert_allclose(
        engine.numpy(softmax(scores), dtype),
        [[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]],
        rtol=2.0**-8 if dtype == "bfloat16" else 2.0**-11,
    )


@both_rules
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 5), (0, 0), (2, 0, 3)])
@pytest.mark.parametrize("masked", [False, True])
def test_an_empty_array_comes_back_empty(engine, rule, shape, masked):
    where = engine.array(np.ones(shape, bool)) if masked else None
    out = rule(engine.array(np.ones(shape)), where=where, temperature=2.0)
    assert engine.numpy(out, "float64").shape == shape


def test_logsumexp_of_an_empty_axis_is_minus_infinity(engine):
    for masked in (False, True):
        where = engine.array(np.ones((3, 0), bool)) if masked else None
        total = logsumexp(engine.array(np.ones((3, 0))), where=where)
        np.testing.assert_array_equal(engine.numpy(total), [-INF] * 3)
    total = logsumexp(engine.array(np.ones((2, 0, 3))), 1, keepdims=True)
    np.testing.assert_array_equal(engine.numpy(total), np.full((2, 1, 3), -INF))


@pytest.mark.parametrize("rule", [*ROW_RULES, logsumexp, Softmax()])
def test_a_single_number_has_no_keys(engine, rule):
    with pytest.raises(ValueError, match=r"needs an axis of keys; got a single number"):
        rule(engine.array(1.0))


@pytest.mark.parametrize("rule", [*ROW_RULES, logsumexp, Softmax()])
def test_integers_become_floats(rule):
    scores = [[1, 2, 3], [3, 1, 2]]
    expected = rule(np.array(scores, np.float64))
    for dtype in (np.int64, np.int8, np.uint16):
        actual = NUMPY.numpy(rule(np.array(scores, dtype)), "float64")
        np.testing.assert_array_equal(actual, expected)
    actual = TORCH.numpy(rule(torch.tensor(scores)), "float32")
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("rule", [*ROW_RULES, logsumexp, Softmax()])
@pytest.mark.parametrize("bad", [[True, False], [1j, 2.0]])
def test_bool_and_complex_scores_are_refused(engine, rule, bad):
    with pytest.raises(TypeError, match="x must hold real numbers; got dtype"):
        rule(engine.array(bad))


def test_text_is_refused():
    with pytest.raises(TypeError, match="x must hold real numbers; got dtype"):
        softmax(["one", "two"])


@pytest.mark.parametrize("rule", [*ROW_RULES, logsumexp, Softmax()])
def test_a_mixture_of_libraries_is_refused(rule):
    with pytest.raises(TypeError, match="x is a torch Tensor, where is a NumPy array"):
        rule(torch.zeros(3), where=np.ones(3, bool))
    with pytest.raises(TypeError, match="x is a NumPy array, where is a torch Tensor"):
        rule(np.zeros(3), where=torch.ones(3, dtype=torch.bool))
    with pytest.raises(TypeError, match="temperature is a torch Tensor"):
        softmax(np.zeros(3), temperature=torch.ones(1))


def test_where_must_be_bool_and_fit(engine):
    scores = engine.array(np.zeros((3, 5)))
    with pytest.raises(TypeError, match=r"where must be bool .* got .*float64"):
        softmax(scores, where=engine.array(np.ones((3, 5))))
    with pytest.raises(ValueError, match=r"\(3,\) does not broadcast to x, \(3, 5\)"):
        softmax(scores, where=engine.array(np.ones(3, bool)))
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) does not broadcast"):
        softmax(scores, where=engine.array(np.ones((2, 3, 5), bool)))


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_out_of_range_is_refused(engine, axis):
    with pytest.raises(ValueError, match=f"axis {axis} is out of range .* 2 axes"):
        softmax(engine.array(np.zeros((3, 5))), axis)


@pytest.mark.parametrize("axis", [None, 1.0, (0, 1)])
def test_an_axis_must_be_one_integer(engine, axis):
    with pytest.raises(TypeError, match="axis must be one integer; got"):
        softmax(engine.array(np.zeros((3, 5))), axis)


@pytest.mark.parametrize("bad", [0, -1.0, NAN, INF])
def test_a_temperature_must_be_positive_and_finite(engine, bad):
    scores = engine.array(np.zeros((3, 5)))
    for temperature in (bad, engine.array([[1.0], [bad], [2.0]])):
        with pytest.raises(ValueError, match="temperature must be positive and finite"):
            softmax(scores, temperature=temperature)
        with pytest.raises(ValueError, match="temperature must be positive and finite"):
            Softmax(temperature)


def test_a_temperature_must_have_size_one_along_the_axis(engine):
    scores = engine.array(np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"\(5,\) does not broadcast to the rows, "):
        softmax(scores, temperature=engine.array(np.ones(5)))
    with pytest.raises(TypeError, match="temperature must hold real numbers"):
        softmax(scores, temperature=True)


def test_a_float64_temperature_does_not_promote(engine):
    scores = engine.array([[1.0, 2.0]], "float32")
    for temperature in (np.float64(2), engine.array([[2.0]]), engine.array(2.0)):
        for rule in ROW_RULES:
            out = rule(scores, temperature=temperature)
            assert str(out.dtype).removeprefix("torch.") == "float32"


def strided(scores):
    """Give views with the same numbers that lie otherwise in memory."""
    yield "Fortran order", np.asfortranarray(scores)
    yield "every other one", np.repeat(scores, 2, axis=-1)[..., ::2]
    yield "transposed", np.ascontiguousarray(scores.T).T
    yield "negative strides", np.ascontiguousarray(scores[::-1, ::-1])[::-1, ::-1]
    read_only = scores.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only
    yield "big-endian", scores.astype(">f8")


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("n_keys", [5, 101])
def test_how_an_array_lies_in_memory_does_not_matter(axis, n_keys, rng):
    scores, where = rng.normal(size=(3, n_keys)), rng.random((3, n_keys)) < 0.7
    for rule in (*ROW_RULES, logsumexp):
        for kept in (None, where):
            expected = rule(scores, axis, where=kept)
            for name, view in strided(scores):
                actual = rule(view, axis, where=kept)
                np.testing.assert_allclose(actual, expected, 1e-14, err_msg=name)


def test_tensors_need_not_be_contiguous(rng):
    scores = rng.normal(size=(5, 3))
    view = torch.tensor(scores).T
    np.testing.assert_allclose(softmax(view).numpy(), softmax(scores.T), 1e-14)


@pytest.mark.parametrize("n_keys", [5, 101])
def test_inputs_are_not_modified(engine, n_keys, rng):
    scores, where = rng.normal(size=(3, n_keys)), rng.random((3, n_keys)) < 0.7
    temperature = rng.uniform(1, 2, size=(3, 1))
    given = [engine.array(a.copy()) for a in (scores, where, temperature)]
    for rule in ROW_RULES:
        rule(given[0])
        rule(given[0], where=given[1], temperature=given[2])
    logsumexp(given[0], where=given[1])
    for a, before in zip(given, (scores, where, temperature), strict=True):
        np.testing.assert_array_equal(engine.numpy(a), before)


def test_lists_are_taken_as_numpy_arrays():
    np.testing.assert_array_equal(softmax([[0, 0], [1, 1]]), np.full((2, 2), 0.5))
