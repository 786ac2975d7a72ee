"""What linear attention refuses, and what it says of it."""

import re

import numpy as np
import pytest
import torch

from attention_lib import (
    LinearState,
    linear_attention,
    scaled_dot_product_attention,
)
from tests.engines import ENGINES
from tests.linear_attention import RANDOM, for_engine

INF = np.inf


def test_no_argument_is_named_that_the_function_lacks():
    query, key = np.ones((4, 5, 3)), np.ones((2, 7, 3))
    with pytest.raises(ValueError, match="do not broadcast: ") as refused:
        linear_attention(query, key, key)
    assert "enable_gqa" not in str(refused.value)
    with pytest.raises(ValueError, match="enable_gqa=True shares key heads"):
        scaled_dot_product_attention(query, key, key)


def refusals():
    """Yield the arrays, the options, the error and a part of its message."""
    q, k, v = np.ones((2, 5, 3)), np.ones((2, 7, 3)), np.ones((2, 7, 4))
    message = "key and value lengths differ: 7 and 3"
    yield (q, k, v[:, :3]), {}, ValueError, message
    message = "query and key feature sizes differ: 3 and 2"
    yield (q, k[..., :2], v), {}, ValueError, message
    yield (q[0, 0], k, v), {}, ValueError, "query needs at least the axes (length, fea"
    yield (q, k > 0, v), {}, TypeError, "key must hold real numbers; got dtype"
    yield (q, k, v.astype(np.float32)), {}, TypeError, "pass all arrays in one dtype"
    message = "the leading axes of query, key, value do not broadcast"
    yield (np.ones((3, 5, 3)), k, v), {}, ValueError, message
    state = LinearState(np.ones((3, 4)), np.ones((3, 1)))
    wrong = LinearState(np.ones((2, 4)), np.ones((2, 1)))
    levelled = LinearState(np.ones((3, 4)), np.ones((3, 1)), np.ones((1, 1)))
    half = LinearState(*(np.ones((3, n), np.float32) for n in (4, 1)))
    options = [
        ({"where": np.ones(5, bool)}, ValueError, "where of shape (5,) does not broad"),
        ({"where": np.ones((3, 7), bool)}, ValueError, "broadcast to the keys, (2, 7)"),
        ({"where": np.ones(7)}, TypeError, "where must be bool (True takes part); got"),
        ({"scale": INF}, ValueError, "scale must be finite; got inf"),
        (
            {"feature_map": "elu"},
            ValueError,
            "unknown feature_map 'elu'; known are 'elu_plus_one', 'relu'",
        ),
        (
            {"feature_map": 3},
            TypeError,
            "feature_map must be a name, a callable or None; got a int",
        ),
        (
            {"feature_map": lambda x: x[..., 0]},
            ValueError,
            "feature_map must keep all axes but the last; got (2, 5) for (2, 5, 3)",
        ),
        (
            {"is_causal": "no"},
            TypeError,
            "is_causal must be True or False; got 'no'",
        ),
        (
            {"is_causal": np.ones((5, 7), bool)},
            TypeError,
            "is_causal must be True or False; got a",
        ),
        ({"normalize": 1}, TypeError, "normalize must be True or False; got 1"),
        (
            {"return_state": None},
            TypeError,
            "return_state must be True or False; got None",
        ),
        ({"state": 1}, TypeError, "state must be a LinearState; got a int"),
        ({"state": half}, TypeError, "the state and the computation differ in dtype"),
        (
            {"state": LinearState(np.ones((3, 2)), np.ones((3, 1)))},
            ValueError,
            "the state's values and value differ in size: 2 and 4",
        ),
        ({"state": wrong}, ValueError, "the state of shape (2, 4) does not broadcast"),
        (
            {"state": levelled},
            ValueError,
            "the state was made with another kind of feature_map",
        ),
        (
            {"state": state, "feature_map": RANDOM},
            ValueError,
            "the state",
        ),
    ]
    for option, error, message in options:
        yield (q, k, v), option, error, message


def on(engine, option):
    """Give an option to an engine."""
    if isinstance(option, np.ndarray):
        return engine.array(option)
    if isinstance(option, LinearState):
        parts = (option.products, option.total, option.max)
        return LinearState(*(None if a is None else engine.array(a) for a in parts))
    return for_engine(engine, option) if option is not None else None


@pytest.mark.parametrize("engine", ENGINES, ids=str)
@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        pytest.param(*case, id=f"{number}: {case[-1]}")
        for number, case in enumerate(refusals())
    ],
)
def test_what_does_not_fit_is_refused(engine, given, options, error, message):
    if options.get("feature_map") is RANDOM:  # of vectors of 7
        given = (np.ones((2, 5, 7)), np.ones((2, 7, 7)), given[2])
    options = {name: on(engine, option) for name, option in options.items()}
    with pytest.raises(error, match=re.escape(message)):
        linear_attention(*map(engine.array, given), **options)


def test_a_mixture_of_libraries_is_refused():
    one, other = np.ones((2, 3)), torch.ones(2, 3, dtype=torch.float64)
    with pytest.raises(TypeError, match="query is a NumPy array, key is a torch Ten"):
        linear_attention(one, other, one)
    with pytest.raises(TypeError, match="where is a NumPy array"):
        linear_attention(other, other, other, where=np.ones(2, bool))
    state = linear_attention(one, one, one, return_state=True)[1]
    with pytest.raises(TypeError, match="state is a NumPy array"):
        linear_attention(other, other, other, state=state)
    with pytest.raises(TypeError, match="features is a NumPy array"):
        linear_attention(other, other, other, feature_map=lambda x: np.ones((2, 3)))
